import { describe, expect, it } from 'vitest';
import type { Cluster, KubeObject } from '../cluster.ts';
import { watchRunnerPods } from './pods.ts';

function watching() {
  let changed: (type: 'ADDED' | 'DELETED', object: KubeObject) => void = () => undefined;
  const cluster: Pick<Cluster, 'watch'> = {
    watch(_kind, _selection, handlers) {
      changed = (type, object) => handlers.changed(type, object as never, false);
      return { objects: () => [], synced: Promise.resolve(), stop: () => undefined };
    },
  };
  const pods = watchRunnerPods({
    cluster: cluster as Cluster,
    namespace: 'ns',
    labelSelector: 'x=y',
    names: ['load-1', 'load-2'],
    gap: () => undefined,
  });
  return { pods, tell: (type: 'ADDED' | 'DELETED', object: KubeObject) => changed(type, object) };
}

function pod(uid: string, labels: Record<string, string>, status: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${uid}`, uid, labels }, status };
}
const first = { 'batch.kubernetes.io/job-completion-index': '0' };
const never = new AbortController().signal;

describe('the pods of runners', () => {
  it('are known by index, or by the name of their Job; others are nobody', () => {
    const { pods, tell } = watching();
    tell('ADDED', pod('a', first));
    tell('ADDED', pod('b', { 'batch.kubernetes.io/job-name': 'load-2' }));
    tell('ADDED', pod('c', { 'batch.kubernetes.io/job-name': 'load-starter' }));
    tell('ADDED', pod('d', { 'batch.kubernetes.io/job-completion-index': '7' }));
    expect([pods.get('load-1')?.uid, pods.get('load-2')?.uid]).toEqual(['a', 'b']);
    expect(pods.get('load-starter')).toBeUndefined();
  });

  it('a second pod in the place of the first does not count', () => {
    const { pods, tell } = watching();
    tell('ADDED', pod('a', first));
    tell('DELETED', pod('a', first));
    tell('ADDED', pod('b', first, { containerStatuses: [{ name: 'k6', state: { running: {} } }] }));
    expect(pods.get('load-1')).toMatchObject({ uid: 'a', end: { exitCode: null } });
  });

  it('one that was evicted says so', () => {
    const { pods, tell } = watching();
    tell('ADDED', pod('a', first, { phase: 'Failed', reason: 'Evicted', message: 'low on memory' }));
    expect(pods.get('load-1')?.end?.why).toContain('Evicted: low on memory');
  });

  it('one whose exit code was seen keeps it when it is deleted', () => {
    const { pods, tell } = watching();
    const status = { containerStatuses: [{ name: 'k6', state: { terminated: { exitCode: 0 } } }] };
    tell('ADDED', pod('a', first, status));
    tell('DELETED', pod('a', first));
    expect(pods.get('load-1')?.end).toMatchObject({ exitCode: 0 });
  });

  it('what cannot be read ends the wait with its name', async () => {
    const { pods, tell } = watching();
    const wait = pods.until(() => pods.get('load-1') ?? null, never);
    tell('ADDED', pod('a', first, { conditions: 'none' }));
    await expect(wait).rejects.toThrow('pod pod-a');
  });

  it('a wait ends with its signal', async () => {
    const { pods } = watching();
    const late = new AbortController();
    const wait = pods.until(() => null, late.signal);
    late.abort(new Error('too late'));
    await expect(wait).rejects.toThrow('too late');
  });
});
