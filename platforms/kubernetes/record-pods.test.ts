import { expect, it } from 'vitest';
import type { Emit } from '../platform.ts';
import type { KubeObject } from './cluster.ts';
import type { WatchedKind } from './observed.ts';
import { readyEndpoints } from './endpoint-slice.ts';
import { PodRecorder } from './record-pods.ts';
import { slice } from './testing.ts';

const kindOf = (kind: string): WatchedKind => ({ apiVersion: 'v1', kind, optional: false });

function recorder() {
  const events: Parameters<Emit>[0][] = [];
  const objects = new Map<string, KubeObject>();
  const started: string[] = [];
  const made = new PodRecorder({
    emit: (event) => void events.push(event),
    nowMs: () => 5,
    deployment: 'web',
    labels: { app: 'web' },
    container: 'app',
    service: 'web',
    objects: (kind) => [...objects.values()].filter((object) => object.kind === kind),
    started: (pod) => void started.push(pod),
  });
  const tell = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => {
    const key = `${object.kind} ${object.metadata.name}`;
    if (type === 'DELETED') objects.delete(key);
    else objects.set(key, object);
    made.changed(kindOf(object.kind), type, object);
  };
  const lines = () =>
    events.map((event) =>
      event.kind === 'pod' ? `${event.pod} ${event.state} ${event.why ?? ''}`.trim() : event.kind,
    );
  return { made, tell, events, lines, started };
}

const replicaSet = (name: string, revision: number, replicas: number): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name,
    uid: name,
    annotations: { 'deployment.kubernetes.io/revision': String(revision) },
    ownerReferences: [{ kind: 'Deployment', name: 'web', uid: 'd' }],
  },
  spec: { replicas },
});
const pod = (
  name: string,
  owner: string,
  over: { going?: boolean; app?: string; bad?: boolean } = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    uid: name,
    labels: { app: over.app ?? 'web' },
    ownerReferences: [{ kind: 'ReplicaSet', name: owner, uid: owner }],
    ...(over.going === true && { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }),
  },
  status: { containerStatuses: over.bad === true ? 'none' : [{ name: 'app', state: { running: {} } }] },
});
const killing = (count: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e1' },
  reason: 'Killing',
  message: 'Container app failed liveness probe, will be restarted',
  count,
  lastTimestamp: '2026-01-01T00:00:00Z',
  involvedObject: { uid: 'a', name: 'a' },
});

it('tells a rollout from a scale-down, and both from a deletion by hand', () => {
  const { made, tell, lines } = recorder();
  tell('ADDED', replicaSet('old', 1, 2));
  for (const name of ['a', 'b', 'c', 'd']) tell('ADDED', pod(name, 'old'));
  made.live();
  tell('MODIFIED', replicaSet('old', 1, 4));
  tell('MODIFIED', pod('a', 'old', { going: true }));
  tell('MODIFIED', replicaSet('old', 1, 2));
  tell('MODIFIED', pod('b', 'old', { going: true }));
  tell('ADDED', replicaSet('new', 2, 1));
  tell('MODIFIED', pod('c', 'old', { going: true }));
  made.removing();
  tell('MODIFIED', pod('d', 'old', { going: true }));
  expect(lines().filter((line) => line.includes('terminating'))).toEqual([
    'a terminating deletion',
    'b terminating scale-down',
    'c terminating rollout',
    'd terminating remove',
  ]);
});

it('tells nothing of pods that are not the workload, and follows the log of those that are', () => {
  const { tell, lines, started } = recorder();
  tell('ADDED', pod('store-1', 'store', { app: 'store' }));
  tell('ADDED', pod('a', 'old'));
  expect(lines()).toEqual(['a created', 'a started']);
  expect(started).toEqual(['a']);
});

it('tells a failed probe once, when the kubelet says so, and as the cause of the restart', () => {
  const { made, tell, lines } = recorder();
  tell('ADDED', killing(1));
  made.live();
  tell('ADDED', pod('a', 'old'));
  tell('MODIFIED', killing(2));
  tell('MODIFIED', killing(2));
  const restarted = {
    containerStatuses: [
      {
        name: 'app',
        restartCount: 1,
        state: { running: {} },
        lastState: { terminated: { exitCode: 143, containerID: 'x' } },
      },
    ],
  };
  tell('MODIFIED', { ...pod('a', 'old'), status: restarted });
  expect(lines().filter((line) => line.startsWith('a '))).toEqual([
    'a created',
    'a started',
    'a sigterm liveness',
    'a exited liveness',
    'a started liveness',
  ]);
});

it('tells the endpoints when they change, from all slices of the Service', () => {
  const { made, tell, events } = recorder();
  tell('ADDED', slice('web', 'shop', ['b', 'a']));
  made.live();
  tell('MODIFIED', slice('web', 'shop', ['a', 'b']));
  tell('ADDED', slice('other', 'shop', ['x']));
  tell('MODIFIED', slice('web', 'shop', []));
  expect(events).toEqual([
    { kind: 'endpoints', service: 'web', ready: ['a', 'b'] },
    { kind: 'endpoints', service: 'web', ready: [] },
  ]);
});

it('takes an endpoint without conditions for ready, and one that is terminating not', () => {
  const [a, b] = ['a', 'b'].map((name) => ({ targetRef: { kind: 'Pod', name } }));
  const object = {
    ...slice('web', 'shop', []),
    endpoints: [a, { ...b, conditions: { ready: false, serving: true } }],
  };
  expect(readyEndpoints([object], 'web')).toEqual(['a']);
});

it('makes a gap of a pod that cannot be read, in words that checks look for', () => {
  const { made, tell, events } = recorder();
  tell('ADDED', pod('a', 'old', { bad: true }));
  made.gap(kindOf('Pod'), 1, 9, 'connection lost');
  made.gap(kindOf('Event'), 1, 9, 'connection lost');
  expect(events).toEqual([
    {
      kind: 'gap',
      what: 'pods watch',
      fromMs: 5,
      toMs: 5,
      why: expect.stringContaining('pod a: status.containerStatuses'),
    },
    { kind: 'gap', what: 'pods watch', fromMs: 1, toMs: 9, why: 'connection lost' },
    { kind: 'gap', what: 'pods (Events watch)', fromMs: 1, toMs: 9, why: 'connection lost' },
  ]);
});

it('makes one gap over the whole run of Events that may not be watched, and a note of other kinds', () => {
  const { made, events } = recorder();
  made.unwatched(kindOf('Event'), 'forbidden');
  expect(events).toEqual([]);
  made.ended();
  made.ended();
  expect(events).toEqual([
    { kind: 'gap', what: 'pods (Events watch)', fromMs: 0, toMs: 5, why: 'forbidden' },
  ]);
  made.unwatched(kindOf('Node'), 'forbidden');
  expect(events[1]).toEqual({ kind: 'note', text: 'Node objects are not watched: forbidden' });
});

it('says of an optional kind that is not watched what is lost with it', () => {
  const { made, events } = recorder();
  made.unwatched(kindOf('PodDisruptionBudget'), '403');
  made.unwatched(kindOf('Lease'), '403');
  expect(events).toEqual([
    { kind: 'note', text: 'PodDisruptionBudget objects are not watched: 403' },
    {
      kind: 'note',
      text: "Lease objects are not watched, so restarts of the HPA's controller are not visible: 403",
    },
  ]);
});
