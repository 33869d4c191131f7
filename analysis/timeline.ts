/** The judged load second by second, by the intended start of each write: what was asked of the system, and what it gave. */
import type { Scenario } from '../record/model.ts';

export const BIN_MS = 1_000;
/** Of the acknowledged writes of a good bin at most this share may be slower than the limit. */
const SLOW_SHARE = 0.01;

export interface Counts {
  served: number;
  failed: number;
  unknown: number;
  /** Of the served: slower than the scenario's limit, from the intended start. */
  slow: number;
  /** Of the slow: only because the generator itself had held them up. */
  heldUp: number;
  /** Started by the generator more than 250 ms after they were due: its own stall. */
  late: number;
  /** Never started by the generator. */
  dropped: number;
}

export interface Bin extends Counts {
  fromMs: number;
  toMs: number;
}

export interface Timeline {
  fromMs: number;
  toMs: number;
  /** Without a hole; the last one may be shorter. */
  bins: Bin[];
}

export type Good = Scenario['good'];

export function emptyTimeline(fromMs: number, toMs: number): Timeline {
  const bins = Array.from({ length: Math.max(0, Math.ceil((toMs - fromMs) / BIN_MS)) }, (_, index) => ({
    fromMs: fromMs + index * BIN_MS,
    toMs: Math.min(toMs, fromMs + (index + 1) * BIN_MS),
    ...noCounts(),
  }));
  return { fromMs, toMs, bins };
}

function noCounts(): Counts {
  return { served: 0, failed: 0, unknown: 0, slow: 0, heldUp: 0, late: 0, dropped: 0 };
}

/** Position of the bin that a moment falls into, or -1 when the moment is not judged. */
export function binAt({ fromMs, toMs }: Timeline, atMs: number): number {
  return atMs >= fromMs && atMs < toMs ? Math.floor((atMs - fromMs) / BIN_MS) : -1;
}

/** Arrivals that the schedule asked for: a dropped one was asked for too. */
export function scheduled({ served, failed, unknown, dropped }: Counts): number {
  return served + failed + unknown + dropped;
}

/** Null = nothing can be said: nothing was due, or writes were slow that the generator itself had held up, and no others. */
export function isGood(bin: Counts, good: Good): boolean | null {
  const asked = scheduled(bin);
  if (asked === 0) return null;
  if (bin.served / asked < good.served) return false;
  const allowed = bin.served * SLOW_SHARE;
  if (bin.slow <= allowed) return true;
  return bin.slow - bin.heldUp <= allowed ? null : false;
}

export function sum(bins: readonly Counts[]): Counts {
  const total = noCounts();
  for (const bin of bins) {
    total.served += bin.served;
    total.failed += bin.failed;
    total.unknown += bin.unknown;
    total.slow += bin.slow;
    total.heldUp += bin.heldUp;
    total.late += bin.late;
    total.dropped += bin.dropped;
  }
  return total;
}

/** Bins that lie wholly between two moments. */
export function binsWithin({ bins }: Timeline, fromMs: number, toMs: number): Bin[] {
  return bins.filter((bin) => bin.fromMs >= fromMs && bin.toMs <= toMs);
}

/** Bins that have a part between two moments. */
export function binsTouching({ bins }: Timeline, fromMs: number, toMs: number): Bin[] {
  return bins.filter((bin) => bin.toMs > fromMs && bin.fromMs < toMs);
}

/**
 * Start of the first run of `good.bins` good bins among `bins`; null when there is none. A bin in which nothing was due neither counts nor breaks
 * the run, one that the generator held up breaks it; with `inDoubtGood` both count, which gives the earliest start that what was seen allows.
 */
export function firstGoodRun(bins: readonly Bin[], good: Good, inDoubtGood = false): number | null {
  let startMs = 0;
  let length = 0;
  for (const bin of bins) {
    const verdict = isGood(bin, good) ?? inDoubtGood;
    if (!verdict && scheduled(bin) === 0) continue;
    if (!verdict) length = 0;
    else if (length++ === 0) startMs = bin.fromMs;
    if (length === good.bins) return startMs;
  }
  return null;
}

/** More than this of the arrivals sent late, and what clients got is the generator's own doing. */
export const LATE_SHARE = 0.01;

/** That the generator itself held up so many writes that what clients waited says little of the system, in words; or null. */
export function heldUpWords(bins: readonly Bin[]): string | null {
  const total = sum(bins);
  const { late } = total;
  const asked = scheduled(total);
  return asked === 0 || late / asked <= LATE_SHARE
    ? null
    : `the generator started ${late} of ${asked} writes more than 250 ms late meanwhile`;
}

/** The smallest served share of any ten seconds in a row; null when nothing was due. */
export function worstTenSeconds(bins: readonly Bin[]): { share: number; fromMs: number } | null {
  let worst: { share: number; fromMs: number } | null = null;
  for (let from = 0; from === 0 || from + 10 <= bins.length; from += 1) {
    const total = sum(bins.slice(from, from + 10));
    const share = scheduled(total) === 0 ? 2 : total.served / scheduled(total);
    if (share < (worst?.share ?? 2)) worst = { share, fromMs: bins[from]?.fromMs ?? 0 };
  }
  return worst;
}
