/** Writes that were late, not lost: acknowledged, absent when the system was first read back, and there at a later look. */
import type { Event } from '../record/model.ts';
import { eventsOf, type LoadView } from './load-view.ts';

export interface LaggingView {
  /** Of all looks together. */
  count: number;
  /** After the end of the load, milliseconds: the beginning of the first look, and the end of the one that saw the last of them. */
  absentAtMs: number;
  seenByMs: number;
}

/** From events in the order of time. Null = nobody looked twice, or nothing was late. */
export function laggingView(events: readonly Event[], loads: readonly LoadView[]): LaggingView | null {
  const looks = eventsOf(events, 'readback');
  const [first] = looks;
  const late = looks.filter(({ lagging = 0 }) => lagging > 0);
  const last = late.at(-1);
  if (first === undefined || last === undefined) return null;
  // The harness's own writes have no schedule, and no end before that of the run.
  const ends = loads.flatMap(({ started, ended }) => (started.forMs > 0 && ended ? [ended.at] : []));
  const endMs = ends.length === 0 ? first.fromMs : Math.max(...ends);
  return {
    count: late.reduce((total, { lagging = 0 }) => total + lagging, 0),
    absentAtMs: Math.max(0, first.fromMs - endMs),
    seenByMs: Math.max(0, last.toMs - endMs),
  };
}
