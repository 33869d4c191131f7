import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseWatchLine, WATCH_FILE } from '../../record/watch-log.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import type { Platform } from '../platform.ts';
import { makeFixture, MANIFEST, memoryHistory, memoryJournal, until } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { createLocalPlatform } from './platform.ts';

const AUTOSCALE = { syncPeriodMs: 200, metricsPeriodMs: 250, downscaleStabilizationMs: 0 };
/** One pod that burns 30 % of a core asks for three; two of them idle come to rest at one. */
const SCALED = MANIFEST.replace('replicas: 3', 'replicas: 1')
  .replace('limits: { cpu: "1" }', 'requests: { cpu: 100m }')
  .replace('minReplicas: 3', 'minReplicas: 1')
  .replace('maxReplicas: 10', 'maxReplicas: 3')
  .replace('sleep 1', 'sleep 0');

let fixture: Fixture;
let platform: Platform;
const history = memoryHistory();

const lines = (): WatchLine[] =>
  readFileSync(path.join(fixture.dir, WATCH_FILE), 'utf8')
    .trim()
    .split('\n')
    .map((text) => {
      const line = parseWatchLine(text);
      if (typeof line === 'string') throw new Error(line);
      return line;
    });
const of = (kind: string) => lines().filter((line) => line.kind === kind);
const burn = (url: string, ms: number) =>
  fetch(`${url}/set?burn=${ms}`, { headers: { connection: 'close' } });
const living = () => platform.pods().filter(({ terminating }) => !terminating);
const podStates = () => history.events.flatMap((event) => (event.kind === 'pod' ? [event] : []));

beforeAll(async () => {
  fixture = await makeFixture();
  fixture.write('manifests/tiny.yaml', SCALED);
  platform = createLocalPlatform(fixture);
  await platform.deploy({
    runId: `scaled-${process.pid}`,
    systemDir: fixture.systemDir,
    evidenceDir: fixture.evidenceDir,
    autoscale: AUTOSCALE,
    emit: history.emit,
    redact: (line) => line,
    undo: memoryJournal(),
    nowMs: () => performance.now(),
    signal: new AbortController().signal,
  });
}, 30_000);
afterAll(async () => {
  await platform.remove();
  fixture.remove();
});

