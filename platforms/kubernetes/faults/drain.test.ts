import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CannotRun } from '../../platform.ts';
import type { PreparedFault } from '../../platform.ts';
import { prepareFault } from '../faults.ts';
import { ApiError } from '../cluster.ts';
import { CHANGED_BY, PROMETHEUS_LABEL, RUN_LABEL } from '../labels.ts';
import { makeFixture, RUN, setPod, settled } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { LEASE_REF } from './lease.ts';

let f: Fixture;
beforeEach(() => {
  vi.useFakeTimers();
  f = makeFixture();
});
afterEach(() => vi.useRealTimers());

const prepare = (random = 0) =>
  settled(
    prepareFault(f.deployed, { name: 'd', fault: 'drain', atMs: 0, slotMs: 60_000 }, undefined, () => random),
  );
const node = (name: string) => f.cluster.find('Node', name);
const lease = () => f.cluster.find('Lease', LEASE_REF.name);
const acting = async (fault: PreparedFault) => (await fault.observe()).acting;
const isCordoned = (name: string) =>
  (node(name)?.['spec'] as { unschedulable?: boolean } | undefined)?.unschedulable === true;

test('a drain acts from the first eviction until all replicas are Ready elsewhere, and leaves the node as it was', async () => {
  const fault = await prepare(0.5);
  expect(fault.targets).toEqual(['node-1', 'app-1']);
  expect(lease()?.metadata.labels?.[RUN_LABEL]).toBe(RUN);
  expect(await acting(fault)).toBe(false);
  f.cluster.refuse = (verb, what) => {
    // The journal knows before the node does.
    if (verb === 'patch' && what === 'Node node-1') expect(f.journal.all).toHaveLength(1);
    return undefined;
  };
  await fault.inject();
  expect(f.journal.all).toEqual([
    {
      kind: 'restore',
      what: 'node-1: uncordon',
      context: 'test',
      server: 'memory',
      ref: { apiVersion: 'v1', kind: 'Node', name: 'node-1' },
      patch: { spec: { unschedulable: null }, metadata: { annotations: { [CHANGED_BY]: null } } },
    },
  ]);
  expect(node('node-1')).toMatchObject({
    metadata: { annotations: { [CHANGED_BY]: RUN } },
    spec: { unschedulable: true },
  });
  expect(f.cluster.calls.filter((call) => call.startsWith('evict'))).toEqual(['evict app-1: accepted']);
  expect(await acting(fault)).toBe(true);
  const healing = settled(fault.heal());
  f.cluster.drop('Pod', 'app-1');
  f.pod('app-9', { node: 'node-3', ready: false });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(isCordoned('node-1')).toBe(true);
  expect(await acting(fault)).toBe(true);
  setPod(f.cluster, 'app-9', { ready: true });
  await healing;
  expect(await acting(fault)).toBe(false);
  expect(isCordoned('node-1')).toBe(false);
  expect(node('node-1')?.metadata.annotations).toEqual({});
  expect(lease()).toBeUndefined();
  expect(f.journal.open.size).toBe(0);
  await fault.heal();
});

test('a budget that says no is asked again every second, and nothing is deleted instead', async () => {
  let left = 3;
  f.cluster.evictions = () => (left-- > 0 ? 'refused' : 'accepted');
  const fault = await prepare();
  const injecting = settled(fault.inject());
  await vi.advanceTimersByTimeAsync(1_500);
  expect(await acting(fault)).toBe(false);
  await injecting;
  expect(f.cluster.calls.filter((call) => call.startsWith('evict'))).toHaveLength(4);
  expect(f.cluster.calls.some((call) => call.startsWith('remove Pod'))).toBe(false);
  expect(await acting(fault)).toBe(true);
});

test('a budget that never yields ends with its words, and the node is given back', async () => {
  f.cluster.evictions = () => 'refused';
  const fault = await prepare();
  await expect(settled(fault.inject())).rejects.toThrow(/app-0 could not be evicted in time: Cannot evict/);
  await expect(settled(fault.heal())).rejects.toThrow(
    '1 pods left on node-0, 2 of 3 replicas ready elsewhere',
  );
  expect(isCordoned('node-0')).toBe(false);
  expect(lease()).toBeUndefined();
  await fault.heal();
});

test('an interrupted drain gives the node back at once', async () => {
  const fault = await prepare();
  await fault.inject();
  f.abort.abort();
  await fault.heal();
  expect(isCordoned('node-0')).toBe(false);
});

