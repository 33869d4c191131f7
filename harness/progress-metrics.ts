/**
 * A run's progress for Prometheus (`--metrics-port`), so that a long soak can be watched and alerted on. Loopback only:
 * a scraper elsewhere needs a tunnel, and nobody else learns what is being tested.
 */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';
import { type Plan, UsageError } from '../record/model.ts';
import type { RunObserver } from './observer.ts';

const HOST = '127.0.0.1';

export interface ProgressMetrics extends RunObserver {
  /** Where Prometheus scrapes. */
  readonly url: string;
  /** Ends open connections too; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Serves /metrics on 127.0.0.1:`port`, 0 for any free one.
 * Throws UsageError when the port is no port, is taken or may not be opened: before a run, nothing else was started yet.
 */
export async function startProgressMetrics(options: { port: number; plan: Plan }): Promise<ProgressMetrics> {
  const { port, plan } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(
      `--metrics-port: expected a port from 1 to 65535, or 0 for any free one, got ${port}`,
    );
  const registry = new Registry();
  const observer = progressMetrics(registry, plan);
  const server = createServer(answer(registry));
  server.requestTimeout = 5_000;
  const openPort = await listen(server, port);
  return {
    ...observer,
    url: `http://${HOST}:${openPort}/metrics`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The run as metrics of this registry. */
function progressMetrics(registry: Registry, plan: Plan): RunObserver {
  const registers = [registry];
  const gauge = <T extends string>(name: string, help: string, labelNames: T[]) =>
    new Gauge<T>({ name, help, labelNames, registers });
  const info = gauge('proofload_run_info', 'Always 1; the labels say which run this is.', [
    'run',
    'scenario',
    'system',
    'platform',
  ]);
  const phase = gauge('proofload_phase', '1 for the phase the run is in, 0 for those it has left.', [
    'phase',
  ]);
  const ready = gauge('proofload_replicas_ready', 'Pods of the system that are Ready.', []);
  const fault = gauge('proofload_fault_active', '1 while the probe of this fault sees it act.', ['fault']);
  const busy = gauge('proofload_host_busy_ratio', 'Share of the machine that is busy, 0 to 1.', []);
  const writes = new Counter({
    name: 'proofload_writes_total',
    help: 'Writes of the judged load, by how they ended.',
    labelNames: ['outcome'],
    registers,
  });
  const points = new Counter({
    name: 'proofload_points_acknowledged_total',
    help: 'Points in acknowledged writes of the judged load.',
    registers,
  });

  const { scenario, platform } = plan;
  info.set({ run: plan.runId, scenario: scenario.name, system: scenario.system, platform }, 1);
  // A counter that starts at its first increment hides that increment from rate().
  for (const outcome of ['acknowledged', 'failed', 'unknown']) writes.inc({ outcome }, 0);
  // Not measured yet is absent, not idle.
  busy.remove();
  for (const { name } of plan.faults) fault.set({ fault: name }, 0);

  const readyPods = new Set<string>();
  let phaseNow: string | null = null;
  const enter = (next: string | null) => {
    if (phaseNow !== null) phase.set({ phase: phaseNow }, 0);
    if (next !== null) phase.set({ phase: next }, 1);
    phaseNow = next;
  };
  return {
    event(event) {
      if (event.kind === 'phase') enter(event.phase);
      else if (event.kind === 'run.ended') enter(null);
      else if (event.kind === 'host') busy.set(event.busy);
      else if (event.kind === 'fault.proof') {
        if (event.saw !== 'elsewhere') fault.set({ fault: event.fault }, event.saw === 'acting' ? 1 : 0);
      } else if (event.kind === 'fault.healed' || event.kind === 'fault.failed') {
        fault.set({ fault: event.fault }, 0);
      } else if (event.kind === 'pod') {
        if (event.state === 'ready') readyPods.add(event.uid);
        // A signal alone does not make a pod unready; the platform reports what does.
        else if (event.state !== 'sigterm') readyPods.delete(event.uid);
        ready.set(readyPods.size);
      }
    },
    progress({ acked, failed, unknown, before }) {
      if (before !== undefined) return;
      writes.inc({ outcome: 'acknowledged' }, acked);
      writes.inc({ outcome: 'failed' }, failed);
      writes.inc({ outcome: 'unknown' }, unknown);
      points.inc(acked * scenario.load.pointsPerWrite);
    },
  };
}

function answer(registry: Registry): RequestListener {
  return (request, response) => {
    const plain = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
    if (request.method !== 'GET') plain(405, 'only GET is answered');
    else if (request.url?.split('?')[0] !== '/metrics') plain(404, 'the metrics are at /metrics');
    else
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        (error: unknown) => plain(500, String(error)),
      );
  };
}

/** The open port. The server does not keep the process alive, and a fault of it later does not end the run. */
async function listen(server: Server, port: number): Promise<number> {
  server.listen({ host: HOST, port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE')
      throw new UsageError(
        `--metrics-port ${port}: another program already listens on ${HOST}:${port}; choose another port, or 0 for any free one`,
        { cause: error },
      );
    if (code === 'EACCES')
      throw new UsageError(
        `--metrics-port ${port}: this user may not open ${HOST}:${port}; choose a port above 1023, or 0 for any free one`,
        { cause: error },
      );
    throw error;
  }
  server.on('error', () => {});
  server.unref();
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}
