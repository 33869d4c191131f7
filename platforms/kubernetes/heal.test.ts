import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from './cluster.ts';
import { shortRunId } from './faults/chaos.ts';
import { makeFixture, RUN, settled } from './faults/fixture.ts';
import type { Fixture } from './faults/fixture.ts';
import { healCluster, removeRun, restoreOpen } from './heal.ts';
import { healWithoutJournal, runsIn } from './heal-strays.ts';
import { CHANGED_BY, RUN_LABEL } from './labels.ts';

let f: Fixture;
beforeEach(() => {
  vi.useFakeTimers();
  f = makeFixture();
});
afterEach(() => vi.useRealTimers());

const CLUSTER = { kind: 'cluster', what: 'objects of the run', context: 'test' };
const RESTORE = {
  kind: 'restore',
  what: 'node-1: uncordon',
  context: 'test',
  ref: { apiVersion: 'v1', kind: 'Node', name: 'node-1' },
  patch: { spec: { unschedulable: null }, metadata: { annotations: { [CHANGED_BY]: null } } },
};
const heal = (actions: unknown[]) => settled(healCluster(RUN, actions, () => Promise.resolve(f.cluster)));

function put(apiVersion: string, kind: string, name: string, more: object = {}, run = RUN) {
  return f.cluster.put({
    apiVersion,
    kind,
    metadata: {
      name,
      ...(kind !== 'Namespace' && { namespace: 'demo' }),
      labels: { [RUN_LABEL]: run },
      ...more,
    },
  });
}
function cordon(run: string) {
  const node = f.cluster.find('Node', 'node-1');
  if (!node) throw new Error('no node');
  node.metadata.annotations = { [CHANGED_BY]: run };
  node['spec'] = { unschedulable: true };
  return () => f.cluster.find('Node', 'node-1')?.['spec'];
}

test('restores first, faults next, namespaces last, and nobody else is touched', async () => {
  const spec = cordon(RUN);
  put('v1', 'Namespace', 'demo-ns');
  put('v1', 'ConfigMap', 'settings');
  put('chaos-mesh.org/v1alpha1', 'NetworkChaos', 'cut');
  put('coordination.k8s.io/v1', 'Lease', 'proofload-node-faults');
  put('v1', 'ConfigMap', 'theirs', {}, 'other-run');
  const { undone, left } = await heal([CLUSTER, RESTORE]);
  expect(left).toEqual([]);
  expect(spec()).toEqual({});
  expect(f.cluster.calls).toEqual([
    'patch Node node-1',
    'remove NetworkChaos cut',
    'remove ConfigMap settings',
    'remove Lease proofload-node-faults',
    'remove Namespace demo-ns',
  ]);
  expect(undone).toContain('node-1: uncordon');
  expect(undone).toContain('networkchaos.chaos-mesh.org/cut -n demo');
  expect(f.cluster.find('ConfigMap', 'theirs')).toBeDefined();
  f.cluster.calls.length = 0;
  expect(await heal([CLUSTER, RESTORE])).toEqual({ undone: [], left: [] });
  expect(f.cluster.calls).toEqual([]);
});

test('a node that another run marked since, or whose mark was never set, stays as it is', async () => {
  const spec = cordon('other-run');
  expect(await heal([RESTORE])).toEqual({ undone: [], left: [] });
  expect(spec()).toEqual({ unschedulable: true });
  f.cluster.drop('Node', 'node-1');
  expect(await heal([RESTORE])).toEqual({ undone: [], left: [] });
});

test('a cluster that cannot be reached is left, with the way out', async () => {
  const refused = () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:6443'));
  expect(await healCluster(RUN, [CLUSTER, RESTORE], refused)).toEqual({
    undone: [],
    left: [
      'cluster test cannot be reached: connect ECONNREFUSED 127.0.0.1:6443; bring it back and run proofload heal again',
    ],
  });
  f.cluster.refuse = (verb) => (verb === 'version' ? new ApiError('no answer', 0, '') : undefined);
  expect((await heal([CLUSTER])).left).toHaveLength(1);
});

