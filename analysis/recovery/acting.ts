/** The interval in which a fault's own proof saw it act, by its outer ends: what may have been within counts as within. */
import type { FaultView, Interval } from '../faults.ts';

/** Null = it was never seen acting. A fault that lasts and was never seen gone has no end; a blow is over when it has struck. */
export function actedMs({ momentary, actingFromMs, goneAtMs }: FaultView): Interval | null {
  if (actingFromMs === null) return null;
  return [actingFromMs[0], momentary ? actingFromMs[1] : (goneAtMs?.[1] ?? Number.POSITIVE_INFINITY)];
}
