/**
 * Ends a run that does more harm than it may: on a cluster that others use, a question is worth only so many refused writes. Limits come
 * from proofload.yaml; a run that a guard has stopped heals its faults first and is `inconclusive`, never `pass`.
 */
import { formatDuration } from '../record/duration.ts';
import type { Progress } from './observer.ts';
import type { Session } from './session.ts';

export interface GuardLimits {
  /** Share of a second's writes, 0..1, that has to be acknowledged. */
  served?: number;
  /** Pods that have to be Ready. */
  readyPods?: number;
  /** For how long it may be worse, milliseconds. */
  forMs?: number;
}

const FOR_MS = 30_000;

export interface Guard {
  /** Looks at one second of the load; ends the run when it has been too bad for too long. */
  second(progress: Progress): void;
}

/** Counts seconds in which a limit was broken; a good one starts the count anew. */
export function createGuard({
  guards,
  platform,
  abort,
  nowMs,
}: Pick<Session, 'guards' | 'platform' | 'abort' | 'nowMs'>): Guard {
  const allowedMs = guards.forMs ?? FOR_MS;
  let badSinceMs: number | null = null;
  return {
    second(progress) {
      const why = broken(guards, progress, platform.pods().filter(({ ready }) => ready).length);
      if (why === null) {
        badSinceMs = null;
        return;
      }
      badSinceMs ??= nowMs();
      if (nowMs() - badSinceMs < allowedMs) return;
      abort(
        'inconclusive',
        `a guard of proofload.yaml ended the run: ${why} for ${formatDuration(allowedMs)}`,
      );
    },
  };
}

function broken(guards: GuardLimits, { acked, failed, unknown }: Progress, ready: number): string | null {
  const asked = acked + failed + unknown;
  if (guards.served !== undefined && asked > 0 && acked / asked < guards.served)
    return `fewer than ${guards.served * 100} % of the writes were acknowledged`;
  if (guards.readyPods !== undefined && ready < guards.readyPods)
    return `fewer than ${guards.readyPods} pods were Ready`;
  return null;
}