test('a cordon without an answer stays in the journal: it may still take effect', async () => {
  const fault = await prepare();
  f.cluster.refuse = (verb, what) =>
    verb === 'patch' && what.startsWith('Node') ? new ApiError('no answer', 0, '') : undefined;
  await expect(fault.inject()).rejects.toThrow('no answer');
  await fault.heal();
  expect(f.journal.open.size).toBe(1);
});

test('a cordon that is refused leaves nothing', async () => {
  const fault = await prepare();
  f.cluster.refuse = (verb, what) =>
    verb === 'patch' && what.startsWith('Node') ? new ApiError('forbidden', 403, 'Forbidden') : undefined;
  await expect(fault.inject()).rejects.toThrow('forbidden');
  await fault.heal();
  expect(node('node-0')).toMatchObject({ spec: {} });
  expect(node('node-0')?.metadata.annotations).toBeUndefined();
  expect(f.journal.open.size).toBe(0);
  expect(lease()).toBeUndefined();
});

/** Changes a node as somebody else would, at the first patch of it. */
function meanwhile(name: string, body: object): { patches: () => number } {
  let patches = 0;
  f.cluster.refuse = (verb, what) => {
    if (verb !== 'patch' || what !== `Node ${name}` || ++patches !== 1) return undefined;
    const ref = { apiVersion: 'v1', kind: 'Node', name };
    void f.cluster.patch(ref, body);
    return undefined;
  };
  return { patches: () => patches };
}

test('a node that somebody else has changed is left as it is, with the reason', async () => {
  const theirs = { metadata: { annotations: { [CHANGED_BY]: 'other-run' } } };
  const marked = await prepare();
  await f.cluster.patch({ apiVersion: 'v1', kind: 'Node', name: 'node-0' }, theirs);
  await expect(marked.inject()).rejects.toThrow(CannotRun);
  await expect(marked.inject()).rejects.toThrow('Node node-0 is changed by run other-run');
  await marked.heal();
  const cordoned = await prepare(0.5);
  await f.cluster.patch(
    { apiVersion: 'v1', kind: 'Node', name: 'node-1' },
    { spec: { unschedulable: true } },
  );
  await expect(cordoned.inject()).rejects.toThrow(CannotRun);
  await expect(cordoned.inject()).rejects.toThrow('Node node-1 is cordoned already');
  await cordoned.heal();
  expect(node('node-0')).toMatchObject({ ...theirs, spec: {} });
  expect(isCordoned('node-1')).toBe(true);
  expect(node('node-1')?.metadata.annotations).toBeUndefined();
  expect(f.journal.all).toEqual([]);
});

test('nothing slips in between the look at a node and its cordon', async () => {
  const fault = await prepare();
  meanwhile('node-0', { spec: { unschedulable: true } });
  await expect(fault.inject()).rejects.toThrow('Node node-0 is cordoned already');
  await fault.heal();
  expect(isCordoned('node-0')).toBe(true);
  expect(f.journal.open.size).toBe(0);
  expect(f.cluster.calls.some((call) => call.startsWith('evict'))).toBe(false);
});

test('a heartbeat in between is no reason to give up', async () => {
  const fault = await prepare();
  const { patches } = meanwhile('node-0', { metadata: { labels: { beat: '1' } } });
  await fault.inject();
  expect(patches()).toBe(3); // theirs is one of them
  expect(isCordoned('node-0')).toBe(true);
  expect(node('node-0')?.metadata.annotations).toEqual({ [CHANGED_BY]: RUN });
});

test('the node of the store, a cordoned one and the only one are never chosen, with the reason', async () => {
  f.pod('store-1', { app: 'store', node: 'node-0' });
  f.pod('agent', { app: 'agent', node: 'node-1', owner: 'DaemonSet' });
  f.pod('instrument', { node: 'node-1' }).metadata.labels = { [PROMETHEUS_LABEL]: 'true' };
  const cordoned = node('node-2');
  if (cordoned) cordoned['spec'] = { unschedulable: true };
  expect((await prepare(0.99)).targets).toEqual(['node-1', 'app-1']);
  await f.cluster.remove(LEASE_REF);
  const last = node('node-1');
  if (last) last['status'] = { conditions: [{ type: 'Ready', status: 'False' }] };
  await expect(prepare()).rejects.toThrow(CannotRun);
  await expect(prepare()).rejects.toThrow(
    'node-0 also runs store-1; node-1 is cordoned or not Ready; node-2 is cordoned or not Ready; node-3 runs no pod of app',
  );
  for (const name of ['node-1', 'node-2', 'node-3']) f.cluster.drop('Node', name);
  f.cluster.drop('Pod', 'store-1');
  await expect(prepare()).rejects.toThrow('node-0 is the only node that takes pods');
});

