/** Whether one expression counts some of what another counts, so that their quotient is a share of 0 to 1. */
import { constantOf } from './constant.ts';
import type { Expr, Selector } from './promql.ts';
import { isComparison, isSetOperation, selectorsOf } from './promql.ts';

/** Sums over series, and changes over time: more series, more of it. */
const SUMS = ['sum', 'count'];
const CHANGES = ['rate', 'increase', 'irate', 'sum_over_time', 'count_over_time', 'last_over_time'];

/** The same expression, wherever it stands. */
export function same(a: Expr, b: Expr): boolean {
  const shape = (expr: Expr) =>
    JSON.stringify(expr, (key, value: unknown) => (key === 'from' || key === 'to' ? undefined : value));
  return shape(a) === shape(b);
}

/** `100 * x` is x, a hundred times. */
export function unscaled(expr: Expr): { factor: number; of: Expr } {
  if (expr.kind !== 'binary' || expr.op !== '*') return { factor: 1, of: expr };
  const [left, right] = [constantOf(expr.left), constantOf(expr.right)];
  const factor = left ?? right;
  if (factor === null || factor <= 0) return { factor: 1, of: expr };
  return { factor, of: left === null ? expr.left : expr.right };
}

export function isPart(part: Expr, whole: Expr): boolean {
  if (isComparison(part) && !part.bool) return isPart(part.left, whole);
  if (isSetOperation(part) && part.op !== 'or') return isPart(part.left, whole);
  if (part.kind === 'aggregate' && whole.kind === 'aggregate')
    return (
      part.op === whole.op &&
      SUMS.includes(part.op) &&
      JSON.stringify(part.grouping) === JSON.stringify(whole.grouping) &&
      isPart(part.of, whole.of)
    );
  if (part.kind === 'call' && whole.kind === 'call') {
    const [a, b] = [part.args[0], whole.args[0]];
    return (
      part.name === whole.name &&
      CHANGES.includes(part.name) &&
      a?.kind === 'range' &&
      b?.kind === 'range' &&
      a.windowMs === b.windowMs &&
      isPart(a.of, b.of)
    );
  }
  return part.kind === 'selector' && whole.kind === 'selector' && selectsPart(part, whole);
}

function selectsPart(part: Selector, whole: Selector): boolean {
  if (part.shift !== whole.shift || part.name === null || whole.name === null) return false;
  const key = ({ label, op, value }: Selector['matchers'][number]) => `${label}${op}${value}`;
  const asked = new Set(part.matchers.map(key));
  const subset = whole.matchers
    .filter(({ label, value }) => !(label === 'le' && value === '+Inf'))
    .every((matcher) => asked.has(key(matcher)));
  const bucket = part.name.endsWith('_bucket') && part.matchers.some(({ label }) => label === 'le');
  return (
    subset && (part.name === whole.name || (bucket && part.name.replace(/_bucket$/, '_count') === whole.name))
  );
}

const SOME = /(^|_)(errors?|failed|failures?|fail|dropped|rejected|timeouts?|bounces?|discarded|lost)(_|$)/;

/**
 * By their names: a free part of a size, failures of all there were. Null: nothing is known. The text is what has to be true.
 */
export function namedPart(part: Expr, whole: Expr): string | null {
  const [a, ...more] = selectorsOf(part);
  const [b, ...others] = selectorsOf(whole);
  if (!a?.name || !b?.name || more.length > 0 || others.length > 0 || part.kind !== whole.kind) return null;
  const stem = (name: string) =>
    name.replaceAll(
      /_?(MemAvailable|MemFree|MemTotal|avail(able)?|free|size|total|capacity|open|max)(?=_|$)/g,
      '',
    );
  const share =
    /(avail(able)?|free|MemAvailable|MemFree|open)_(bytes|fds)$/i.test(a.name) &&
    /(size|total|capacity|MemTotal|max)_(bytes|fds)$/i.test(b.name) &&
    stem(a.name) === stem(b.name);
  const failures =
    a.name.endsWith('_total') && b.name.endsWith('_total') && SOME.test(a.name) && !SOME.test(b.name);
  return share || failures ? `${a.name} counts some of what ${b.name} counts` : null;
}
