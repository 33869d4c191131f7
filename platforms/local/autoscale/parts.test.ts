/** The parts of a rehearsed HPA, each without the others: what is read of the manifests, measured of processes, and told of objects. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CONTROLLER_DEFAULTS, type HpaSpec } from '../../../analysis/hpa/types.ts';
import { parseWatchLine, WATCH_FILE } from '../../../record/watch-log.ts';
import { Deployment } from '../../manifests/objects.ts';
import { parseYaml } from '../../manifests/located.ts';
import type { ManifestObject } from '../../manifests/read.ts';
import { parametersOf } from './autoscaler.ts';
import { findAutoscaler } from './manifest.ts';
import { PodObjects } from './pods.ts';
import { PodSampler } from './samples.ts';
import { NEW_STATUS, statusAfter } from './status.ts';
import { openTold, serverClock } from './told.ts';

const dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-told-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const CPU_HPA = `
spec:
  scaleTargetRef: { kind: Deployment, name: app }
  maxReplicas: 5
`;

function objects(hpas: string[], resources: string[]): ManifestObject[] {
  const containers = resources.map((text, i) => `        - { name: c${i}, resources: ${text} }`).join('\n');
  const workload = `kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n${containers}\n`;
  return [
    ...parseYaml(workload, 'app.yaml').map((node) => ({
      kind: 'Deployment',
      name: 'app',
      title: 'Deployment app',
      node,
    })),
    ...hpas.flatMap((text, i) =>
      parseYaml(text, 'hpa.yaml').map((node) => ({
        kind: 'HorizontalPodAutoscaler',
        name: `h${i}`,
        title: `HorizontalPodAutoscaler h${i}`,
        node,
      })),
    ),
  ];
}

describe('the HPA of the manifests', () => {
  it('is the one that scales the Deployment, with what its pods ask for', () => {
    const found = findAutoscaler(
      objects(
        [CPU_HPA],
        ['{ requests: { cpu: 50m }, limits: { memory: 1Ki } }', '{ limits: { cpu: 100m } }'],
      ),
      'app',
      'c0',
    );
    expect(found).toMatchObject({
      spec: { min: 1, max: 5 },
      container: 'c0',
      requestMilli: 150,
      containers: [
        { name: 'c0', requestsMilli: { cpu: 50, memory: 1_024_000 } },
        { name: 'c1', requestsMilli: { cpu: 100 } },
      ],
      unplayed: [],
    });
  });

  it('knows a container that asks for no CPU, and metrics that nobody measures here', () => {
    const external = `${CPU_HPA}  metrics: [{ type: External, external: { metric: { name: lag }, target: { type: Value, value: 5 } } }]\n`;
    const found = findAutoscaler(objects([external], ['{}']), 'app', 'c0');
    expect(found?.requestMilli).toBeNull();
    expect(found?.unplayed).toMatchObject([{ field: 'metric lag', object: 'HorizontalPodAutoscaler h0' }]);
  });

  it('is none when it scales another, and refused when there are two or it is not understood', () => {
    expect(findAutoscaler(objects([CPU_HPA], ['{}']), 'other', 'c0')).toBeNull();
    expect(() => findAutoscaler(objects([CPU_HPA, CPU_HPA], ['{}']), 'app', 'c0')).toThrow('leave one');
    expect(() => findAutoscaler(objects(['spec: {}'], ['{}']), 'app', 'c0')).toThrow('hpa.yaml:1');
  });

  it('is decided with the parameters of the scenario, and the defaults for the rest', () => {
    expect(parametersOf({ syncPeriodMs: 5, metricsPeriodMs: 7, downscaleStabilizationMs: 0 })).toEqual({
      ...CONTROLLER_DEFAULTS,
      version: [1, 35],
      syncPeriodMs: 5,
      downscaleStabilizationMs: 0,
    });
  });
});

describe('what processes use', () => {
  it('is the mean between two looks, of a whole tree, and starts anew with another process', async () => {
    const burner = 'const t = Date.now(); while (Date.now() - t < 2000);';
    const child = spawn('/bin/sh', ['-c', `${process.execPath} -e '${burner}' & wait`], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    const sampler = new PodSampler();
    const look = (of: number) => sampler.look(new Map([['app-0', of]]), () => performance.now());
    expect(look(pid)).toEqual([]);
    const deadlineMs = performance.now() + 4_000;
    let spent = 0;
    while (spent === 0 && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const [sample] = look(pid);
      expect(sample).toMatchObject({ pod: 'app-0' });
      spent = sample?.cpuNano ?? 0;
    }
    // The shell only waits: what is spent is its child's.
    expect(spent).toBeGreaterThan(0);
    expect(look(process.pid)).toEqual([]);
    expect(look(process.pid)[0]?.memoryKib).toBeGreaterThan(1_000);
    expect(sampler.look(new Map(), () => 0)).toEqual([]);
    child.kill('SIGKILL');
  });
});

describe('the status', () => {
  const spec: HpaSpec = {
    min: 1,
    max: 5,
    metrics: [
      { source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 50 } },
      {
        source: 'ContainerResource',
        name: 'memory',
        container: 'c',
        target: { type: 'averageValue', value: 9 },
      },
    ],
    behavior: null,
  };
  const next = { recommendations: [], scaleUps: [], scaleDowns: [] };
  const ok = { ok: true as const, replicas: 3, usage: 80, usageMilli: 1_000, readyPods: 1 };
  const failed = { ok: false as const, reason: 'FailedGetResourceMetric', message: 'why' };
  const yes = (reason: string) => ({ status: true, reason });

  it('shows what the metrics were, and when it scaled', () => {
    const status = statusAfter(NEW_STATUS, {
      decision: {
        desired: 3,
        rescale: true,
        rescaleReason: '',
        conditions: { AbleToScale: yes('SucceededRescale'), ScalingActive: yes('ValidMetricFound') },
        next,
      },
      current: 1,
      spec,
      proposals: [ok, { ...ok, usageMilli: 1_500 }],
      now: 'now',
    });
    expect(status).toEqual({
      lastScaleTime: 'now',
      currentReplicas: 1,
      desiredReplicas: 3,
      currentMetrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', current: { averageUtilization: 80, averageValue: '1' } },
        },
        {
          type: 'ContainerResource',
          containerResource: { name: 'memory', container: 'c', current: { averageValue: '1500m' } },
        },
      ],
      conditions: [
        {
          type: 'AbleToScale',
          status: 'True',
          reason: 'SucceededRescale',
          lastTransitionTime: 'now',
          message: 'the HPA controller was able to update the target scale to 3',
        },
        expect.objectContaining({ type: 'ScalingActive', reason: 'ValidMetricFound' }),
      ],
    });
  });

  it('keeps what it desired when a metric fails, and the time of a condition whose status stays', () => {
    const decide = (reason: string, status: boolean) => ({
      desired: null,
      rescale: false,
      rescaleReason: '',
      conditions: { ScalingActive: { status, reason } },
      next,
    });
    const at = (before: typeof NEW_STATUS, now: string, status: boolean) =>
      statusAfter(before, {
        decision: decide('FailedGetResourceMetric', status),
        current: 2,
        spec,
        proposals: [failed, ok],
        now,
      });
    const first = at({ ...NEW_STATUS, desiredReplicas: 2 }, 'first', false);
    expect(first).toMatchObject({
      desiredReplicas: 2,
      currentMetrics: [{ type: '' }, { type: 'ContainerResource' }],
      conditions: [{ message: 'the HPA was unable to compute the replica count: why', status: 'False' }],
    });
    expect(at(first, 'second', false).conditions?.[0]?.lastTransitionTime).toBe('first');
    expect(at(first, 'second', true).conditions?.[0]?.lastTransitionTime).toBe('second');
  });

  it('shows no metrics where none were looked at', () => {
    const decision = { desired: 5, rescale: true, rescaleReason: '', conditions: {}, next };
    expect(
      statusAfter(NEW_STATUS, { decision, current: 9, spec, proposals: [], now: '' }).currentMetrics,
    ).toBeNull();
  });
});

describe('pods as an API server has them', () => {
  const deployment = Deployment.parse({
    metadata: { name: 'app', namespace: 'ns' },
    spec: {
      selector: {},
      template: {
        metadata: { labels: { app: 'app' } },
        spec: { terminationGracePeriodSeconds: 8, containers: [{ name: 'c' }] },
      },
    },
  });

  it('are told with times cut to the second, and seen so by the decision', () => {
    let nowMs = 0;
    const clock = serverClock(() => nowMs);
    const told = openTold({ evidenceDir: dir, emit: () => undefined, nowMs: () => nowMs });
    const pods = new PodObjects(told, clock, deployment, {
      container: 'c',
      containers: [{ name: 'c', requestsMilli: { cpu: 50 } }],
    });
    const after = (ms: number, event: Parameters<PodObjects['changed']>[2], uid = 'u1') => {
      nowMs += ms;
      pods.changed(`app-${uid}`, uid, event);
    };
    after(0, { state: 'created' });
    expect(pods.seen()).toMatchObject([{ phase: 'Pending', deleted: false, ready: { status: false } }]);
    after(700, { state: 'started' });
    after(4_000, { state: 'ready' });
    const [seen] = pods.seen();
    expect(seen).toMatchObject({ phase: 'Running', ready: { status: true } });
    expect(seen?.ready?.changedAtMs).toBe(clock.seconds(4_700));
    expect(nowMs - (seen?.ready?.changedAtMs ?? 0)).toBeLessThan(1_000);
    expect(pods.counts()).toEqual({ replicas: 1, ready: 1 });
    after(1_000, { state: 'terminating', why: 'scale-down' });
    expect(pods.counts()).toEqual({ replicas: 0, ready: 0 });
    expect(pods.seen()).toMatchObject([{ deleted: true }]);
    after(1_000, { state: 'exited', exitCode: null, signal: 'SIGKILL' });
    after(0, { state: 'deleted' });
    after(0, { state: 'created' }, 'u2');
    after(0, { state: 'terminating', why: 'pod-kill' }, 'u2');
    expect(pods.seen()).toHaveLength(1);
    told.close();
    told.tell('ADDED', { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'late' } });

    const lines = readFileSync(path.join(dir, path.basename(WATCH_FILE)), 'utf8')
      .trim()
      .split('\n');
    const parsed = lines.map((line) => parseWatchLine(line));
    expect(parsed.map((line) => (typeof line === 'string' ? line : line.type))).toEqual([
      'ADDED',
      'MODIFIED',
      'MODIFIED',
      'MODIFIED',
      'MODIFIED',
      'DELETED',
      'ADDED',
      'MODIFIED',
    ]);
    expect(parsed[3]).toMatchObject({
      object: {
        metadata: {
          namespace: 'ns',
          resourceVersion: '4',
          labels: { app: 'app' },
          deletionTimestamp: clock.stamp(5_700 + 8_000),
          deletionGracePeriodSeconds: 8,
        },
        spec: { containers: [{ resources: { requests: { cpu: '50m' } } }] },
      },
    });
    expect(parsed[5]).toMatchObject({
      object: { status: { containerStatuses: [{ state: { terminated: { exitCode: 137 } } }] } },
    });
    expect(parsed[7]).toMatchObject({ object: { metadata: { deletionGracePeriodSeconds: 0 } } });
  });
});
