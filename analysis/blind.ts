/** Stretches in which the objects of a cluster were not seen. Pure. */
import type { Event, EventOf } from '../record/model.ts';
import { WATCH_LOG_GAP, gapName } from '../record/watch-log.ts';

/** Gaps of the history in which one of these kinds was not watched, or the log of all kinds was not written. */
export function blindGaps(events: readonly Event[], kinds: readonly string[]): EventOf<'gap'>[] {
  const names = new Set([WATCH_LOG_GAP, ...kinds.map(gapName)]);
  return events.filter((event): event is EventOf<'gap'> => event.kind === 'gap' && names.has(event.what));
}
