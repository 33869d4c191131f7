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
const NAMED = { spec: { selector: { pods: { [NAMESPACE]: ['app-0'] } } } };
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
  const object = f.cluster.put(
    chaos('NetworkChaos', { ...records('Not Injected/Wait'), ...NAMED }, FINALIZER),
  );
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

test.each([
  ['its selector does not name', { spec: { selector: { pods: { [NAMESPACE]: ['app-1'] } } } }],
  ['its selector names in another namespace', { spec: { selector: { pods: { other: ['app-0'] } } } }],
  ['its selector would find by labels', { spec: { selector: { labelSelectors: { app: 'app' } } } }],
])('a pod in its status that %s is only told', async (_, spec) => {
  const object = f.cluster.put(chaos('NetworkChaos', { ...records('Injected'), ...spec }, FINALIZER));
  const torn = await settled(removeChaos(f.cluster, refOf(object)));
  expect(torn.join('; ')).toContain('demo/app-0, demo/store-0 may still carry its rules');
  expect(f.cluster.calls).not.toContain('remove Pod app-0');
});

test('a pod that took the name of its target meanwhile is left alone', async () => {
  const object = f.cluster.put(chaos('NetworkChaos', { ...records('Injected'), ...NAMED }, FINALIZER));
  f.cluster.react = (verb) => {
    if (verb !== 'patch') return;
    f.cluster.drop('Pod', 'app-0');
    f.pod('app-0', { node: 'node-0' });
  };
  const torn = await settled(removeChaos(f.cluster, refOf(object)));
  expect(torn.join('; ')).toContain('demo/app-0 was replaced meanwhile');
  expect(f.cluster.find('Pod', 'app-0')).toBeDefined();
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

test.each([
  [0, ['remove PodChaos c']],
  [500, ['remove PodChaos c']],
  [504, ['remove PodChaos c']],
  [403, []],
  [422, []],
])('a create that ended with %i is taken back unless it was a refusal', async (status, calls) => {
  const object = chaos('PodChaos', { spec: { selector: { pods: {} } } });
  f.cluster.refuse = (verb) => {
    if (verb !== 'create') return undefined;
    f.cluster.put(object); // as a server does that fails after it has written, or somebody else
    return new ApiError('create: it failed', status, '');
  };
  const life = chaosLife(f.deployed, object, pods());
  await expect(life.inject()).rejects.toThrow('it failed');
  await settled(life.remove());
  expect(f.cluster.calls).toEqual(calls);
});

test('a name that is taken is neither overwritten nor deleted', async () => {
  f.cluster.put(chaos('PodChaos', { spec: { selector: { labelSelectors: { app: 'x' } } } }));
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
  [
    'by namespace alone, which means all its pods',
    chaos('StressChaos', { spec: { selector: { namespaces: ['demo'] } } }),
  ],
  [
    'by something that is not understood here',
    chaos('IOChaos', {
      spec: { selector: { namespaces: ['demo'], expressionSelectors: [{ key: 'app', operator: 'Exists' }] } },
    }),
  ],
  ['by a selector that cannot be read', chaos('DNSChaos', { spec: { selector: { pods: 'all' } } })],
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
  ['means all pods of another namespace', chaos('PodChaos', { spec: { selector: { namespaces: ['x'] } } })],
  ['has no rules left', chaos('PodNetworkChaos', { spec: { tcs: [] } }, { name: 'app-2' })],
])('one that %s is none', async (_, object) => {
  f.cluster.put(object);
  await assertNoOverlap(f.deployed, pods());
});

test('a kind that the cluster does not serve is not listed, for that is refused to those with few rights', async () => {
  f.cluster.refuse = (verb) => (verb === 'list' ? new ApiError('forbidden', 403, 'Forbidden') : undefined);
  await expect(assertNoOverlap(f.deployed, pods())).rejects.toThrow(CannotRun);
  f.emitted.length = 0;
  f.cluster.serves = () => Promise.resolve(false);
  await assertNoOverlap(f.deployed, pods());
  expect(f.emitted).toEqual([]);
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
