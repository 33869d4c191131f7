/** A unit test of alert rules as data, for promtool to play (harness/promtool-rules.ts). */

/** Name of the rule in its test: its own may be anything. */
export const TESTED = 'Tested';

export interface Expectation {
  /** Of letters, digits, `_`, `.` and `-`; unique in the test. */
  id: string;
  /** PromQL with one result without labels. */
  expr: string;
  atMs: number;
  value: number;
}

interface Case {
  /** Between two values of a series. */
  intervalMs: number;
  /** `values` in promtool's notation: `1+2x3` is 1 3 5 7, `_` no sample. */
  series: { series: string; values: string }[];
  expectations: Expectation[];
}

/** The evaluation interval is one for all of a file, whatever the groups say. */
export interface RuleTest {
  evaluationIntervalMs: number;
  /** As in a rule file, without its name, labels and annotations. */
  rule: { expr: string; for: string; keep_firing_for: string };
  cases: Case[];
}

const FIRING = `ALERTS{alertname="${TESTED}",alertstate="firing"}`;

/** Whether the newest evaluation saw it fire; 0 or 1. */
export function firingExpr(): string {
  return `(count(${FIRING}) > bool 0 or vector(0))`;
}

/** First, last or number of evaluations that saw it fire in the time before: seconds since the start, or how many; -1: none. */
export function firingTimeExpr(
  aggregate: 'min' | 'max' | 'count',
  { overMs, stepMs }: { overMs: number; stepMs: number },
): string {
  return `(max(${aggregate}_over_time(timestamp(${FIRING})[${overMs}ms:${stepMs}ms])) or vector(-1))`;
}
