import { expect, it } from 'vitest';
import type { KubeObject } from './cluster.ts';
import { plannedScaleBackMs, readScaling } from './scaling.ts';
import { memoryCluster, SERVED } from './testing.ts';

const namespace = 'shop';
const NOW_MS = 100_000;
const POD_METRICS = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', namespaced: true };

const hpa: KubeObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', namespace },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 3,
    maxReplicas: 10,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
      },
    ],
  },
};

function deployment(resources: object): KubeObject {
  const containers = [
    { name: 'web', resources },
    { name: 'side', resources: { requests: { cpu: '10m' } } },
  ];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: { template: { spec: { containers } } },
  };
}

function pod(name: string, ready = true): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid: name, labels: { app: 'web' } },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function sample(name: string, cpu: string, endedMs: number): KubeObject {
  return {
    apiVersion: 'metrics.k8s.io/v1beta1',
    kind: 'PodMetrics',
    metadata: { name, namespace },
    timestamp: new Date(Date.now() - NOW_MS + endedMs).toISOString(),
    window: '10.031s',
    containers: [
      { name: 'web', usage: { cpu } },
      { name: 'side', usage: { cpu: '1m' } },
    ],
  };
}

function ask(objects: KubeObject[], live: KubeObject, pods: KubeObject[]) {
  const cluster = memoryCluster({ kinds: [...SERVED, POD_METRICS] });
  for (const object of objects) cluster.put(object);
  return readScaling({
    cluster,
    namespace,
    deployment: 'web',
    deploymentNow: () => live,
    labels: { app: 'web' },
    pods: () => pods,
    nowMs: () => NOW_MS,
  });
}

const sized = deployment({ requests: { cpu: '40m' }, limits: { cpu: '0.2' } });

it('has the spec, the sizes of a pod, and a sample of each that is Ready', async () => {
  const samples = [sample('a', '12345678n', 90_000), sample('b', '20m', 90_000)];
  const pods = [pod('a'), pod('b'), pod('new', false)];
  const scaling = await ask([hpa, ...samples], sized, pods);
  expect(scaling).toMatchObject({ spec: { min: 3, max: 10 }, requestMilli: 50, limitMilli: null });
  expect(scaling?.cpu).toEqual([
    { pod: 'a', usageMilli: 14, atMs: expect.closeTo(90_000, -3) as number, windowMs: 10_031 },
    { pod: 'b', usageMilli: 21, atMs: expect.closeTo(90_000, -3) as number, windowMs: 10_031 },
  ]);
});

it('has no samples while a Ready pod lacks one', async () => {
  const scaling = await ask([hpa, sample('a', '12m', 90_000)], sized, [pod('a'), pod('b')]);
  expect(scaling?.cpu).toEqual([]);
});

it('is null without an HPA of the workload, and refuses pods without a request', async () => {
  expect(await ask([], sized, [])).toBeNull();
  await expect(ask([hpa], deployment({}), [])).rejects.toThrow('container web requests no CPU');
});

it('plans the way back from the manifests, where there is an HPA that can divide', () => {
  const shown = plannedScaleBackMs([hpa, sized], 'web', {
    syncPeriodMs: 5_000,
    downscaleStabilizationMs: 30_000,
  });
  const slower = plannedScaleBackMs([hpa, sized], 'web', {});
  expect(shown).toBeGreaterThan(30_000);
  expect(slower).toBeGreaterThan((shown ?? 0) + 270_000);
  expect(plannedScaleBackMs([sized], 'web', {})).toBeNull();
  expect(plannedScaleBackMs([hpa, deployment({})], 'web', {})).toBeNull();
  const limited = deployment({ limits: { cpu: '40m' } });
  expect(plannedScaleBackMs([hpa, limited], 'web', {})).toBe(slower);
  const byMemory = {
    type: 'Resource',
    resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 75 } },
  };
  const other = { ...hpa, spec: { ...Object(hpa['spec']), metrics: [byMemory] } };
  expect(plannedScaleBackMs([other, sized], 'web', {})).toBeNull();
});
