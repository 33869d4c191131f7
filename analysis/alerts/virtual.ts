/**
 * A unit test for one alert rule, made from its expression: silent below the threshold, firing above it, resolving, and steady over a
 * missed scrape; with the rule's own numbers, in virtual time.
 */
import { constantOf } from '../rules/constant.ts';
import { flipped } from '../rules/interval.ts';
import { type Expr, isComparison, walk } from '../rules/promql.ts';
import type { RuleEntry } from '../rules/rule-file.ts';
import { type Input, NotUnderstood } from './input.ts';
import { inputsFor } from './input-series.ts';
import { labelsFor } from './input-labels.ts';
import type { RuleTest } from './rule-test.ts';
import { upToEvaluation } from './timing.ts';
import { type Course, virtualCases } from './virtual-cases.ts';

/** Prometheus' default, for a group without an interval. */
const USUAL_EVALUATION_MS = 60_000;
/** Above and below the threshold, of it. */
const EPSILON = 0.01;
const MAX_SCRAPES = 20_000;

export interface VirtualTest {
  test: RuleTest;
  /** The value of the expression's left side below and above its threshold; null: it is about absence. */
  levels: { silent: number; firing: number } | null;
  evaluationIntervalMs: number;
}

/** Throws NotUnderstood for a rule that no test can be made for. */
export function virtualTest(
  rule: RuleEntry & { expr: Expr },
  { keepFiringForMs, scrapeIntervalMs }: { keepFiringForMs: number; scrapeIntervalMs: number },
): VirtualTest {
  const evaluationIntervalMs = rule.group.intervalMs ?? USUAL_EVALUATION_MS;
  // NaN: a window that is computed, which no comparison below lets through.
  const windowMs = walk(rule.expr).reduce(
    (longest, part) => Math.max(longest, part.kind === 'range' ? (part.windowMs ?? Number.NaN) : 0),
    0,
  );
  const up = (ms: number) => upToEvaluation(ms, evaluationIntervalMs);
  const course: Course = {
    scrapeIntervalMs,
    evaluationIntervalMs,
    waitMs: up(rule.forMs),
    keepMs: up(keepFiringForMs),
    latestMs: windowMs + scrapeIntervalMs + evaluationIntervalMs,
    ...subjectOf(rule.expr, rule.exprText),
  };
  if (!((4 * course.latestMs + course.waitMs + course.keepMs) / scrapeIntervalMs <= MAX_SCRAPES))
    throw new NotUnderstood(`times so long that a test would need more than ${MAX_SCRAPES} scrapes`);
  return {
    test: {
      evaluationIntervalMs,
      rule: { expr: rule.exprText, for: `${rule.forMs}ms`, keep_firing_for: `${keepFiringForMs}ms` },
      cases: virtualCases(course),
    },
    levels: course.left && { silent: course.left.levels[0], firing: course.left.levels[1] },
    evaluationIntervalMs,
  };
}

/** Series that turn the rule on and off. */
function subjectOf(expr: Expr, text: string): Pick<Course, 'inputs' | 'left'> {
  const absent = absentSeries(expr);
  if (absent !== null) return { inputs: [absent], left: null };
  if (!isComparison(expr) || expr.bool)
    throw new NotUnderstood('an expression that is not compared with a number');
  const [left, right] = [constantOf(expr.left), constantOf(expr.right)];
  const [of, limit, op] = left === null ? [expr.left, right, expr.op] : [expr.right, left, flipped(expr.op)];
  if (limit === null || constantOf(of) !== null)
    throw new NotUnderstood('a comparison of two expressions, neither of which is a number');
  const refused: string[] = [];
  for (const levels of levelsFor(op, limit)) {
    try {
      const inputs = inputsFor(of, levels, text);
      return { inputs, left: { expr: text.slice(of.from, of.to), levels } };
    } catch (error) {
      if (!(error instanceof NotUnderstood)) throw error;
      refused.push(error.message);
    }
  }
  throw new NotUnderstood(refused[0] ?? `the comparison ${op}`);
}

/** `absent(x)`: the series is there, and then not. */
function absentSeries(expr: Expr): Input | null {
  const of = isComparison(expr) && expr.op === '==' && constantOf(expr.right) === 1 ? expr.left : expr;
  if (of.kind !== 'call' || of.name !== 'absent') return null;
  const [selector] = of.args;
  if (selector?.kind !== 'selector' || selector.name === null || selector.shift !== '')
    throw new NotUnderstood('absent() of an expression');
  return {
    name: selector.name,
    labels: labelsFor(selector, []),
    kind: 'gauge',
    levels: [1, Number.NaN],
    selector,
  };
}

type Pair = readonly [silent: number, firing: number];

/** Below and above the threshold; where the first cannot be (a counter never falls), the threshold itself, if it is silent. */
function levelsFor(op: string, limit: number): Pair[] {
  const step = limit === 0 ? EPSILON : Math.abs(limit) * EPSILON;
  const levels: Record<string, Pair[]> = {
    '>': [
      [limit - step, limit + step],
      [limit, limit + step],
    ],
    '>=': [[limit - step, limit + step]],
    '<': [
      [limit + step, limit - step],
      [limit, limit - step],
    ],
    '<=': [
      [limit + step, limit - step],
      [limit + step, limit],
    ],
    '==': [[limit + 1, limit]],
    '!=': [[limit, limit === 1 ? 0 : limit + 1]],
  };
  return levels[op] ?? [];
}
