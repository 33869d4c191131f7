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

/** Counts from the first second in which a limit was broken; a good one starts the count anew, one without any answer says nothing. */
export function createGuard({
  guards,
  platform,
  abort,
  nowMs,
}: Pick<Session, 'guards' | 'platform' | 'abort' | 'nowMs'>): Guard {
  const allowedMs = guards.forMs ?? FOR_MS;
  let bad: { sinceMs: number; why: string } | null = null;
  return {
    second(progress) {
      const why = broken(guards, progress, platform.pods().filter(({ ready }) => ready).length);
      if (why === null) bad = null;
      else if (why !== 'no answer') bad = { sinceMs: bad?.sinceMs ?? nowMs(), why };
      if (bad === null || nowMs() - bad.sinceMs < allowedMs) return;
      abort(
        'inconclusive',
        `a guard of proofload.yaml ended the run: ${bad.why} for ${formatDuration(allowedMs)}`,
      );
    },
  };
}

/** Which limit, in words; null = none. Where writes hang they all end in one second out of several, and the others have `no answer`. */
function broken(guards: GuardLimits, { acked, failed, unknown }: Progress, ready: number): string | null {
  const asked = acked + failed + unknown;
  if (guards.readyPods !== undefined && ready < guards.readyPods)
    return `fewer than ${guards.readyPods} pods were Ready`;
  if (guards.served === undefined) return null;
  if (asked === 0) return 'no answer';
  return acked / asked < guards.served
    ? `fewer than ${guards.served * 100} % of the writes were acknowledged`
    : null;
}
