import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CannotRun } from '../../platform.ts';
import { ApiError } from '../cluster.ts';
import type { KubeObject } from '../cluster.ts';
import { chaosLife, refOf, removeChaos, typed } from './chaos.ts';
import { makeFixture, NAMESPACE, settled } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { assertNoOverlap } from './overlap.ts';
import { podsWith } from './pod.ts';

let f: Fixture;
beforeEach(() => {
  vi.useFakeTimers();
  f = makeFixture();
});
afterEach(() => vi.useRealTimers());

const chaos = (kind: string, more: object = {}, metadata: object = {}): KubeObject => ({
  apiVersion: 'chaos-mesh.org/v1alpha1',
  kind,
  metadata: { name: 'c', namespace: NAMESPACE, ...metadata },
  ...more,
});
const records = (phase: string, desiredPhase = 'Run') => ({
  status: {
    experiment: {
      desiredPhase,
      containerRecords: [
        { id: `${NAMESPACE}/app-0/main`, selectorKey: '.', phase },
        { id: `${NAMESPACE}/store-0`, selectorKey: '.Target', phase },
      ],
    },
  },
});
const FINALIZER = { finalizers: ['chaos-mesh/records'] };
const pods = () => podsWith(f.deployed, { app: 'app' });

test('an object that recovers goes, however long its pods take one by one', async () => {
  const object = f.cluster.put(chaos('NetworkChaos', records('Injected'), FINALIZER));
  const removing = removeChaos(f.cluster, refOf(object));
  await vi.advanceTimersByTimeAsync(12_000);
  object['status'] = records('Not Injected').status;
  await vi.advanceTimersByTimeAsync(12_000);
  f.cluster.drop('NetworkChaos', 'c');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await removing).toEqual([]);
  expect(f.cluster.calls).toEqual(['remove NetworkChaos c']);
  expect(await removeChaos(f.cluster, refOf(object))).toEqual([]);
});

test('one that hangs on its finalizer is torn away, and its targets are replaced, a store not', async () => {
  const object = f.cluster.put(chaos('NetworkChaos', records('Not Injected/Wait'), FINALIZER));
  const torn = await settled(removeChaos(f.cluster, refOf(object)));
  expect(f.cluster.calls).toEqual([
    'remove NetworkChaos c',
    'patch NetworkChaos c',
    'patch NetworkChaos c',
    'remove Pod app-0',
  ]);
  expect(torn.join('; ')).toContain('torn away without recovery');
  expect(torn.join('; ')).toContain('demo/app-0 was deleted');
  expect(torn.join('; ')).toContain('demo/store-0 may still carry its rules');
  expect(f.cluster.find('NetworkChaos', 'c')).toBeUndefined();
  expect(f.cluster.find('Pod', 'store-0')).toBeDefined();
});

test('where the forced annotation is enough, the finalizer is left to its owner', async () => {
  const object = f.cluster.put(chaos('StressChaos', records('Injected'), FINALIZER));
  f.cluster.react = (verb) => {
    if (verb === 'patch') f.cluster.drop('StressChaos', 'c');
  };
  await settled(removeChaos(f.cluster, refOf(object)));
  expect(f.cluster.calls.filter((call) => call.startsWith('patch'))).toHaveLength(1);
});

test('one that does not even go then is told with the way out', async () => {
  const object = f.cluster.put(chaos('NetworkChaos', records('Injected'), FINALIZER));
  f.cluster.react = (verb, changed) => {
    if (verb === 'patch') f.cluster.put({ ...changed, metadata: { ...object.metadata, ...FINALIZER } });
  };
  await expect(settled(removeChaos(f.cluster, refOf(object)))).rejects.toThrow(
    'kubectl delete networkchaos.chaos-mesh.org/c -n demo',
  );
  expect(typed({ apiVersion: 'v1', kind: 'Node', name: 'n' })).toBe('node/n');
});

test('a torn fault is a note and an error of the run, once', async () => {
  const life = chaosLife(f.deployed, chaos('NetworkChaos', records('Injected'), FINALIZER), pods());
  await life.remove();
  expect(f.cluster.calls).toEqual([]);
  await life.inject();
  await expect(settled(life.remove())).rejects.toThrow('torn away');
  expect(f.emitted).toMatchObject([{ kind: 'note' }]);
  await life.remove();
});

test('a name that is taken is neither overwritten nor deleted', async () => {
  f.cluster.put(chaos('PodChaos'));
  const life = chaosLife(f.deployed, chaos('PodChaos'), pods());
  await expect(life.inject()).rejects.toThrow(ApiError);
  await life.remove();
  expect(f.cluster.find('PodChaos', 'c')).toBeDefined();
});

test.each([
  ['by its records', chaos('StressChaos', records('Injected'))],
  [
    'by its records, in another namespace',
    chaos('NetworkChaos', records('Not Injected'), { namespace: 'other' }),
  ],
  [
    'by names, before its controller saw it',
    chaos('IOChaos', { spec: { selector: { pods: { demo: ['app-1'] } } } }),
  ],
  [
    'by labels',
    chaos('PodChaos', { spec: { selector: { namespaces: ['demo'], labelSelectors: { app: 'app' } } } }),
  ],
  [
    'as its other end',
    chaos('NetworkChaos', {
      spec: { selector: {}, target: { selector: { labelSelectors: { app: 'app' } } } },
    }),
  ],
  ['by rules that are left', chaos('PodNetworkChaos', { spec: { iptables: [{}] } }, { name: 'app-2' })],
])('another fault on the same pods is refused: %s', async (_, object) => {
  f.cluster.put(object);
  await expect(assertNoOverlap(f.deployed, pods())).rejects.toThrow(CannotRun);
  await expect(assertNoOverlap(f.deployed, pods())).rejects.toThrow(
    new RegExp(`${object.metadata.name}.*app-`),
  );
});

test.each([
  ['is over', chaos('NetworkChaos', records('Not Injected', 'Stop'))],
  [
    'is a kill that was done',
    chaos('PodChaos', { spec: { action: 'container-kill' }, ...records('Injected') }),
  ],
  ['means other pods', chaos('PodChaos', { spec: { selector: { labelSelectors: { app: 'x' } } } })],
  ['has no rules left', chaos('PodNetworkChaos', { spec: { tcs: [] } }, { name: 'app-2' })],
])('one that %s is none', async (_, object) => {
  f.cluster.put(object);
  await assertNoOverlap(f.deployed, pods());
});

test('rights that are refused are told: first all namespaces, then its own', async () => {
  const forbidden = new ApiError('forbidden', 403, 'Forbidden');
  f.cluster.refuse = (verb, what) => (verb === 'list' && !what.includes(' in ') ? forbidden : undefined);
  await assertNoOverlap(f.deployed, pods());
  expect(f.emitted[0]?.text).toContain('PodChaos objects of other namespaces may not be read');
  f.cluster.refuse = (verb) => (verb === 'list' ? forbidden : undefined);
  await expect(assertNoOverlap(f.deployed, pods())).rejects.toThrow(/cannot be asked: forbidden/);
  f.cluster.refuse = () => new ApiError('no such kind', 404, 'NotFound');
  await assertNoOverlap(f.deployed, pods());
});
