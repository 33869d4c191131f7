import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CannotRun } from '../platform.ts';
import { observe } from './observed.ts';
import { memoryCluster } from './testing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Kinds whose first list never comes. */
function start(silent: readonly string[], signal = new AbortController().signal) {
  const cluster = memoryCluster();
  const stopped: string[] = [];
  const unwatched: string[] = [];
  const synced = (kind: string) =>
    silent.includes(kind) ? new Promise<void>(() => undefined) : Promise.resolve();
  cluster.watch = ({ kind }) => ({
    objects: () => [],
    synced: synced(kind),
    stop: () => void stopped.push(kind),
  });
  const observed = observe({
    cluster,
    kinds: [
      { apiVersion: 'v1', kind: 'Pod', optional: false },
      { apiVersion: 'v1', kind: 'Event', optional: true },
    ],
    signal,
    changed: () => undefined,
    gap: () => undefined,
    unwatched: ({ kind }, why) => void unwatched.push(`${kind}: ${why}`),
  });
  observed.catch(() => undefined);
  return { observed, stopped, unwatched };
}

it('goes on with the first lists, and leaves no timer behind', async () => {
  const { observed, stopped } = start([]);
  await observed;
  expect(stopped).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('ends with all watches stopped when the run is interrupted before the first lists', async () => {
  const ending = new AbortController();
  const { observed, stopped } = start(['Pod'], ending.signal);
  await vi.advanceTimersByTimeAsync(10);
  expect(stopped).toEqual([]);
  ending.abort();
  await expect(observed).rejects.toMatchObject({ name: 'AbortError' });
  expect(stopped).toEqual(['Pod', 'Event']);
  await expect(start([], AbortSignal.abort()).observed).rejects.toMatchObject({ name: 'AbortError' });
});

it('does not wait for ever for an API server that is away', async () => {
  const { observed, stopped } = start(['Pod']);
  await vi.advanceTimersByTimeAsync(60_000);
  await expect(observed).rejects.toThrow('Pod objects cannot be watched: no list within 60 s');
  await expect(observed).rejects.toBeInstanceOf(CannotRun);
  expect(stopped).toContain('Event');
});

it('goes on without an optional kind that is never listed, and says so', async () => {
  const { observed, unwatched, stopped } = start(['Event']);
  await vi.advanceTimersByTimeAsync(60_000);
  await observed;
  expect(unwatched).toEqual(['Event: no list within 60 s']);
  expect(stopped).toEqual(['Event']);
});

it('watches a kind in its own namespace, and where a name is given only that object', async () => {
  const cluster = memoryCluster();
  const selections: unknown[] = [];
  cluster.watch = (_, selection) => {
    selections.push(selection);
    return { objects: () => [], synced: Promise.resolve(), stop: () => undefined };
  };
  const kind = (more: object) => ({ apiVersion: 'v1', kind: 'Lease', optional: true, ...more });
  await observe({
    cluster,
    kinds: [kind({}), kind({ namespace: 'a' }), kind({ namespace: 'a', name: 'x' })],
    signal: new AbortController().signal,
    changed: () => undefined,
    gap: () => undefined,
    unwatched: () => undefined,
  });
  expect(selections).toEqual([{}, { namespace: 'a' }, { namespace: 'a', fieldSelector: 'metadata.name=x' }]);
});