test('pods of a namespace that goes with them get no grace, and go after who would make others; pods elsewhere keep theirs', async () => {
  put('v1', 'Namespace', 'demo');
  put('v1', 'Pod', 'ours');
  put('v1', 'Pod', 'runner', { namespace: 'theirs' });
  put('apps/v1', 'Deployment', 'app');
  expect((await heal([CLUSTER])).left).toEqual([]);
  const calls = f.cluster.calls.filter((call) => /Deployment|Pod|Namespace/.test(call));
  expect(calls[0]).toBe('remove Deployment app');
  expect(calls.slice(1, 3).sort()).toEqual(['remove Pod ours grace 1', 'remove Pod runner']);
  expect(calls.at(-1)).toBe('remove Namespace demo');
});

test('a cluster that keeps its version to itself is healed all the same', async () => {
  put('v1', 'ConfigMap', 'settings');
  f.cluster.refuse = (verb) => (verb === 'version' ? new ApiError('forbidden', 403, 'Forbidden') : undefined);
  expect(await heal([CLUSTER])).toMatchObject({ left: [] });
  expect(f.cluster.find('ConfigMap', 'settings')).toBeUndefined();
});

test('what was done in a cluster that its context no longer leads to stays open', async () => {
  const spec = cordon(RUN);
  put('v1', 'ConfigMap', 'settings');
  const there = [CLUSTER, RESTORE].map((action) => ({ ...action, server: 'https://10.0.0.1:6443' }));
  const { undone, left } = await heal(there);
  expect(undone).toEqual([]);
  expect(left).toHaveLength(2);
  expect(left[0]).toContain('context test leads to memory now, and led to https://10.0.0.1:6443');
  expect(spec()).toEqual({ unschedulable: true });
  const open = [{ id: 1, action: there[1] as never }];
  const restored = await settled(
    restoreOpen(RUN, open, () => Promise.resolve(f.cluster), new AbortController().signal),
  );
  expect(restored).toMatchObject({
    done: [],
    left: [expect.stringContaining('led to https://10.0.0.1:6443')],
  });
  expect(await heal([CLUSTER, RESTORE].map((action) => ({ ...action, server: 'memory' })))).toMatchObject({
    left: [],
  });
  expect(spec()).toEqual({});
});

test('a journal that was edited is not believed', async () => {
  const { left } = await heal([{ kind: 'restore', what: 'x', context: 'test' }, null]);
  expect(left).toHaveLength(2);
  expect(left[0]).toContain('not understood');
  expect(f.cluster.calls).toEqual([]);
});

test('a fault that hangs is torn away, its pod replaced, its rules removed', async () => {
  const object = put('chaos-mesh.org/v1alpha1', 'NetworkChaos', 'cut', {
    finalizers: ['chaos-mesh/records'],
  });
  const record = { id: 'demo/app-0', selectorKey: '.', phase: 'Injected' };
  object['status'] = { experiment: { desiredPhase: 'Run', containerRecords: [record] } };
  object['spec'] = { selector: { pods: { demo: ['app-0'] } } };
  const rules = (name: string, source: string) =>
    f.cluster.put({
      apiVersion: 'chaos-mesh.org/v1alpha1',
      kind: 'PodNetworkChaos',
      metadata: { name, namespace: 'demo' },
      spec: { iptables: [{ source }] },
    });
  rules('app-0', `demo/cut-${shortRunId(RUN)}`);
  rules('app-1', 'demo/someone-else');
  const { undone, left } = await settled(removeRun(f.cluster, RUN));
  expect(left).toEqual([]);
  expect(undone.join('\n')).toContain('torn away without recovery');
  expect(f.cluster.find('Pod', 'app-0')).toBeUndefined();
  expect(f.cluster.find('PodNetworkChaos', 'app-0')).toBeUndefined();
  expect(f.cluster.find('PodNetworkChaos', 'app-1')).toBeDefined();
});

