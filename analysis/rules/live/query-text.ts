/** PromQL made from parts of a rule, to be asked of a Prometheus. */
import { constantOf } from '../constant.ts';
import type { Inquiry } from './inquiry.ts';
import { type Binary, type Expr, isComparison, isSetOperation, type Matcher, parts } from '../promql.ts';

/** How far back it is asked what there was: long enough for a night without traffic, short enough for a large Prometheus. */
export const HISTORY = '6h';
/** For expressions, which are worked out anew at every step. */
const STEP = '2m';

/** A selector without its offset. */
export function selectorText(name: string | null, matchers: readonly Matcher[]): string {
  const isPlain = name !== null && /^[A-Za-z_:][\w:]*$/.test(name);
  const named = name === null || isPlain ? [] : [`__name__=${JSON.stringify(name)}`];
  const all = [
    ...named,
    ...matchers.map(({ label, op, value }) => `${labelText(label)}${op}${JSON.stringify(value)}`),
  ];
  return `${isPlain ? name : ''}${all.length > 0 || !isPlain ? `{${all.join(', ')}}` : ''}`;
}

function labelText(label: string): string {
  return /^[A-Za-z_]\w*$/.test(label) ? label : JSON.stringify(label);
}

/** Whether series of a selector were there at any time of the last hours. */
export function seenText(selector: string): string {
  return `last_over_time(${selector}[${HISTORY}])`;
}

/** Highest or lowest value of all series in the last hours, this moment included; null: none is known. */
export function extremeOf(inquiry: Inquiry, which: 'max' | 'min', expr: string): number | null {
  const now = `${which}(\n${expr}\n)`;
  // The steps of a subquery are minutes apart: a young series may lie between two.
  const results = [inquiry.query(`${which}_over_time((${now})[${HISTORY}:${STEP}])`), inquiry.query(now)];
  if (results.includes(null)) return null;
  const values = results.flatMap((result) => result?.samples.map(({ value }) => value) ?? []);
  const numbers = values.filter((value) => !Number.isNaN(value));
  return numbers.length === 0 ? null : Math[which](...numbers);
}

/**
 * A part of a rule without its conditions: comparisons with numbers are left out, so that it has series whenever there is something to compare.
 */
export function measuredText(expr: Expr, text: string): string {
  if (isComparison(expr) && !expr.bool) {
    const [left, right] = [constantOf(expr.left), constantOf(expr.right)];
    if (right !== null && left === null) return `(${measuredText(expr.left, text)})`;
    if (left !== null && right === null) return `(${measuredText(expr.right, text)})`;
  }
  let made = '';
  let at = expr.from;
  for (const part of parts(expr).toSorted((a, b) => a.from - b.from)) {
    made += text.slice(at, part.from) + measuredText(part, text);
    at = part.to;
  }
  return made + text.slice(at, expr.to);
}

/** What is there wherever both sides of an operator between vectors find each other. */
export function joinedText(join: Binary, text: string): string {
  const { op, matching, group } = join;
  const labels = (names: readonly string[]) => `(${names.map(labelText).join(', ')})`;
  const words = [
    isSetOperation(join) ? 'and' : isComparison(join) ? `${op} bool` : op,
    ...(matching === null ? [] : [`${matching.on ? 'on' : 'ignoring'} ${labels(matching.labels)}`]),
    ...(group === null ? [] : [`group_${group.many} ${labels(group.include)}`]),
  ];
  return `(\n${measuredText(join.left, text)}\n) ${words.join(' ')} (\n${measuredText(join.right, text)}\n)`;
}
