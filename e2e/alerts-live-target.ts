/** A target whose metrics are a function of time: requests at an even rate, a share of which is bad while a fault lasts. */
import { once } from 'node:events';
import { createServer } from 'node:http';

const RATE_PER_S = 1_000;

export interface Fault {
  name: string;
  fromMs: number;
  toMs: number;
  /** Of the requests that are bad and slow, 0 to 1. */
  share: number;
}

export interface Target {
  /** `127.0.0.1:port` */
  address: string;
  close(): Promise<void>;
}

/** Faults may be added while it runs, as long as they lie ahead. */
export async function startTarget(faults: readonly Fault[], nowMs: () => number): Promise<Target> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(metrics(faults, nowMs()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    address: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function metrics(faults: readonly Fault[], atMs: number): string {
  const all = (atMs / 1_000) * RATE_PER_S;
  const bad = faults.reduce(
    (sum, { fromMs, toMs, share }) =>
      sum + (Math.max(0, Math.min(atMs, toMs) - fromMs) / 1_000) * RATE_PER_S * share,
    0,
  );
  const broken = faults.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs) ? 1 : 0;
  const good = all - bad;
  return [
    '# TYPE work_total counter',
    `work_total{status="200"} ${good}`,
    `work_total{status="500"} ${bad}`,
    '# TYPE work_seconds histogram',
    ...[
      ['0.1', good],
      ['0.5', good],
      ['1', all],
      ['+Inf', all],
    ].map(([le, count]) => `work_seconds_bucket{le="${le}"} ${count}`),
    `work_seconds_count ${all}`,
    `work_seconds_sum ${good * 0.05 + bad * 0.7}`,
    '# TYPE broken gauge',
    `broken ${broken}`,
    '',
  ].join('\n');
}