test('what does not go, and what may not be seen or removed, is one line each', async () => {
  const stuck = put('v1', 'Namespace', 'demo-ns', { finalizers: ['example.org/keep'] });
  put('v1', 'ConfigMap', 'settings');
  put('v1', 'Secret', 'hidden');
  f.cluster.refuse = (verb, what) => {
    if (verb === 'list' && what === 'Secret') return new ApiError('secrets is forbidden', 403, 'Forbidden');
    if (verb === 'remove' && what === 'ConfigMap settings')
      return new ApiError('delete ConfigMap settings: forbidden', 403, 'Forbidden');
    return undefined;
  };
  const { undone, left } = await settled(removeRun(f.cluster, RUN));
  expect(undone).toEqual([]);
  expect(left).toEqual([
    `these credentials may not list Secret; if the run made any: kubectl get secret -A -l ${RUN_LABEL}=${RUN}`,
    'configmap/settings -n demo: delete ConfigMap settings: forbidden; kubectl delete configmap/settings -n demo',
    'namespace/demo-ns does not go (finalizers example.org/keep); look with kubectl get namespace/demo-ns -o yaml and run proofload heal again',
  ]);
  delete stuck.metadata.finalizers;
  f.cluster.drop('Namespace', 'demo-ns');
});

test('an object of the same name that somebody made since is not removed', async () => {
  const object = put('v1', 'ConfigMap', 'settings');
  const remove = f.cluster.remove.bind(f.cluster);
  f.cluster.remove = async (ref, options) => {
    object.metadata.uid = 'another';
    return remove(ref, options);
  };
  expect(await settled(removeRun(f.cluster, RUN))).toEqual({ undone: [], left: [] });
  expect(f.cluster.find('ConfigMap', 'settings')).toBeDefined();
});

const forbidden = (what: string) => new ApiError(`${what} is forbidden`, 403, 'Forbidden');
function scaled(run: string, more: object = {}) {
  return f.cluster.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'demo', annotations: { [CHANGED_BY]: run }, ...more },
    spec: { replicas: 6 },
  });
}

test('a sweep finds runs by label and by mark, and says what it could not look at', async () => {
  put('v1', 'ConfigMap', 'settings', {}, 'by-label');
  put('v1', 'Secret', 'hidden', {}, 'unseen-run');
  put('v1', 'Service', 'slow', {}, 'slow-run');
  cordon('by-node');
  scaled('by-scale');
  const list = f.cluster.list.bind(f.cluster);
  // A selector that is a name alone asks for its presence, which this cluster does not know.
  f.cluster.list = (kind, selection) => list(kind, selection?.labelSelector === RUN_LABEL ? {} : selection);
  f.cluster.deletableKinds = () =>
    Promise.resolve({
      kinds: ['ConfigMap', 'Secret', 'Service', 'Gone'].map((kind) => ({
        apiVersion: 'v1',
        kind,
        namespaced: true,
      })),
      unknown: ['metrics.k8s.io'],
    });
  f.cluster.refuse = (_, what) => {
    if (what === 'Secret') return forbidden('secrets');
    if (what === 'Gone') return new ApiError('no such kind', 404, 'NotFound');
    return what === 'Service' ? new ApiError('list services: 500', 500, 'InternalError') : undefined;
  };
  expect(await runsIn(f.cluster)).toEqual({
    runs: ['by-label', 'by-node', 'by-scale'],
    unseen: [
      'metrics.k8s.io did not answer, so objects of these groups were not looked for',
      'Service objects could not be looked for: list services: 500',
      `these credentials may not list Secret; if runs made any: kubectl get secret -A -l ${RUN_LABEL}`,
    ],
  });
  f.cluster.refuse = () => undefined;
  f.cluster.deletableKinds = () => Promise.resolve({ kinds: [], unknown: [] });
  expect((await runsIn(f.cluster)).unseen).toEqual([]);
  f.cluster.refuse = (_, what) => (what === 'Node' ? forbidden('nodes') : undefined);
  expect((await runsIn(f.cluster)).unseen).toEqual([expect.stringContaining('may not list Node')]);
  f.cluster.refuse = () => new ApiError('no answer', 0, '');
  await expect(runsIn(f.cluster)).rejects.toThrow('no answer');
});

