import { createServer } from 'node:http';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type Event, UsageError } from '../record/model.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { type ProgressMetrics, startProgressMetrics } from './progress-metrics.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(): Promise<ProgressMetrics> {
  const metrics = await startProgressMetrics({ port: 0, plan: SAMPLE_PLAN });
  open.push(metrics);
  return metrics;
}

/** What a scraper reads: the samples, without the comments. */
async function scrape({ url }: ProgressMetrics): Promise<string[]> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

const proof = (saw: Extract<Event, { kind: 'fault.proof' }>['saw']): Event => ({
  at: 0,
  kind: 'fault.proof',
  fault: 'kill',
  saw,
  notBeforeMs: 0,
  detail: '',
});
const pod = (uid: string, state: Extract<Event, { kind: 'pod' }>['state']): Event => ({
  at: 0,
  kind: 'pod',
  pod: uid,
  uid,
  state,
});

describe('metrics of a run', () => {
  it('starts every counter at zero, so that the first failure is an increase', async () => {
    expect(await scrape(await start())).toMatchInlineSnapshot(`
      [
        "proofload_run_info{run="sample-1",scenario="pod-loss",system="luminate",platform="local"} 1",
        "proofload_replicas_ready 0",
        "proofload_fault_active{fault="kill"} 0",
        "proofload_fault_active{fault="cut"} 0",
        "proofload_writes_total{outcome="acknowledged"} 0",
        "proofload_writes_total{outcome="failed"} 0",
        "proofload_writes_total{outcome="unknown"} 0",
        "proofload_points_acknowledged_total 0",
      ]
    `);
  });

  it('follows the run', async () => {
    const metrics = await start();
    metrics.event({ at: 0, kind: 'phase', phase: 'deploy' });
    for (const uid of ['a', 'b', 'c']) metrics.event(pod(uid, 'ready'));
    metrics.event({ at: 1, kind: 'phase', phase: 'disturb' });
    metrics.event(pod('a', 'sigkill'));
    metrics.event(pod('b', 'sigterm'));
    metrics.event(proof('acting'));
    metrics.event({
      at: 2,
      kind: 'host',
      busy: 0.5,
      foreign: 0,
      steal: 0,
      cores: {},
      rssMb: {},
      diskFreeMb: 1,
    });
    metrics.progress({ acked: 100, failed: 2, unknown: 0, p99Ms: 10 });
    metrics.progress({ acked: 50, failed: 0, unknown: 3, p99Ms: 10 });
    const during = await scrape(metrics);
    expect(during).toEqual(
      expect.arrayContaining([
        'proofload_phase{phase="deploy"} 0',
        'proofload_phase{phase="disturb"} 1',
        'proofload_replicas_ready 2',
        'proofload_fault_active{fault="kill"} 1',
        'proofload_fault_active{fault="cut"} 0',
        'proofload_host_busy_ratio 0.5',
        'proofload_writes_total{outcome="acknowledged"} 150',
        'proofload_writes_total{outcome="failed"} 2',
        'proofload_writes_total{outcome="unknown"} 3',
        'proofload_points_acknowledged_total 7500',
      ]),
    );
    metrics.event(proof('gone'));
    metrics.event({ at: 3, kind: 'run.ended', interrupted: false });
    const after = await scrape(metrics);
    expect(after).toContain('proofload_fault_active{fault="kill"} 0');
    expect(after).toContain('proofload_phase{phase="disturb"} 0');
  });

  it.each([['never'], ['elsewhere']] as const)(
    'does not call a fault active whose probe saw: %s',
    async (saw) => {
      const metrics = await start();
      metrics.event({ at: 0, kind: 'fault.injected', fault: 'kill' });
      metrics.event(proof(saw));
      expect(await scrape(metrics)).toContain('proofload_fault_active{fault="kill"} 0');
    },
  );

  it('keeps two runs in one process apart', async () => {
    const [one, other] = [await start(), await start()];
    one.progress({ acked: 1, failed: 0, unknown: 0, p99Ms: 1 });
    expect(await scrape(other)).toContain('proofload_writes_total{outcome="acknowledged"} 0');
  });
});

describe('the server', () => {
  it('answers only GET /metrics', async () => {
    const { url } = await start();
    expect((await fetch(new URL('/', url))).status).toBe(404);
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
    expect((await fetch(`${url}?debug=1`)).status).toBe(200);
  });

  it('listens on loopback only, and not at all after close', async () => {
    const metrics = await start();
    expect(new URL(metrics.url).hostname).toBe('127.0.0.1');
    await scrape(metrics);
    await metrics.close();
    await metrics.close();
    await expect(fetch(metrics.url)).rejects.toThrow('fetch failed');
  });

  it('names a taken port and the way out', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    open.push({
      close: async () => {
        other.close();
        await once(other, 'close');
      },
    });
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const attempt = startProgressMetrics({ port, plan: SAMPLE_PLAN });
    await expect(attempt).rejects.toThrow(UsageError);
    await expect(attempt).rejects.toThrow(
      `--metrics-port ${port}: another program already listens on 127.0.0.1:${port}; choose`,
    );
  });

  it.each([-1, 1.5, 65_536, Number.NaN])('refuses %s as a port', async (port) => {
    await expect(startProgressMetrics({ port, plan: SAMPLE_PLAN })).rejects.toThrow(UsageError);
  });
});
