import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Emit } from '../platform.ts';
import { ApiError } from './cluster.ts';
import type { KubeObject } from './cluster.ts';
import { pollPodMetrics, servesPodMetrics } from './pod-metrics.ts';
import { memoryCluster } from './testing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const metrics = (name: string, timestamp: string, cpu = '10m'): KubeObject => ({
  apiVersion: 'metrics.k8s.io/v1beta1',
  kind: 'PodMetrics',
  // The moment of the answer: another one each time.
  metadata: { name, namespace: 'shop', creationTimestamp: `${Date.now()}` },
  timestamp,
  window: '10s',
  containers: [{ name: 'app', usage: { cpu, memory: '1Mi' } }],
});

function poll(answer: () => KubeObject[]) {
  const began = Date.now();
  const lines: string[] = [];
  const events: Parameters<Emit>[0][] = [];
  const cluster = { ...memoryCluster(), list: () => new Promise((resolve) => resolve(answer())) };
  const end = pollPodMetrics({
    cluster: cluster as ReturnType<typeof memoryCluster>,
    namespace: 'shop',
    emit: (event) => void events.push(event),
    nowMs: () => Date.now() - began,
    file: {
      write: (type, { metadata, timestamp }) =>
        void lines.push(`${Date.now() - began} ${type} ${metadata.name} ${String(timestamp)}`),
      close: () => undefined,
    },
  });
  return { lines, events, end };
}

it('writes each new value once, at once and every 2 s, and when a pod is no longer in the answer', async () => {
  let there = () => [metrics('a', 't1'), metrics('b', 't1')];
  const { lines, events, end } = poll(() => there());
  await vi.advanceTimersByTimeAsync(2_000);
  there = () => [metrics('a', 't1'), metrics('b', 't2')];
  await vi.advanceTimersByTimeAsync(2_000);
  there = () => [metrics('b', 't2', '11m')];
  await vi.advanceTimersByTimeAsync(2_000);
  there = () => [metrics('b', 't2', '11m'), metrics('a', 't1')];
  await vi.advanceTimersByTimeAsync(2_000);
  end();
  expect(lines).toEqual([
    '0 POLLED a t1',
    '0 POLLED b t1',
    '4000 POLLED b t2',
    '6000 DELETED a t1',
    '6000 POLLED b t2',
    '8000 POLLED a t1',
  ]);
  expect(events).toEqual([]);
  there = () => [metrics('c', 't9')];
  await vi.advanceTimersByTimeAsync(20_000);
  expect(lines).toHaveLength(6);
});

it('tells a stretch without an answer as a gap, when it is over or at the end, and nothing as gone', async () => {
  let why: string | undefined;
  const { lines, events, end } = poll(() => {
    if (why !== undefined) throw new Error(why);
    return [metrics('a', 't1')];
  });
  await vi.advanceTimersByTimeAsync(4_000);
  why = 'list PodMetrics: 503 ServiceUnavailable';
  await vi.advanceTimersByTimeAsync(8_000);
  expect(events).toEqual([]);
  why = undefined;
  await vi.advanceTimersByTimeAsync(4_000);
  const first = { kind: 'gap', what: 'PodMetrics', fromMs: 4_000, toMs: 14_000 };
  expect(events).toEqual([{ ...first, why: 'list PodMetrics: 503 ServiceUnavailable' }]);
  why = 'again';
  await vi.advanceTimersByTimeAsync(6_000);
  end();
  expect(events[1]).toEqual({ ...first, fromMs: 16_000, toMs: 22_000, why: 'again' });
  expect(lines).toEqual(['0 POLLED a t1']);
});

it('takes what is installed and does not answer for something to be asked', async () => {
  const silent = new ApiError('discover metrics.k8s.io/v1beta1: 503', 503, 'ServiceUnavailable');
  const serving = (serves: () => Promise<boolean>) => servesPodMetrics({ ...memoryCluster(), serves });
  expect(await serving(() => Promise.reject(silent))).toBe(true);
  expect(await serving(() => Promise.resolve(false))).toBe(false);
  await expect(serving(() => Promise.reject(new Error('ours')))).rejects.toThrow('ours');
});