test('without the journal nodes are uncordoned, and a scaled Deployment is named with what to do', async () => {
  const spec = cordon(RUN);
  scaled(RUN);
  const { undone, left } = await settled(healWithoutJournal(f.cluster, RUN));
  expect(undone).toEqual(['node-1: uncordon']);
  expect(spec()).toEqual({});
  expect(left).toEqual([
    expect.stringMatching(/^deployment\.apps\/web -n demo was scaled, .* --replicas=<number>/),
  ]);
  scaled('other-run');
  expect((await settled(healWithoutJournal(f.cluster, RUN))).left).toEqual([]);
  // The run's own Deployment goes with its label.
  scaled(RUN, { labels: { [RUN_LABEL]: RUN } });
  expect((await settled(healWithoutJournal(f.cluster, RUN))).left).toEqual([]);
  expect(f.cluster.find('Deployment', 'web')).toBeUndefined();
  f.cluster.refuse = (_, what) => (what === 'Deployment' ? forbidden('deployments') : undefined);
  expect((await settled(healWithoutJournal(f.cluster, RUN))).left[0]).toContain(
    'Deployments: deployments is',
  );
});

test('credentials of one namespace look there, and only what is refused there too is left', async () => {
  put('v1', 'ConfigMap', 'settings');
  put('v1', 'Secret', 'hidden');
  put('rbac.authorization.k8s.io/v1', 'ClusterRole', 'theirs', { namespace: undefined }, 'other-run');
  f.cluster.refuse = (verb, what) =>
    verb === 'list' && (!what.includes(' in ') || what.startsWith('Secret')) ? forbidden(what) : undefined;
  f.cluster.may = () => Promise.resolve(false);
  const { undone, left } = await heal([{ ...CLUSTER, namespace: 'demo' }]);
  expect(undone).toEqual(['configmap/settings -n demo']);
  expect(left).toEqual([expect.stringMatching(/^these credentials may not list Secret;/)]);
  put('v1', 'ConfigMap', 'settings');
  expect((await heal([CLUSTER])).left[0]).toContain('ConfigMap');
});

test('a namespace that may be deleted, not listed, is asked for by its name', async () => {
  put('v1', 'Namespace', 'demo-ns');
  put('rbac.authorization.k8s.io/v1', 'ClusterRole', 'own', { namespace: undefined });
  f.cluster.refuse = (verb, what) =>
    verb === 'list' && !what.includes(' in ') ? forbidden(what) : undefined;
  const { undone, left } = await settled(removeRun(f.cluster, RUN, ['demo-ns']));
  expect(undone).toEqual(['namespace/demo-ns']);
  expect(left).toEqual([expect.stringContaining('may not list Node, ClusterRole')]);
});

test('open changes are taken back one by one, and each that was is named by its id', async () => {
  const spec = cordon(RUN);
  const restoreNode = { ...RESTORE, kind: 'restore' as const };
  const gone = { ...restoreNode, what: 'node-9: uncordon', ref: { ...RESTORE.ref, name: 'node-9' } };
  const open = [
    { id: 3, action: restoreNode },
    { id: 4, action: gone },
    { id: 5, action: { kind: 'cluster' as const, what: 'x', context: 'test' } },
  ];
  const connect = () => Promise.resolve(f.cluster);
  const { signal } = new AbortController();
  f.cluster.refuse = (verb, what) =>
    verb === 'patch' && what === 'Node node-1' ? new ApiError('no answer', 0, '') : undefined;
  const away = await restoreOpen(RUN, open, connect, signal);
  expect(away).toEqual({
    undone: [],
    left: [expect.stringContaining('node-1: uncordon: no answer')],
    done: [4],
  });
  f.cluster.refuse = () => undefined;
  expect((await restoreOpen(RUN, open, connect, AbortSignal.abort())).left).toHaveLength(2);
  expect(await restoreOpen(RUN, open, connect, signal)).toEqual({
    undone: ['node-1: uncordon'],
    left: [],
    done: [3, 4],
  });
  expect(spec()).toEqual({});
});
