import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CONTROLLER_DEFAULTS } from '../../analysis/hpa/types.ts';
import { connectCluster } from './client.ts';
import type { Cluster } from './cluster.ts';
import { hpaParameters, readController } from './controller.ts';
import { refuse, startMockApi } from './mock-api.ts';
import type { MockApi } from './mock-api.ts';

let dir: string;
let mock: MockApi;
let cluster: Cluster;
beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-controller-'));
  mock = await startMockApi();
  cluster = await connectCluster({ kubeconfig: mock.kubeconfig(dir) });
});
afterEach(async () => {
  cluster.close();
  await mock.down();
  rmSync(dir, { recursive: true, force: true });
});

const FLAG = '--horizontal-pod-autoscaler';

/** As kubeadm writes it. */
function controlPlane(node: string, ...flags: string[]): void {
  mock.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `kube-controller-manager-${node}`,
      namespace: 'kube-system',
      labels: { component: 'kube-controller-manager', tier: 'control-plane' },
    },
    spec: {
      containers: [{ name: 'kube-controller-manager', command: ['kube-controller-manager', ...flags] }],
    },
  });
}

it('reads the version and the flags of the static pod, whose absent flags are defaults', async () => {
  controlPlane('a', '--leader-elect=true', `${FLAG}-sync-period=5s`, `${FLAG}-tolerance`, '0.25');
  const { version, parameters } = await readController(cluster, { syncPeriodMs: 1, tolerance: 1 });
  expect(version).toBe('1.35.8');
  const source = 'static pod';
  expect(parameters).toEqual({
    syncPeriodMs: { value: 5_000, source },
    tolerance: { value: 0.25, source },
    downscaleStabilizationMs: { value: 300_000, source },
    cpuInitializationMs: { value: 300_000, source },
    initialReadinessDelayMs: { value: 30_000, source },
  });
  expect(mock.requests.at(-1)?.query['labelSelector']).toBe('component=kube-controller-manager');
});

it('takes what the platform knows where no static pod is seen, and the defaults for the rest', async () => {
  const { parameters } = await readController(cluster, { syncPeriodMs: 7_000 });
  expect(parameters.syncPeriodMs).toEqual({ value: 7_000, source: 'platform' });
  expect(parameters.tolerance).toEqual({ value: 0.1, source: 'assumed default' });
});

it('assumes the defaults where it may not look, and does not hide an API that is away', async () => {
  mock.state.intercept = ({ path: asked }, response) =>
    asked.includes('/pods') && refuse(response, 403, 'Forbidden', 'pods is forbidden');
  const { parameters } = await readController(cluster);
  expect(Object.values(parameters).map(({ source }) => source)).toEqual(Array(5).fill('assumed default'));
  mock.state.intercept = ({ path: asked }, response) =>
    asked.includes('/pods') && refuse(response, 400, 'BadRequest', 'no');
  await expect(readController(cluster)).rejects.toThrow('400 BadRequest');
});

it('does not choose between control planes that differ, nor guess at what it cannot read', async () => {
  controlPlane('a', `${FLAG}-tolerance=0.2`, `${FLAG}-sync-period=20s`);
  controlPlane('b', `${FLAG}-tolerance=0.3`, `${FLAG}-sync-period=20s`);
  const { parameters } = await readController(cluster);
  expect(parameters.syncPeriodMs).toEqual({ value: 20_000, source: 'static pod' });
  expect(parameters.tolerance).toEqual({ value: 0.1, source: 'assumed default' });
});

it('reads a command line as the program does', () => {
  expect(hpaParameters(['/bin/kube-controller-manager'])).toEqual(CONTROLLER_DEFAULTS);
  expect(
    hpaParameters([
      `${FLAG}-sync-period=15s`,
      `${FLAG}-sync-period=1m30s`,
      `${FLAG}-initial-readiness-delay=0s`,
      `${FLAG}-downscale-stabilization=5m0s`,
      `${FLAG}-tolerance=often`,
    ]),
  ).toEqual({
    syncPeriodMs: 90_000,
    downscaleStabilizationMs: 300_000,
    cpuInitializationMs: 300_000,
    initialReadinessDelayMs: 0,
  });
});

it.each([
  ['v1.35.8', '1.35.8'],
  ['v1.33.5-gke.1080000', '1.33.5'],
  ['v1.34.1+k3s1', '1.34.1'],
])('knows %s as Kubernetes %s', async (gitVersion, version) => {
  const vendor = { ...cluster, version: () => Promise.resolve(gitVersion) };
  expect((await readController(vendor)).version).toBe(version);
});
