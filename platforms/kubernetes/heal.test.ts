import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError } from './cluster.ts';
import { shortRunId } from './faults/chaos.ts';
import { makeFixture, RUN, settled } from './faults/fixture.ts';
import type { Fixture } from './faults/fixture.ts';
import { healCluster, removeRun } from './heal.ts';
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
