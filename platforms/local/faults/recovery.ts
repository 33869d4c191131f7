/** Waiting for the end of a fault that ends by itself. */
import type { FaultContext } from '../fault-context.ts';

/**
 * Waits until `healthy`, once: a second call does not wait again. A pod that is restarted again and again changes all the time, so no progress is
 * not the only way not to recover. Throws when it takes too long; an interrupted run does not wait.
 */
export function recoveryOf(
  { replicas, signal, recoversWithinMs }: FaultContext,
  what: string,
  healthy: () => boolean,
): () => Promise<void> {
  let waited = false;
  return async () => {
    if (waited) return;
    waited = true;
    await replicas.until(healthy, what, AbortSignal.any([signal, AbortSignal.timeout(recoversWithinMs)]));
    if (!healthy() && !signal.aborted)
      throw new Error(`${what}: not recovered ${Math.round(recoversWithinMs / 1_000)} s after it`);
  };
}
