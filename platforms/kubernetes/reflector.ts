/**
 * List and watch (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes): a copy of
 * one kind of objects that goes on for ever, and that says when it could not see.
 *
 * Silence is never taken for "nothing happened": each watch ends itself on the server after `watchMs`, so a connection
 * that has said nothing for the longer `inactivityMs` is dead, however quiet the objects are.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../record/reason.ts';
import { ApiError } from './cluster.ts';
import type { KubeObject, Watched, WatchHandlers } from './cluster.ts';

export type WatchEvent<T> =
  { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T } | { type: 'BOOKMARK'; resourceVersion: string };

export interface WatchSource<T extends KubeObject> {
  /** Everything there is now, and the version to watch from. */
  list(): Promise<{ items: T[]; resourceVersion: string }>;
  /**
   * Resolves when the server has accepted the watch. The iteration ends when the server closes it, and throws when the
   * connection breaks or the server says so (ApiError; 410 = the version is too old).
   */
  watch(resourceVersion: string, watchMs: number, signal: AbortSignal): Promise<AsyncIterable<WatchEvent<T>>>;
}

export interface ReflectorTimes {
  /** The server closes each watch after this; less than `inactivityMs`. */
  watchMs: number;
  /** A connection this silent is taken for dead. */
  inactivityMs: number;
  /** First and longest wait before the next attempt, doubling, each shortened at random by up to a half. */
  backOffMs: readonly [first: number, longest: number];
  /** Shorter stretches without a connection are not told when nothing was missed in them. */
  gapMs: number;
}
const TIMES: ReflectorTimes = {
  watchMs: 20_000,
  inactivityMs: 30_000,
  backOffMs: [200, 5_000],
  gapMs: 1_000,
};

/** Refusals that another attempt will not change: before the first list they are the caller's to hear. */
const FINAL = [400, 401, 403, 404, 405];

/**
 * Starts at once. `signal` ends what has not `synced` yet; a copy that has goes on until `stop`, for what is observed while a
 * run is taken down. An exception of a handler ends the copy and the process: it is a mistake of ours, not of the cluster.
 */