const foreign = (renewTime: string) => ({
  apiVersion: LEASE_REF.apiVersion,
  kind: 'Lease',
  metadata: { name: LEASE_REF.name, namespace: LEASE_REF.namespace },
  spec: { holderIdentity: 'other-run', leaseDurationSeconds: 15, renewTime },
});

test('another run that holds the Lease is waited for, and named in the end', async () => {
  const other = f.cluster.put(foreign('0'));
  let renewed = 0;
  const timer = setInterval(() => {
    other['spec'] = { ...foreign(`${++renewed}`).spec };
  }, 5_000);
  await expect(prepare()).rejects.toThrow(/run other-run holds the Lease of node faults .* within 30 s/);
  const waiting = prepare();
  await vi.advanceTimersByTimeAsync(5_000);
  f.cluster.drop('Lease', LEASE_REF.name);
  expect((await waiting).targets).toContain('node-0');
  clearInterval(timer);
});

test('a Lease that nobody renews is taken over, whatever its clock says', async () => {
  f.cluster.put(foreign('2999-01-01T00:00:00.000000Z'));
  const before = performance.now();
  const fault = await prepare();
  expect(performance.now() - before).toBeGreaterThan(15_000);
  expect(lease()).toMatchObject({ spec: { holderIdentity: RUN } });
  await fault.heal();
});

test('a held Lease is renewed; one that was taken is told, and not deleted', async () => {
  const fault = await prepare();
  const renewTime = () => (lease()?.['spec'] as { renewTime: string } | undefined)?.renewTime;
  const first = renewTime();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(renewTime()).not.toBe(first);
  f.cluster.drop('Lease', LEASE_REF.name);
  f.cluster.put(foreign('0'));
  await vi.advanceTimersByTimeAsync(6_000);
  expect((await fault.observe()).elsewhere).toContain('the Lease of node faults was lost');
  await expect(fault.inject()).rejects.toThrow(/drain of node-0: the Lease of node faults was lost/);
  expect(isCordoned('node-0')).toBe(false);
  await fault.heal();
  expect(lease()).toMatchObject({ spec: { holderIdentity: 'other-run' } });
});

test('who loses the Lease while a budget says no evicts nobody any more', async () => {
  f.cluster.evictions = () => 'refused';
  const fault = await prepare();
  const injecting = settled(fault.inject());
  injecting.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(1_500);
  f.cluster.drop('Lease', LEASE_REF.name);
  await expect(injecting).rejects.toThrow(CannotRun);
  const evictions = f.cluster.calls.filter((call) => call.startsWith('evict')).length;
  expect(evictions).toBeLessThan(10);
  f.cluster.evictions = () => 'accepted';
  await vi.advanceTimersByTimeAsync(5_000);
  expect(f.cluster.calls.filter((call) => call.startsWith('evict'))).toHaveLength(evictions);
});

test('a Lease that cannot be renewed for its whole duration is lost, also while an answer is waited for', async () => {
  const fault = await prepare();
  let asked = 0;
  const patch = f.cluster.patch.bind(f.cluster);
  f.cluster.patch = (...call) => (asked++ === 0 ? new Promise(() => undefined) : patch(...call));
  f.cluster.refuse = (verb) => (verb === 'patch' ? new ApiError('no answer', 0, '') : undefined);
  await vi.advanceTimersByTimeAsync(14_000);
  expect((await fault.observe()).elsewhere).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2_000);
  expect((await fault.observe()).elsewhere).toContain('not renewed for 15 s');
  f.cluster.refuse = () => undefined;
  await fault.heal();
  expect(lease()).toBeUndefined();
});

test('a Lease that another run has claimed is lost with the next renewal, whatever that answers', async () => {
  const fault = await prepare();
  await f.cluster.patch(LEASE_REF, { spec: { holderIdentity: 'other-run' } });
  await vi.advanceTimersByTimeAsync(5_100);
  expect((await fault.observe()).elsewhere).toContain('run other-run took it over');
  await fault.heal();
});

