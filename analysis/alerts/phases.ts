/**
 * When an alert fires and resolves for a load that is known second by second, for every phase of its scrapes and evaluations: the
 * state machine of Prometheus (rules/alerting.go) over the counters that the load would have made.
 */
import { extrapolatedRate } from './rate.ts';
import type { RuleTiming } from './timing.ts';

/** One bin of the load: requests, and how many of them were bad. Bins follow each other without a hole. */
export interface LoadBin {
  bad: number;
  all: number;
}

export interface Load {
  fromMs: number;
  binMs: number;
  bins: readonly LoadBin[];
}

/** Of one alert in one pair of phases; null: it did not happen before the load's end. */
export interface Cycle {
  firedMs: number | null;
  resolvedMs: number | null;
}

/** A counter that began long ago, next to one that stands at 0: `rate` extrapolates them differently. */
const COUNTER_STARTS = [0, 1e9];

/**
 * The first cycle at or after `sinceMs`, for all phases in steps of a bin. The condition is a share of `windowMs` over `threshold`.
 * Work: scrape interval x length of the load, in bins squared; a day in seconds is too much.
 */
export function cycles(timing: RuleTiming, window: Window, load: Load, sinceMs: number): Cycle[] {
  const found: Cycle[] = [];
  for (const badStart of COUNTER_STARTS)
    for (let scrapeMs = 0; scrapeMs < timing.scrapeIntervalMs; scrapeMs += load.binMs) {
      const holds = conditionOf(timing, window, load, { scrapeMs, badStart });
      for (let phaseMs = 0; phaseMs < timing.evaluationIntervalMs; phaseMs += load.binMs)
        found.push(cycle(timing, load, holds, firstSlot(load, sinceMs) + phaseMs));
    }
  return found;
}

export interface Window {
  windowMs: number;
  threshold: number;
}

function firstSlot({ fromMs, binMs }: Load, sinceMs: number): number {
  return fromMs + Math.ceil((sinceMs - fromMs) / binMs) * binMs;
}

/** Whether the condition holds, for every edge of a bin. */
function conditionOf(
  { scrapeIntervalMs }: RuleTiming,
  { windowMs, threshold }: Window,
  load: Load,
  { scrapeMs, badStart }: { scrapeMs: number; badStart: number },
): boolean[] {
  const { binMs, bins } = load;
  const bad = counter(bins, 'bad', badStart);
  const all = counter(bins, 'all', 1e9);
  return Array.from({ length: bins.length + 1 }, (_, edge) => {
    const lastIndex = Math.floor((edge * binMs - scrapeMs) / scrapeIntervalMs);
    // Left-open: a sample exactly as old as the window is outside.
    const firstIndex = Math.max(0, Math.floor((edge * binMs - windowMs - scrapeMs) / scrapeIntervalMs) + 1);
    const at = (counted: readonly number[], index: number) => {
      const atMs = index * scrapeIntervalMs + scrapeMs;
      return { atMs, value: valueAt(counted, atMs / binMs) };
    };
    const rate = (counted: readonly number[]) =>
      extrapolatedRate(
        { first: at(counted, firstIndex), last: at(counted, lastIndex), count: lastIndex - firstIndex + 1 },
        windowMs,
        edge * binMs,
      );
    const [badRate, allRate] = [rate(bad), rate(all)];
    // 0 / 0 is not a number, and no comparison with that holds.
    return badRate !== null && allRate !== null && badRate / allRate > threshold;
  });
}

/** Its value at every edge of a bin. */
function counter(bins: readonly LoadBin[], which: keyof LoadBin, start: number): number[] {
  let value = start;
  return [start, ...bins.map((bin) => (value += bin[which]))];
}

/** Within a bin events are spread evenly. */
function valueAt(counted: readonly number[], edge: number): number {
  const whole = Math.max(0, Math.min(counted.length - 1, Math.floor(edge)));
  const here = counted[whole] ?? 0;
  return here + (edge - whole) * ((counted[whole + 1] ?? here) - here);
}

function cycle(timing: RuleTiming, load: Load, holds: readonly boolean[], slotMs: number): Cycle {
  const { evaluationIntervalMs, forMs, keepFiringForMs } = timing;
  const endMs = load.fromMs + load.bins.length * load.binMs;
  let activeMs: number | null = null;
  let goneMs: number | null = null;
  let firedMs: number | null = null;
  for (let atMs = slotMs; atMs <= endMs; atMs += evaluationIntervalMs) {
    const holdsNow = holds[Math.floor((atMs - load.fromMs) / load.binMs)] === true;
    if (holdsNow) {
      activeMs ??= atMs;
      goneMs = null;
      if (firedMs === null && atMs - activeMs >= forMs) firedMs = atMs;
    } else if (firedMs === null) activeMs = null;
    else {
      goneMs ??= atMs;
      if (atMs - goneMs >= keepFiringForMs) return { firedMs, resolvedMs: atMs };
    }
  }
  return { firedMs, resolvedMs: null };
}
