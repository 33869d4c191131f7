/** Random faults under random rules, as unit tests that promtool can play: what the deadlines are held against. */
import { formatDuration } from '../../record/duration.ts';
import { deadlines } from './deadlines.ts';
import type { Deadlines } from './deadline.ts';
import { ledgerDeadlines } from './ledger-deadlines.ts';
import { firingTimeExpr, type RuleTest } from './rule-test.ts';
import { type Condition, type RuleTiming, type Span, upToEvaluation, thresholdWindow } from './timing.ts';

/** One fault, in whole seconds: one value of a series a second, so that scrapes come in any phase. */
export interface Timeline {
  id: string;
  startedMs: number;
  endedMs: number;
  share: number;
  /** The first scrape; evaluations are at whole multiples of their interval. */
  scrapePhaseMs: number;
  /** Failures counted before the fault. */
  counterStart: number;
  /** Traffic goes up and down by this share of its mean; 0: it is constant. */
  swing: number;
  swingPeriodMs: number;
}

/** Faults under one rule: the interval of evaluations is one for a file. */
export interface Setting {
  timing: RuleTiming;
  timelines: Timeline[];
}

type Random = () => number;

const REQUESTS_PER_S = 1_000;
const SECOND_MS = 1_000;

export function settings(random: Random, count: number, timelinesEach: number): Setting[] {
  return Array.from({ length: count }, (_, number) => {
    const timing = timingOf(random);
    return {
      timing,
      timelines: Array.from({ length: timelinesEach }, (__, i) => timeline(random, timing, `${number}-${i}`)),
    };
  });
}

function pick<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[Math.floor(random() * items.length)] ?? items[0];
}

function seconds(random: Random, fromS: number, toS: number): number {
  return (fromS + Math.floor(random() * (toS - fromS + 1))) * SECOND_MS;
}

function timingOf(random: Random): RuleTiming {
  const scrapeIntervalMs = pick(random, [5_000, 7_000, 10_000, 15_000, 20_000, 30_000]);
  const evaluationIntervalMs = pick(random, [5_000, 10_000, 15_000, 20_000, 30_000, 60_000]);
  // At least four scrapes in a window, and often no whole number of them.
  const windowMs = scrapeIntervalMs * 4 + seconds(random, 0, 240);
  const threshold = pick(random, [0.01, 0.05, 0.1, 0.3, 0.5]);
  const ratio = { kind: 'ratio', windowMs, threshold } as const;
  const quantile = { kind: 'quantile', windowMs, quantile: 1 - threshold } as const;
  return {
    condition: pick<Condition>(random, [ratio, ratio, ratio, ratio, quantile, { kind: 'gauge' }]),
    forMs: pick(random, [0, seconds(random, 1, 300), seconds(random, 1, 300)]),
    keepFiringForMs: pick(random, [0, 0, seconds(random, 1, 200)]),
    evaluationIntervalMs,
    scrapeIntervalMs,
  };
}

function timeline(random: Random, timing: RuleTiming, id: string): Timeline {
  const window = thresholdWindow(timing.condition);
  const windowMs = window?.windowMs ?? 0;
  const startedMs =
    windowMs +
    2 * timing.scrapeIntervalMs +
    seconds(random, 0, (timing.evaluationIntervalMs + timing.scrapeIntervalMs) / SECOND_MS);
  const threshold = window?.threshold ?? 0;
  const share =
    random() < 0.1
      ? threshold * random()
      : threshold + (1 - threshold) * pick(random, [random(), random() ** 4, 1]);
  const waitMs = upToEvaluation(timing.forMs, timing.evaluationIntervalMs);
  const wholeMs = Math.max(
    windowMs,
    windowMs + timing.scrapeIntervalMs + timing.evaluationIntervalMs + waitMs,
  );
  const lengthMs =
    random() < 0.25 ? seconds(random, 5, wholeMs / SECOND_MS) : wholeMs + seconds(random, 0, 60);
  return {
    id,
    startedMs,
    endedMs: startedMs + lengthMs,
    // Half a request beside every threshold: at the threshold itself the last bit of a division decides.
    share: Math.min(1, (Math.floor(share * REQUESTS_PER_S) + 0.5) / REQUESTS_PER_S),
    scrapePhaseMs: seconds(random, 0, timing.scrapeIntervalMs / SECOND_MS - 1),
    counterStart: pick(random, [0, 1e6]),
    swing: timing.condition.kind === 'ratio' && random() < 0.2 ? 0.9 : 0,
    swingPeriodMs: seconds(random, 30, 300),
  };
}