export function startReflector<T extends KubeObject>(
  source: WatchSource<T>,
  handlers: WatchHandlers<T>,
  options: { nowMs: () => number; signal?: AbortSignal | undefined; times?: Partial<ReflectorTimes> },
): Watched<T> {
  const { nowMs, signal } = options;
  const times = { ...TIMES, ...options.times };
  const copy = new Map<string, T>();
  const stopping = new AbortController();
  let isSynced = false;
  /** Set while no watch is open: since when nothing is known, and why. */
  let blind: { fromMs: number; why?: string } | undefined = { fromMs: nowMs() };
  let heardMs = nowMs();
  let openedMs = Infinity;
  let settle = { resolve: () => {}, reject: (_error: Error) => {} };
  const synced = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // Whoever does not wait for it does not want to know.
  synced.catch(() => undefined);

  function stop(): void {
    if (stopping.signal.aborted) return;
    // An open watch that is silent for longer than the server lets it live was cut without a word.
    if (blind === undefined && nowMs() - heardMs > times.watchMs + times.gapMs)
      blind = { fromMs: heardMs, why: 'the watch was silent' };
    const last = blind;
    stopping.abort();
    signal?.removeEventListener('abort', stopUnsynced);
    tellGap(last, times.gapMs);
    settle.reject(stopped());
  }
  function stopUnsynced(): void {
    if (!isSynced) stop();
  }

  function tellGap(gap: typeof blind, longerThanMs: number): void {
    const toMs = nowMs();
    // Before the first list there is nothing to be missed: whoever waits for `synced` knows.
    if (gap === undefined || !isSynced || toMs - gap.fromMs <= longerThanMs) return;
    calling(() => handlers.gap(gap.fromMs, toMs, gap.why ?? 'no watch was open'));
  }

  function tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T, relisted: boolean): void {
    // Also a handler may have stopped it.
    if (stopping.signal.aborted) return;
    if (type === 'DELETED') copy.delete(keyOf(object));
    else copy.set(keyOf(object), object);
    calling(() => handlers.changed(type, object, relisted));
  }

  function calling(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      stop();
      process.nextTick(() => {
        throw error;
      });
    }
  }

  async function list(): Promise<string> {
    const { items, resourceVersion } = await source.list();
    if (stopping.signal.aborted) throw stopped();
    // What the list brings may have happened at any time since the last word, so that stretch is told first, however short.
    tellGap(blind, -1);
    const found = new Set(items.map(keyOf));
    for (const [key, object] of copy) if (!found.has(key)) tell('DELETED', object, true);
    for (const object of items) {
      const before = copy.get(keyOf(object));
      if (before === undefined) tell('ADDED', object, isSynced);
      else if (before.metadata.uid !== object.metadata.uid) {
        // Deleted and made again unseen.
        tell('DELETED', before, true);
        tell('ADDED', object, true);
      } else if (before.metadata.resourceVersion !== object.metadata.resourceVersion)
        tell('MODIFIED', object, true);
    }
    heardMs = nowMs();
    blind = { fromMs: heardMs };
    isSynced = true;
    signal?.removeEventListener('abort', stopUnsynced);
    settle.resolve();
    return resourceVersion;
  }

  /** Follows one watch until the server closes it; throws when it breaks, or is silent. */
  async function follow(from: string, reached: (resourceVersion: string) => void): Promise<void> {
    const connection = new AbortController();
    const silence = new Error(`the watch was silent for ${times.inactivityMs} ms`);
    const silent = () => connection.abort(silence);
    let timer = setTimeout(silent, times.inactivityMs);
    const heard = () => {
      heardMs = nowMs();
      clearTimeout(timer);
      timer = setTimeout(silent, times.inactivityMs);
    };
    try {
      const either = AbortSignal.any([connection.signal, stopping.signal]);
      const events = await source.watch(from, times.watchMs, either);
      if (stopping.signal.aborted) throw stopped();
      tellGap(blind, times.gapMs);
      blind = undefined;
      openedMs = nowMs();
      heard();
      for await (const event of events) {
        if (stopping.signal.aborted) throw stopped();
        heard();
        if (event.type === 'BOOKMARK') reached(event.resourceVersion);
        else {
          tell(event.type, event.object, false);
          if (event.object.metadata.resourceVersion !== undefined)
            reached(event.object.metadata.resourceVersion);
        }
      }
      heard();
    } catch (error) {
      throw connection.signal.aborted ? silence : error;
    } finally {
      clearTimeout(timer);
      connection.abort();
    }
  }

  async function run(): Promise<void> {
    let from: string | undefined;
    let failures = 0;
    while (!stopping.signal.aborted) {
      let mayGoOn = true;
      openedMs = Infinity;
      try {
        from ??= await list();
        await follow(from, (resourceVersion) => (from = resourceVersion));
        // The server's own end of a watch: everything up to it was told.
        blind = { fromMs: heardMs };
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!isSynced && error instanceof ApiError && FINAL.includes(error.status)) {
          settle.reject(error);
          return stop();
        }
        const why = reasonOf(error);
        blind = { fromMs: blind?.fromMs ?? heardMs, why: blind?.why ?? why };
        mayGoOn = error instanceof ApiError && error.status === 410;
        if (mayGoOn) from = undefined;
      }
      if (nowMs() - openedMs >= times.gapMs) failures = 0;
      // Closed as soon as it was opened, time after time, is a failure too.
      if (failures > 0 || !mayGoOn) {
        const [firstMs, longestMs] = times.backOffMs;
        const waitMs = Math.min(longestMs, firstMs * 2 ** failures) * (0.5 + Math.random() / 2);
        await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
      failures += 1;
    }
  }

  if (signal?.aborted === true) stop();
  else signal?.addEventListener('abort', stopUnsynced, { once: true });
  void run();
  return { objects: () => [...copy.values()], synced, stop };
}

function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return `${namespace ?? ''}/${name}`;
}

function stopped(): Error {
  const error = new Error('the watch was stopped');
  error.name = 'AbortError';
  return error;
}