describe('a rehearsed HPA', () => {
  test('says what its controller was started with, and no longer that the HPA is left out', () => {
    expect(history.events.find(({ kind }) => kind === 'hpa.controller')).toMatchObject({
      version: '1.35.0',
      parameters: {
        syncPeriodMs: { value: 200, source: 'platform' },
        tolerance: { value: 0.1, source: 'platform' },
        downscaleStabilizationMs: { value: 0, source: 'platform' },
      },
    });
    const objects = history.events.flatMap((event) => (event.kind === 'unplayed' ? [event.object] : []));
    expect(objects).not.toContain('HorizontalPodAutoscaler tiny-hpa');
  });

  test('scales out on what the processes use, and back when they rest', async () => {
    expect(living()).toHaveLength(1);
    const [first] = platform.pods();
    await until('a sample of the pod', async () => ((await platform.scaling?.())?.cpu.length ?? 0) === 1);
    expect(await platform.scaling?.()).toMatchObject({
      spec: { min: 1, max: 3 },
      requestMilli: 100,
      limitMilli: null,
      cpu: [{ pod: first?.name }],
    });

    await burn(first?.url ?? '', 30);
    await until('three pods', () => living().length === 3);
    await until('three ready pods', () => living().every(({ ready }) => ready));
    await burn(first?.url ?? '', 0);
    await until('one pod', () => platform.pods().length === 1);
    // Those that became ready last are given up first.
    expect(platform.pods()[0]?.name).toBe(first?.name);
    expect(podStates().filter(({ why }) => why === 'scale-down')).not.toHaveLength(0);
  }, 40_000);

  test('tells it as a cluster does', () => {
    const sizes = of('Deployment').map(({ object }) => object['spec']);
    expect(sizes.at(0)).toMatchObject({ replicas: 1 });
    expect(sizes).toContainEqual(expect.objectContaining({ replicas: 3 }));
    expect(sizes.at(-1)).toMatchObject({ replicas: 1 });
    expect(of('Deployment').at(0)?.object).toMatchObject({
      metadata: { managedFields: [{ manager: 'proofload' }] },
    });
    expect(of('Deployment').at(-1)?.object).toMatchObject({
      metadata: { managedFields: [{ manager: 'kube-controller-manager', subresource: 'scale' }] },
    });

    const statuses = of('HorizontalPodAutoscaler').map(({ object }) => object['status']);
    expect(statuses.at(0)).toEqual({ desiredReplicas: 0, currentMetrics: null });
    expect(statuses).toContainEqual(
      expect.objectContaining({
        desiredReplicas: 3,
        currentMetrics: [
          expect.objectContaining({
            type: 'Resource',
            resource: {
              name: 'cpu',
              current: { averageUtilization: expect.any(Number), averageValue: expect.any(String) },
            },
          }),
        ],
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'AbleToScale', status: 'True', reason: 'SucceededRescale' }),
          expect.objectContaining({ type: 'ScalingActive', reason: 'ValidMetricFound' }),
        ]),
        lastScaleTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      }),
    );
    const texts = of('Event').map(({ object }) => object['message']);
    expect(texts).toContain(
      'New size: 3; reason: cpu resource utilization (percentage of request) above target',
    );
    expect(texts).toContain('New size: 1; reason: All metrics below target');

    expect(of('PodMetrics').filter(({ type }) => type === 'POLLED').length).toBeGreaterThan(3);
    expect(of('PodMetrics').at(0)?.object).toMatchObject({
      window: expect.stringMatching(/^[\d.]+s$/),
      containers: [{ name: 'app', usage: { cpu: expect.stringMatching(/^\d+n$/) } }],
    });
    const pods = of('Pod');
    // How often it goes back and forth on the way depends on the machine.
    const added = pods.filter(({ type }) => type === 'ADDED').length;
    expect(added).toBeGreaterThanOrEqual(3);
    expect(pods.filter(({ type }) => type === 'DELETED')).toHaveLength(added - 1);
    expect(pods.at(0)?.object).toMatchObject({
      status: {
        phase: 'Pending',
        conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'False' })]),
      },
      spec: { containers: [{ name: 'app', resources: { requests: { cpu: '100m' } } }] },
    });
    const revisions = lines().flatMap(({ object }) =>
      object['kind'] === 'PodMetrics'
        ? []
        : [Number((object['metadata'] as { resourceVersion: string }).resourceVersion)],
    );
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  });
});

describe('before the start', () => {
  const surge = { name: 'surge', fault: { surge: 'to-max' as const }, forMs: 1_000 };
  const prepare = (autoscale: typeof AUTOSCALE | undefined) =>
    createLocalPlatform(fixture).prepare({ systemDir: fixture.systemDir, autoscale, faults: [surge] });

  test('says how long the way back takes, and that nothing moves where no autoscaling was asked for', async () => {
    const scaled = await prepare(AUTOSCALE);
    expect(scaled.notRun).toEqual({});
    expect(scaled.scaleBackMs).toBeGreaterThan(20_000);
    const fixed = await prepare(undefined);
    expect(fixed.notRun).toEqual({ surge: expect.stringContaining('autoscale') });
    expect(fixed.scaleBackMs).toBeUndefined();
  });

  test('refuses to autoscale without an HPA that scales the workload', async () => {
    fixture.write(
      'manifests/tiny.yaml',
      SCALED.replace('name: tiny }\n  minReplicas', 'name: other }\n  minReplicas'),
    );
    await expect(prepare(AUTOSCALE)).rejects.toThrow(
      'no HorizontalPodAutoscaler of the manifests scales Deployment tiny',
    );
  });
});
