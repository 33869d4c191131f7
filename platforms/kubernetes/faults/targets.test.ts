import { expect, test } from 'vitest';
import { CannotRun } from '../../platform.ts';
import type { Aim } from './chaos-file.ts';
import { makeFixture, setPod } from './fixture.ts';
import { aimAt } from './targets.ts';

const AIM: Aim = { mode: 'all', value: undefined, namespaces: [], labels: {}, oneOf: [] };
const BOTH: Aim = { ...AIM, oneOf: [{ key: 'app', values: ['app', 'worker'] }] };
const names = (pods: readonly { name: string }[]) => pods.map(({ name }) => name);

test('several workloads are aimed at by one expression', () => {
  const f = makeFixture();
  f.pod('worker-0', { app: 'worker' });
  f.pod('other-0', { app: 'other' });
  const aimed = aimAt(f.deployed, BOTH, () => 0, 'x');
  expect(names(aimed.pods)).toEqual(['app-0', 'app-1', 'app-2', 'worker-0']);
  expect(aimed.ready()).toBe(4);
  expect(aimed.wanted()).toBe(4);
});

test('labels and expressions have to hold together', () => {
  const { deployed } = makeFixture();
  const aim = { ...BOTH, labels: { app: 'store' } };
  expect(() => aimAt(deployed, aim, () => 0, 'x')).toThrow(CannotRun);
  expect(() => aimAt(deployed, aim, () => 0, 'x')).toThrow('app=store,app in (app,worker)');
});

test('of the workload as many are wanted as its Deployment asks for now, of anything else as many as there were', () => {
  const { cluster, deployed } = makeFixture();
  const app = aimAt(deployed, { ...AIM, mode: 'one', labels: { app: 'app' } }, () => 0, 'x');
  const store = aimAt(deployed, { ...AIM, labels: { app: 'store' } }, () => 0, 'x');
  expect(names(app.spared)).toEqual(['app-1', 'app-2']);
  setPod(cluster, 'store-0', { ready: false });
  const deployment = cluster.find('Deployment', 'app');
  if (deployment) deployment['spec'] = { replicas: 5 };
  expect([app.ready(), app.wanted()]).toEqual([3, 5]);
  expect([store.ready(), store.wanted()]).toEqual([0, 1]);
});