/** By the formula where traffic is constant, by the load second by second where it is not. */
export function deadlinesOf(timing: RuleTiming, line: Timeline): Deadlines {
  const times = { started: at(line.startedMs), ended: at(line.endedMs) };
  if (line.swing === 0) return deadlines(timing, times, line.share);
  const bins = Array.from({ length: endOf(timing, line) / SECOND_MS }, (_, second) => {
    const all = requestsPerS(line, second);
    return { all, bad: isBad(line, second * SECOND_MS) ? all * line.share : 0 };
  });
  return ledgerDeadlines(timing, times, { fromMs: 0, binMs: SECOND_MS, bins });
}

function at(ms: number): Span {
  return { fromMs: ms, toMs: ms };
}

function requestsPerS({ swing, swingPeriodMs }: Timeline, second: number): number {
  return REQUESTS_PER_S * (1 + swing * Math.sin((2 * Math.PI * second * SECOND_MS) / swingPeriodMs));
}

function isBad({ startedMs, endedMs }: Timeline, ms: number): boolean {
  return ms >= startedMs && ms < endedMs;
}

/** Asks when it fired, for how many evaluations, and when for the last time. No answer can be -2, so all are told. */
export function ruleTestOf({ timing, timelines }: Setting): RuleTest {
  return {
    evaluationIntervalMs: timing.evaluationIntervalMs,
    rule: {
      expr: expressionOf(timing),
      for: `${timing.forMs}ms`,
      keep_firing_for: `${timing.keepFiringForMs}ms`,
    },
    cases: timelines.map((line) => {
      const endMs = endOf(timing, line);
      const over = { overMs: endMs, stepMs: timing.evaluationIntervalMs };
      return {
        intervalMs: SECOND_MS,
        series: seriesOf(timing, line),
        expectations: (['min', 'max', 'count'] as const).map((aggregate) => ({
          id: `${line.id}.${aggregate}`,
          expr: firingTimeExpr(aggregate, over),
          atMs: endMs,
          value: -2,
        })),
      };
    }),
  };
}

/** The end of all that the fault does, and two evaluations more. */
function endOf(timing: RuleTiming, line: Timeline): number {
  const { evaluationIntervalMs, scrapeIntervalMs, keepFiringForMs, condition } = timing;
  const lastMs =
    line.endedMs + (thresholdWindow(condition)?.windowMs ?? 0) + scrapeIntervalMs + keepFiringForMs;
  return upToEvaluation(lastMs, evaluationIntervalMs) + 4 * evaluationIntervalMs;
}

function expressionOf({ condition }: RuleTiming): string {
  if (!('windowMs' in condition)) return 'depth > 0.5';
  const range = `[${formatDuration(condition.windowMs)}]`;
  return condition.kind === 'ratio'
    ? `sum(rate(bad_total${range})) / sum(rate(all_total${range})) > ${condition.threshold}`
    : `histogram_quantile(${condition.quantile}, sum by (le) (rate(seconds_bucket${range}))) > 1`;
}

function seriesOf(timing: RuleTiming, line: Timeline): { series: string; values: string }[] {
  const { share, counterStart } = line;
  const badBy: number[] = [];
  const allBy: number[] = [];
  for (
    let second = 0, bad = counterStart, all = 1e7;
    second * SECOND_MS <= endOf(timing, line);
    second += 1
  ) {
    badBy.push(bad);
    allBy.push(all);
    const requests = requestsPerS(line, second);
    all += requests;
    if (isBad(line, second * SECOND_MS)) bad += requests * share;
  }
  const bad = (ms: number) => badBy[ms / SECOND_MS] ?? 0;
  const all = (ms: number) => allBy[ms / SECOND_MS] ?? 0;
  const good = (ms: number) => all(ms) - bad(ms);
  const scraped = (value: (ms: number) => number) => valuesOf(timing, line, value);
  switch (timing.condition.kind) {
    case 'ratio':
      return [
        { series: 'bad_total', values: scraped(bad) },
        { series: 'all_total', values: scraped(all) },
      ];
    case 'quantile':
      return [
        { series: 'seconds_bucket{le="1"}', values: scraped(good) },
        { series: 'seconds_bucket{le="2"}', values: scraped(all) },
        { series: 'seconds_bucket{le="+Inf"}', values: scraped(all) },
      ];
    default:
      return [{ series: 'depth', values: scraped((ms) => Number(isBad(line, ms))) }];
  }
}

/** A value at every scrape, and none in the seconds between. */
function valuesOf(timing: RuleTiming, line: Timeline, value: (ms: number) => number): string {
  const values: string[] = [];
  const none = (ms: number) => (ms > 0 ? [`_x${ms / SECOND_MS}`] : []);
  values.push(...none(line.scrapePhaseMs));
  for (let ms = line.scrapePhaseMs; ms <= endOf(timing, line); ms += timing.scrapeIntervalMs)
    values.push(value(ms).toFixed(3), ...none(timing.scrapeIntervalMs - SECOND_MS));
  return values.join(' ');
}
