/** The cluster as last heard of: one watch per kind, and waiting for a state of it without polling. */
import { reasonOf } from '../../record/reason.ts';
import { CannotRun } from '../platform.ts';
import { abortError } from './aborted.ts';
import type { Cluster, KindRef, KubeObject, Watched } from './cluster.ts';

export interface WatchedKind extends KindRef {
  /** Absent: of no namespace, all of them are watched. */
  namespace?: string;
  /** Only the object of this name. */
  name?: string;
  /** A run without it records less, and the history says so. */
  optional: boolean;
}

export type Change = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface ObservedOptions {
  cluster: Cluster;
  kinds: readonly WatchedKind[];
  /** Ends the wait for the first lists; what is watched by then goes on until `stop`. */
  signal: AbortSignal;
  changed(kind: WatchedKind, type: Change, object: KubeObject): void;
  gap(kind: WatchedKind, fromMs: number, toMs: number, why: string): void;
  /** An optional kind that cannot be watched. */
  unwatched(kind: WatchedKind, why: string): void;
}

/** The lists of a namespace come within a second; longer means that the API server is away. */
const FIRST_LISTS_WITHIN_MS = 60_000;

export interface Observed {
  /** Objects of a watched kind; none of one that is not watched. */
  objects(kind: string): KubeObject[];
  /** Resolves with the first answer of `look` that is not undefined, asked again after every change. CannotRun after `timeoutMs`, with `late`'s words. */
  until<T>(
    look: () => T | undefined,
    options: { timeoutMs: number; signal: AbortSignal; late: () => string },
  ): Promise<T>;
  /** No change and no gap is told after this. */
  stop(): void;
}

/**
 * Resolves when every kind has been listed once. Rejects, with all watches stopped: CannotRun when a kind that must be watched is refused
 * or not listed within 60 s, an AbortError when the signal is aborted.
 */
export async function observe(options: ObservedOptions): Promise<Observed> {
  const watches = new Map<string, Watched>();
  const looks = new Set<() => void>();
  const stop = () => watches.forEach((watched) => watched.stop());
  for (const kind of options.kinds) {
    const watched = options.cluster.watch(
      kind,
      {
        ...(kind.namespace !== undefined && { namespace: kind.namespace }),
        ...(kind.name !== undefined && { fieldSelector: `metadata.name=${kind.name}` }),
      },
      {
        changed(type, object) {
          options.changed(kind, type, object);
          for (const look of looks) look();
        },
        gap: (fromMs, toMs, why) => options.gap(kind, fromMs, toMs, why),
      },
    );
    watches.set(kind.kind, watched);
  }
  const results = await firstLists([...watches.values()], options.signal);
  if (options.signal.aborted) {
    stop();
    throw abortError('listing what is to be watched');
  }
  for (const [i, result] of results.entries()) {
    const kind = options.kinds[i];
    if (result.status === 'fulfilled' || kind === undefined) continue;
    const why = reasonOf(result.reason);
    watches.get(kind.kind)?.stop();
    watches.delete(kind.kind);
    if (kind.optional) options.unwatched(kind, why);
    else {
      stop();
      throw new CannotRun(`${kind.kind} objects cannot be watched: ${why}`);
    }
  }
  return {
    objects: (kind) => watches.get(kind)?.objects() ?? [],
    until: (look, limits) => until(looks, look, limits),
    stop,
  };
}

/** How each first list ended; those that have not when the signal or the bound ends the wait are refused with that reason. */
async function firstLists(
  watches: readonly Watched[],
  signal: AbortSignal,
): Promise<PromiseSettledResult<void>[]> {
  const bound = new AbortController();
  const timer = setTimeout(() => bound.abort(), FIRST_LISTS_WITHIN_MS);
  const either = AbortSignal.any([signal, bound.signal]);
  const ended = new Promise<never>((_, reject) => {
    const end = () => reject(new Error(`no list within ${FIRST_LISTS_WITHIN_MS / 1_000} s`));
    either.addEventListener('abort', end, { once: true });
    if (either.aborted) end();
  });
  ended.catch(() => undefined);
  try {
    return await Promise.allSettled(watches.map(({ synced }) => Promise.race([synced, ended])));
  } finally {
    clearTimeout(timer);
  }
}

function until<T>(
  looks: Set<() => void>,
  look: () => T | undefined,
  { timeoutMs, signal, late }: { timeoutMs: number; signal: AbortSignal; late: () => string },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (act: () => void) => {
      looks.delete(again);
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      act();
    };
    const again = () => {
      try {
        const found = look();
        if (found !== undefined) end(() => resolve(found));
      } catch (error) {
        end(() => reject(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const aborted = () => end(() => reject(abortError('waiting for the cluster')));
    const timer = setTimeout(() => end(() => reject(new CannotRun(late()))), timeoutMs);
    looks.add(again);
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
    else again();
  });
}
