/** What an alert rule's times depend on, and closed intervals of time. Everything in milliseconds. */

/** Closed: both ends belong to it. */
export interface Span {
  fromMs: number;
  toMs: number;
}

/** What a rule compares with its threshold. */
export type Condition =
  /**
   * `bad(rate[W]) / all(rate[W]) > threshold`, and so every share of what a window counts. A rate alone is one, too: then threshold and
   * share are both events a second.
   */
  | { kind: 'ratio'; windowMs: number; threshold: number }
  /** `histogram_quantile(quantile, rate[W]) > x`: the share is that of requests slower than x. */
  | { kind: 'quantile'; windowMs: number; quantile: number }
  /** Looks at the newest sample only. */
  | { kind: 'gauge' }
  /** `up == 0`: the sample of a scrape that timed out bears the time at which the scrape began. */
  | { kind: 'target-down'; scrapeTimeoutMs: number };

export interface RuleTiming {
  condition: Condition;
  forMs: number;
  keepFiringForMs: number;
  evaluationIntervalMs: number;
  scrapeIntervalMs: number;
}

/** What delays an alert beside the rule's own numbers. */
export interface Delays {
  scrapeDurationMs: number;
  evaluationDurationMs: number;
  /** A request that fails is counted up to this long after it began: the client's timeout. */
  countedLateMs: number;
  /** The counter of failures is not there before the first failure, so `rate` does not see the first increment. */
  seriesCreatedByFault: boolean;
}

export const NO_DELAYS: Delays = {
  scrapeDurationMs: 0,
  evaluationDurationMs: 0,
  countedLateMs: 0,
  seriesCreatedByFault: false,
};

/** When the fault was proven to begin and to end: each somewhere in its interval. */
export interface FaultTimes {
  started: Span;
  ended: Span;
}

/**
 * A time a rule really waits, since it looks only at its evaluations: the next multiple of the evaluation interval
 * (prometheus/rules/alerting.go compares `for` and `keep_firing_for` at each evaluation).
 */
export function upToEvaluation(ms: number, evaluationIntervalMs: number): number {
  return Math.ceil(ms / evaluationIntervalMs) * evaluationIntervalMs;
}

/** The share of a window that has to be bad for the condition to hold; null: the condition looks at no window. */
export function thresholdWindow(condition: Condition): { windowMs: number; threshold: number } | null {
  if (condition.kind === 'ratio') return condition;
  if (condition.kind === 'quantile')
    return { windowMs: condition.windowMs, threshold: 1 - condition.quantile };
  return null;
}
