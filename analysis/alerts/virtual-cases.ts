/** The cases of a generated unit test: what is played, and what has to be seen when. */
import { type Input, seriesName } from './input.ts';
import { type Expectation, firingExpr, firingTimeExpr, type RuleTest } from './rule-test.ts';

export interface Course {
  inputs: readonly Input[];
  /** What the rule compares, below and above its threshold. Null: nothing to compare. */
  left: { expr: string; levels: readonly [silent: number, firing: number] } | null;
  scrapeIntervalMs: number;
  evaluationIntervalMs: number;
  /** `for` and `keep_firing_for`, in whole evaluations. */
  waitMs: number;
  keepMs: number;
  /** From a change of the input to the evaluation that sees all of it: window, scrape, evaluation. */
  latestMs: number;
}

type Case = RuleTest['cases'][number];
const SILENT = 0;
const FIRING = 1;
/** Of a value: what a double and the extrapolation of `rate` leave open. */
const TOLERANCE = 1e-6;

export function virtualCases(course: Course): Case[] {
  return [firesAndResolves(course), staysSilent(course), bridgesGaps(course)];
}

/** Rises at `riseMs`, falls at `fallMs`, is watched until `endMs`. */
function timesOf({ scrapeIntervalMs, evaluationIntervalMs, waitMs, keepMs, latestMs }: Course) {
  const riseMs = upTo(2 * latestMs, scrapeIntervalMs);
  const firesByMs = riseMs + latestMs + waitMs;
  const fallMs = upTo(firesByMs + 4 * scrapeIntervalMs + 2 * evaluationIntervalMs, scrapeIntervalMs);
  const resolvesByMs = fallMs + latestMs + keepMs;
  return { riseMs, firesByMs, fallMs, resolvesByMs, endMs: resolvesByMs + 2 * evaluationIntervalMs };
}

function upTo(ms: number, stepMs: number): number {
  return Math.ceil(ms / stepMs) * stepMs;
}

function firesAndResolves(course: Course): Case {
  const { riseMs, firesByMs, fallMs, resolvesByMs } = timesOf(course);
  const { waitMs, keepMs } = course;
  return play(course, stageBetween(riseMs, fallMs), [
    ...valueSeen(course, 'value-above', FIRING, firesByMs),
    firing('healthy', riseMs - 1, 0),
    // Up to here no evaluation can have seen the condition for as long as `for` says.
    ...(waitMs > 0 ? [firing('not-before-for', riseMs + waitMs - 1, 0)] : []),
    firing('fires', firesByMs, 1),
    ...(keepMs > 0 ? [firing('keeps-firing', fallMs + keepMs - 1, 1)] : []),
    firing('resolves', resolvesByMs, 0),
  ]);
}

function staysSilent(course: Course): Case {
  const { firesByMs, endMs } = timesOf(course);
  return play(course, () => SILENT, [
    ...valueSeen(course, 'value-below', SILENT, firesByMs),
    { id: 'silent', expr: firingTimeExpr('count', over(course, endMs)), atMs: endMs, value: -1 },
  ]);
}

/** Two single scrapes are missed: one while it waits for `for`, one while it fires. */
function bridgesGaps(course: Course): Case {
  const { riseMs, firesByMs, fallMs, endMs } = timesOf(course);
  const { scrapeIntervalMs, evaluationIntervalMs, waitMs, latestMs } = course;
  const missed = [riseMs + latestMs + waitMs / 2, firesByMs + 2 * scrapeIntervalMs].map((ms) =>
    upTo(ms, scrapeIntervalMs),
  );
  const [first, last, count] = (['min', 'max', 'count'] as const).map((aggregate) =>
    firingTimeExpr(aggregate, over(course, endMs)),
  );
  const gaps = `(${last} - ${first}) / ${evaluationIntervalMs / 1_000} + 1 - ${count}`;
  const stage = stageBetween(riseMs, fallMs);
  return play(course, (ms) => (missed.includes(ms) ? null : stage(ms)), [
    firing('fires-over-a-gap', firesByMs, 1),
    { id: 'fires-on-over-a-gap', expr: `(${gaps})`, atMs: endMs, value: 0 },
  ]);
}

function over({ evaluationIntervalMs }: Course, endMs: number) {
  return { overMs: endMs, stepMs: evaluationIntervalMs };
}

function firing(id: string, atMs: number, value: 0 | 1): Expectation {
  return { id, expr: firingExpr(), atMs, value };
}

/** The series do what they were made for: else the case would say nothing. */
function valueSeen({ left }: Course, id: string, stage: 0 | 1, atMs: number): Expectation[] {
  if (left === null) return [];
  const value = left.levels[stage];
  const nearMost = Math.abs(value) * TOLERANCE || TOLERANCE;
  return [
    {
      id,
      expr: `(max(abs((${left.expr}) - (${value})) <= bool ${nearMost}) or vector(-1))`,
      atMs,
      value: 1,
    },
  ];
}

type Stage = (ms: number) => 0 | 1 | null;

function stageBetween(riseMs: number, fallMs: number): Stage {
  return (ms) => (ms >= riseMs && ms < fallMs ? FIRING : SILENT);
}

/** Null: no scrape. */
function play(course: Course, stage: Stage, expectations: Expectation[]): Case {
  const { scrapeIntervalMs, inputs } = course;
  const scrapes = Math.ceil(timesOf(course).endMs / scrapeIntervalMs) + 1;
  return {
    intervalMs: scrapeIntervalMs,
    series: inputs.map((input) => ({
      series: seriesName(input),
      values: valuesOf(input, scrapes, scrapeIntervalMs, stage),
    })),
    expectations,
  };
}

function valuesOf({ kind, levels }: Input, scrapes: number, scrapeIntervalMs: number, stage: Stage): string {
  // A counter that stands at zero is extrapolated less: rule and test are about one that has been counting.
  let counted = kind === 'counter' ? 1e6 * Math.max(...levels.map(Math.abs), 1e-3) : 0;
  const values: string[] = [];
  let gone = false;
  for (let i = 0; i < scrapes; i += 1) {
    const now = stage(i * scrapeIntervalMs);
    const level = levels[now ?? FIRING] ?? Number.NaN;
    const value = kind === 'gauge' ? level : counted;
    // A series that is no more ends with a marker, as in a scrape without it.
    values.push(now === null ? '_' : Number.isNaN(value) ? (gone ? '_' : 'stale') : String(value));
    gone = Number.isNaN(value);
    if (kind === 'counter') counted += (level * scrapeIntervalMs) / 1_000;
  }
  return values.join(' ');
}
