/**
 * The run's own Prometheus in a real cluster: it finds the pods of the system and nothing else, fires, survives its own restart and a silent
 * API server, says why it does not come up, and goes without a trace.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { CONTEXT, KUBECONFIG } from '../platforms/bare/layout.ts';
import { PROMETHEUS_IMAGE } from '../platforms/images/own.ts';
import { createKubernetesPlatform } from '../platforms/kubernetes/platform.ts';
import { dial } from '../platforms/kubernetes/dial.ts';
import { CannotRun, type PrometheusRequest, type StartedPrometheus } from '../platforms/platform.ts';
import type { Event } from '../record/model.ts';
import { ROOT } from '../record/root.ts';
import { down, kubectl, marksInCluster, up, whyNoCluster, without } from './bare.ts';
import { FULL, judgedRun, red } from './proofload.ts';

const why = whyNoCluster();
if (why !== null) process.stderr.write(`skipped: ${why}\n`);

const OUTAGE_MS = 10_000;
const SYSTEM = { systemDir: path.join(ROOT, 'systems/luminate'), overlay: 'quick-cluster' };
const RULES = `groups:
  - name: own
    rules:
      - alert: AllUp
        expr: sum(up{job="pods", namespace="luminate", app="luminate"}) == 3
`;
const request: PrometheusRequest = {
  config: 'global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [rules/*.yaml]\n',
  rules: { 'own.yaml': RULES },
  scrapeIntervalMs: 1_000,
  flags: ['--web.enable-lifecycle'],
  binary: () => Promise.reject(new Error('a cluster runs it as a pod')),
  receiverUrl: 'http://127.0.0.1:9',
};

const Answer = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z.tuple([z.number(), z.string()]),
      }),
    ),
  }),
});
async function query({ url }: StartedPrometheus, expr: string) {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`, {
    signal: AbortSignal.timeout(5_000),
  });
  return Answer.parse(await answer.json()).data.result;
}

describe.skipIf(why !== null || !FULL)('in a bare cluster', () => {
  beforeAll(async () => {
    if (process.env['PROOFLOAD_KEEP'] === '1') return;
    await down();
    await up();
  });
  afterAll(() => down());

  it('tells a run in time that writes fail, and of nothing else', async () => {
    const run = await judgedRun(['alerts-2m', '--on', 'bare', '--compress', '15']);
    process.stderr.write(`${run.verdict}\n  ${red(run).join('\n  ')}\n`);
    const history = readFileSync(path.join(run.runDir, 'history.jsonl'), 'utf8').trimEnd().split('\n');
    const told = history.map((line) => JSON.parse(line) as Event);
    // Inside the cluster's network pods have a way to the run.
    expect(told.find(({ kind }) => kind === 'prometheus.started')).toMatchObject({
      firingsFrom: 'notifications',
    });
    expect(told.find(({ kind }) => kind === 'prometheus.ended')).toMatchObject({ why: '' });
    for (const check of ['alert-fires', 'alerts-silent', 'query'])
      expect(run.verdicts.find((verdict) => verdict.check === check)?.verdict, check).toBe('pass');
    expect(await marksInCluster()).toEqual([]);
  });

  describe('asked from outside', fromOutside);
});

/** Of the cluster's network: pods are reached through the API server. */
function fromOutside() {
  const evidenceDir = mkdtempSync(path.join(os.tmpdir(), 'alerts-e2e-'));
  const ending = new AbortController();
  const platform = createKubernetesPlatform({
    kubeconfig: KUBECONFIG,
    context: CONTEXT,
    attach: false,
    prometheus: { image: PROMETHEUS_IMAGE },
    places: { built: (source) => path.join(ROOT, source), chaosDir: path.join(ROOT, 'chaos'), dial },
  });

  beforeAll(async () => {
    // With runners the Service need not be reached from here.
    await platform.prepare({
      ...SYSTEM,
      faults: [],
      runners: { count: 1, kind: 'job' },
      prometheus: true,
    });
    const preview = (await platform.preview?.([], 'everything')) ?? [];
    expect(preview.filter((line) => line.includes('own Prometheus'))).toHaveLength(5);
    await platform.deploy({
      ...SYSTEM,
      runId: 'alerts-e2e',
      evidenceDir,
      emit: () => undefined,
      redact: (line) => line,
      undo: { intent: () => 1, acted: () => undefined, done: () => undefined },
      nowMs: () => performance.now(),
      signal: ending.signal,
    });
  });
  afterAll(async () => {
    await platform.remove();
    rmSync(evidenceDir, { recursive: true, force: true });
    expect(await marksInCluster()).toEqual([]);
  });

  it('says in its own words why it would not take the rules, and leaves nothing', async () => {
    const bad = { ...request, rules: { 'bad.yaml': RULES.replace('== 3', '== == 3') } };
    const failure: unknown = await platform.startPrometheus(bad).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CannotRun);
    expect(String(failure)).toMatch(/level=ERROR .*rules\/bad\.yaml: 5:15: .*parse error/);
    await vi.waitFor(async () => expect(await ours()).toBe(''), { timeout: 60_000 });
    process.stderr.write(`${String(failure)}\n`);
  });

  it('watches the pods of the system, and comes back to its samples', async () => {
    const startedMs = performance.now();
    const prometheus = await platform.startPrometheus(request);
    process.stderr.write(`up after ${Math.round(performance.now() - startedMs)} ms at ${prometheus.url}\n`);
    expect(prometheus.version).toMatch(/^3\.\d+\.\d+$/);
    await vi.waitFor(
      async () => expect(await query(prometheus, 'ALERTS{alertstate="firing"}')).toHaveLength(1),
      { timeout: 60_000, interval: 500 },
    );
    process.stderr.write(`fires after ${Math.round(performance.now() - startedMs)} ms\n`);
    const targets = await query(prometheus, 'up');
    expect(targets).toHaveLength(3);
    for (const { metric } of targets) {
      expect(metric).toMatchObject({ job: 'pods', namespace: 'luminate', app: 'luminate' });
      expect(metric['pod']).toMatch(/^luminate-/);
      expect(metric['node']).toMatch(/^node-[ab]$/);
    }

    const [first] = await query(prometheus, 'min(min_over_time(timestamp(up)[1h:1s]))');
    const before = await startTime(prometheus);
    await fetch(`${prometheus.url}/-/quit`, { method: 'POST' }).catch(() => undefined);
    await vi.waitFor(async () => expect(await startTime(prometheus)).toBeGreaterThan(before), {
      timeout: 60_000,
      interval: 500,
    });
    expect(prometheus.ended()).toBeNull();
    const [still] = await query(prometheus, 'min(min_over_time(timestamp(up)[1h:1s]))');
    expect(Math.abs(Number(still?.value[1]) - Number(first?.value[1]))).toBeLessThan(2);

    await without('kube-apiserver', async () => {
      await pause(OUTAGE_MS); // the length of the outage is the point
      await expect(query(prometheus, 'up')).rejects.toThrow();
      expect(prometheus.ended()).toBeNull();
    });
    await vi.waitFor(async () => expect((await query(prometheus, 'up')).length).toBe(3), {
      timeout: 60_000,
      interval: 1_000,
    });
    const [longest] = await query(
      prometheus,
      `max(max_over_time((time() - timestamp(up))[${OUTAGE_MS}ms:1s]))`,
    );
    process.stderr.write(`longest age of a sample since then: ${longest?.value[1]} s\n`);

    await kubectl('delete', 'pod', 'proofload-prometheus', '-n', 'luminate', '--grace-period=1');
    await vi.waitFor(() => expect(prometheus.ended()).toMatch(/deleted/), { timeout: 60_000 });
    await prometheus.stop();
    await vi.waitFor(async () => expect(await ours()).toBe(''), { timeout: 60_000 });
  });
}

/** Seconds since the Unix epoch. */
async function startTime({ url }: StartedPrometheus): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  return Number(/^process_start_time_seconds (\S+)$/m.exec(await answer.text())?.[1]);
}

/** Names of what is there of Prometheus. */
function ours(): Promise<string> {
  const kinds = 'serviceaccounts,roles,rolebindings,configmaps,pods';
  const marked = ['-l', 'proofload.dev/prometheus', '-o', 'name', '--ignore-not-found'];
  return kubectl('get', kinds, '-n', 'luminate', ...marked);
}
