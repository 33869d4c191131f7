/** What a watch log itself shows to be missing in it, as gaps of the history: the checks know what to do with those. */
import type { Event, EventOf } from './model.ts';
import { WATCH_LOG_GAP, type WatchLine } from './watch-log.ts';

/**
 * The controller's lease has a line every 10 s where it is watched, so a log that has shown it and is silent for longer than this is not whole,
 * milliseconds.
 */
const SILENT_MS = 30_000;

/**
 * `lines`: of the whole log in its order, each read or why it is none. A state that missed one change may be wrong until the end, so the gap of
 * a damaged line (a torn last one, too) lasts until then; a silence ends with the next line.
 */
export function watchGaps(lines: Iterable<WatchLine | string>, events: readonly Event[]): EventOf<'gap'>[] {
  const lastMs = events.reduce((latest, { at }) => Math.max(latest, at), 0);
  const undoMs = events.find((event) => event.kind === 'phase' && event.phase === 'undo')?.at ?? lastMs;
  const isPulseLost = events.some((event) => event.kind === 'gap' && /\bLease\b/.test(event.what));
  const silences: EventOf<'gap'>[] = [];
  let damaged: { fromMs: number; number: number; why: string; count: number } | null = null;
  let number = 0;
  let toldMs = 0;
  let hasPulse = false;
  const silence = (fromMs: number, toMs: number) => {
    if (hasPulse && !isPulseLost && toMs - fromMs > SILENT_MS)
      silences.push(
        gap(fromMs, toMs, 'it has no line, not even one of the lease that is renewed all the time'),
      );
  };
  for (const line of lines) {
    number += 1;
    const why = typeof line === 'string' ? line : misplaced(line, lastMs);
    if (typeof line === 'string' || why !== null) {
      damaged ??= { fromMs: toldMs, number, why: why ?? '', count: 0 };
      damaged.count += 1;
      continue;
    }
    silence(toldMs, Math.min(line.atMs, undoMs));
    toldMs = Math.max(toldMs, line.atMs);
    hasPulse ||= line.kind === 'Lease';
  }
  silence(toldMs, undoMs);
  if (damaged === null) return silences;
  const { fromMs, count, why } = damaged;
  const which =
    count === 1 ? `line ${damaged.number} is` : `${count} lines are, from line ${damaged.number} on,`;
  return [
    ...silences,
    gap(
      fromMs,
      Math.max(fromMs, lastMs),
      `${which} no change of an object (${why}), and what came of it is not known`,
    ),
  ];
}

/** Told when nothing more was recorded: its time, at least, is not what was written. */
function misplaced({ atMs }: WatchLine, lastMs: number): string | null {
  return atMs > lastMs + SILENT_MS ? `atMs: ${atMs} is after the end of the run` : null;
}

function gap(fromMs: number, toMs: number, why: string): EventOf<'gap'> {
  return { at: toMs, kind: 'gap', what: WATCH_LOG_GAP, fromMs, toMs, why };
}