test('a holder that renews at the last moment keeps its Lease', async () => {
  f.cluster.put(foreign('0'));
  let claims = 0;
  f.cluster.refuse = (verb, what) => {
    if (verb !== 'patch' || what !== `Lease ${LEASE_REF.name}` || ++claims !== 1) return undefined;
    void f.cluster.patch(LEASE_REF, { spec: { renewTime: '1' } });
    return undefined;
  };
  await expect(prepare()).rejects.toThrow('run other-run holds the Lease');
  expect(claims).toBe(2); // theirs is one of them
  expect(lease()).toMatchObject({ spec: { holderIdentity: 'other-run', renewTime: '1' } });
});

test('the node is chosen when the Lease is held, and a node cordoned in between is spared', async () => {
  f.cluster.put(foreign('0'));
  const waiting = prepare();
  await vi.advanceTimersByTimeAsync(3_000);
  const theirs = node('node-0');
  if (theirs) theirs['spec'] = { unschedulable: true };
  f.cluster.drop('Lease', LEASE_REF.name);
  const fault = await waiting;
  expect(fault.targets).toEqual(['node-1', 'app-1']);
  await fault.heal();
  for (const i of [1, 2]) f.cluster.drop('Node', `node-${i}`);
  await expect(prepare()).rejects.toThrow('no node can be drained');
  expect(lease()).toBeUndefined();
});

test('a rollout acts until every old pod is deleted and every new one available', async () => {
  const planned = { name: 'r', fault: 'rollout-restart' as const, atMs: 0, slotMs: 60_000 };
  const fault = await prepareFault(f.deployed, planned, undefined, () => 0);
  expect(await acting(fault)).toBe(false);
  await fault.inject();
  expect(JSON.stringify(f.cluster.find('Deployment', 'app')?.['spec'])).toContain('restartedAt');
  expect(await acting(fault)).toBe(false);
  for (const i of [7, 8, 9]) f.pod(`app-${i}`);
  expect(await acting(fault)).toBe(true);
  for (const i of [0, 1]) f.cluster.drop('Pod', `app-${i}`);
  // What kubectl calls rolled out: all is available, and an old pod is still ending.
  const last = f.cluster.find('Pod', 'app-2');
  if (last) last.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  expect(await fault.observe()).toMatchObject({
    acting: true,
    detail: '1 old pods are still there, 3 of 3 new pods ready',
  });
  const healing = settled(fault.heal());
  f.cluster.drop('Pod', 'app-2');
  await healing;
  expect(await acting(fault)).toBe(false);
});

test('a rollout that sticks is told once', async () => {
  const planned = { name: 'r', fault: 'rollout-restart' as const, atMs: 0, slotMs: 60_000 };
  const fault = await prepareFault(f.deployed, planned, undefined, () => 0);
  await fault.heal();
  await fault.inject();
  await expect(settled(fault.heal())).rejects.toThrow('not over after 180 s: 3 old pods');
  await fault.heal();
});

test('a scale acts while that many pods live, and goes back with its journal', async () => {
  const planned = { name: 's', fault: { scaleTo: 1 }, atMs: 0, forMs: 5_000, slotMs: 60_000 };
  const fault = await prepareFault(f.deployed, planned, undefined, () => 0);
  expect(await acting(fault)).toBe(false);
  await fault.inject();
  expect(f.cluster.calls).toContain('patch Deployment app/scale');
  expect(f.journal.open.get(1)).toMatchObject({ kind: 'restore', patch: { spec: { replicas: 3 } } });
  expect(await acting(fault)).toBe(false);
  for (const i of [1, 2]) f.cluster.drop('Pod', `app-${i}`);
  expect(await acting(fault)).toBe(true);
  const healing = settled(fault.heal());
  await vi.advanceTimersByTimeAsync(500);
  expect(f.cluster.find('Deployment', 'app')).toMatchObject({ spec: { replicas: 3 } });
  expect(await acting(fault)).toBe(true);
  for (const i of [1, 2]) f.pod(`app-${i}`);
  await healing;
  expect(await acting(fault)).toBe(false);
  expect(f.journal.open.size).toBe(0);
  await expect(
    prepareFault(f.deployed, { ...planned, fault: { scaleTo: 3 } }, undefined, () => 0),
  ).rejects.toThrow('has 3 replicas already');
});
