/** How the two sides of an operator find each other (https://prometheus.io/docs/prometheus/latest/querying/operators/#vector-matching). */
import type { Facts } from './facts.ts';
import { add, drop, either, keep, type LabelSet, matched, mayHave } from './label-set.ts';
import { type Binary, type Expr, selectorsOf } from './promql.ts';
import { typeOf } from './promql-types.ts';

/** Of the result of two vectors (promql/engine.go, resultMetric). */
export function binaryLabels({ op, matching, group }: Binary, left: LabelSet, right: LabelSet): LabelSet {
  if (op === 'and' || op === 'unless') return left;
  if (op === 'or') return either(left, right);
  if (group !== null) return add(group.many === 'left' ? left : right, group.include);
  if (matching?.on) return matched(keep(left, matching.labels), keep(right, matching.labels));
  const ignored = matching?.labels ?? [];
  return matched(drop(left, ignored), drop(right, ignored));
}

/** An operator between two vectors that only takes series which match; null for any other expression. */
export function joinOf(expr: Expr): Binary | null {
  return expr.kind === 'binary' &&
    expr.op !== 'or' &&
    typeOf(expr.left) === 'vector' &&
    typeOf(expr.right) === 'vector'
    ? expr
    : null;
}

/** Whether series are compared by this label. */
export function matchedBy({ matching }: Binary, label: string): boolean {
  return matching === null || matching.labels.includes(label) === matching.on;
}

export interface Mismatch {
  label: string;
  /** The side that has the label. */
  side: 'left' | 'right';
  /** Both have it, with these two values. */
  values?: [string, string];
  assuming?: string;
}

/** A label that keeps the two sides apart whatever the data is; null: none is certain. */
export function mismatchOf(join: Binary, facts: (expr: Expr) => Facts): Mismatch | null {
  const [left, right] = [facts(join.left).labels, facts(join.right).labels];
  const sides = [
    { side: 'left' as const, mine: left, other: right },
    { side: 'right' as const, mine: right, other: left },
  ];
  const apart = (labels: (mine: LabelSet) => Iterable<string> | null) => {
    for (const { side, mine, other } of sides)
      for (const label of labels(mine) ?? [])
        if (matchedBy(join, label) && !mayHave(other, label)) return { label, side };
    return null;
  };
  const certain = apart(({ has }) => has) ?? differentValues(join, left, right);
  if (certain !== null) return certain;
  const scraped = apart(({ scraped: labels }) => labels);
  if (scraped !== null)
    return {
      ...scraped,
      assuming: `series from a target keep the label ${scraped.label} that Prometheus gives them`,
    };
  const grouped = apart(({ only }) => only);
  return grouped && { ...grouped, assuming: `${grouped.label}, which one side is grouped by, has a value` };
}

/** Both sides hold one label to one value each, and the values differ. */
function differentValues(join: Binary, left: LabelSet, right: LabelSet): Mismatch | null {
  const pinned = (side: Expr, label: string) => {
    const values = selectorsOf(side).map(
      ({ matchers }) => matchers.find((matcher) => matcher.label === label && matcher.op === '=')?.value,
    );
    return values.every((value) => value === values[0]) ? values[0] : undefined;
  };
  for (const label of left.has) {
    if (!right.has.has(label) || !matchedBy(join, label)) continue;
    const [a, b] = [pinned(join.left, label), pinned(join.right, label)];
    if (a !== undefined && b !== undefined && a !== b) return { label, side: 'left', values: [a, b] };
  }
  return null;
}

/** The label by which one side has several series for one match; null: not known of any. */
export function severalBy(join: Binary, side: 'left' | 'right', facts: (expr: Expr) => Facts): string | null {
  // topk by (a) (1, ...) leaves one series for each a.
  const chosen = join[side];
  if (chosen.kind === 'aggregate' && ['topk', 'bottomk', 'limitk'].includes(chosen.op)) return null;
  const mine = facts(chosen).labels;
  const grouped = [...(mine.only ?? [])].find((label) => !matchedBy(join, label));
  if (grouped !== undefined && !pinnedEverywhere(join[side], grouped)) return grouped;
  if (mine.only !== null || join.matching === null || join.matching.on) return null;
  // x{code="500"} / ignoring(code) x: the right side has every code.
  const other = join[side === 'left' ? 'right' : 'left'];
  const names = new Set(selectorsOf(join[side]).map(({ name }) => name));
  const shared = selectorsOf(other).filter(({ name }) => name !== null && names.has(name));
  return (
    join.matching.labels.find(
      (label) =>
        mayHave(mine, label) &&
        !pinnedEverywhere(join[side], label) &&
        shared.some(({ matchers }) => matchers.some((matcher) => matcher.label === label)),
    ) ?? null
  );
}

function pinnedEverywhere(side: Expr, label: string): boolean {
  return selectorsOf(side).every(({ matchers }) =>
    matchers.some((matcher) => matcher.label === label && matcher.op === '='),
  );
}
