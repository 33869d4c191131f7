/** Values that an expression can have. NaN is outside of every interval: no comparison but != is true of it. */

export interface Interval {
  lo: number;
  hi: number;
  /** What has to be true for it, where the text alone does not say so. */
  assuming?: string;
}

export const ANY_VALUE: Interval = { lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY };
export const NOT_NEGATIVE: Interval = { lo: 0, hi: Number.POSITIVE_INFINITY };

function interval(ends: readonly number[], of: readonly Interval[]): Interval {
  const assuming = of.map((one) => one.assuming).find((text) => text !== undefined);
  // Infinity - Infinity and 0 * Infinity are not known.
  const known = ends.every((end) => !Number.isNaN(end));
  return known
    ? { lo: Math.min(...ends), hi: Math.max(...ends), ...(assuming !== undefined && { assuming }) }
    : ANY_VALUE;
}

export function hull(a: Interval, b: Interval): Interval {
  return interval([a.lo, a.hi, b.lo, b.hi], [a, b]);
}

/** Arithmetic of two intervals; anything for what is not known. */
export function arithmetic(op: string, a: Interval, b: Interval): Interval {
  switch (op) {
    case '+':
      return interval([a.lo + b.lo, a.hi + b.hi], [a, b]);
    case '-':
      return interval([a.lo - b.hi, a.hi - b.lo], [a, b]);
    case '*': {
      const products = [a.lo, a.hi].flatMap((x) => [b.lo, b.hi].map((y) => (x === 0 || y === 0 ? 0 : x * y)));
      return interval(products, [a, b]);
    }
    case '/':
      if (b.lo > 0) return arithmetic('*', a, { ...b, lo: 1 / b.hi, hi: 1 / b.lo });
      return a.lo >= 0 && b.lo >= 0 ? interval([0, Number.POSITIVE_INFINITY], [a, b]) : ANY_VALUE;
    default:
      return ANY_VALUE;
  }
}

/** The other way round: `5 > x` is `x < 5`. */
export function flipped(op: string): string {
  const other: Record<string, string> = { '>': '<', '<': '>', '>=': '<=', '<=': '>=' };
  return other[op] ?? op;
}

/** Whether `x op limit` is true for no, for every, or for some x of the interval. */
export function decided({ lo, hi }: Interval, op: string, limit: number): 'never' | 'always' | 'open' {
  const below = hi < limit;
  const above = lo > limit;
  switch (op) {
    case '>':
      return hi <= limit ? 'never' : above ? 'always' : 'open';
    case '>=':
      return below ? 'never' : lo >= limit ? 'always' : 'open';
    case '<':
      return lo >= limit ? 'never' : below ? 'always' : 'open';
    case '<=':
      return above ? 'never' : hi <= limit ? 'always' : 'open';
    case '==':
      return below || above ? 'never' : lo === limit && hi === limit ? 'always' : 'open';
    case '!=':
      return below || above ? 'always' : lo === limit && hi === limit ? 'never' : 'open';
    default:
      return 'open';
  }
}

/** What is left of an interval after the filter `x op limit`. */
export function narrowed(of: Interval, op: string, limit: number): Interval {
  if (op === '==') return { ...of, lo: limit, hi: limit };
  if (op === '>' || op === '>=') {
    // Above zero is enough to divide by: the smallest step there is.
    const lo = op === '>' && limit === 0 ? Number.MIN_VALUE : limit;
    return { ...of, lo: Math.max(of.lo, lo) };
  }
  if (op === '!=' && limit === 0 && of.lo === 0) return { ...of, lo: Number.MIN_VALUE };
  return op === '<' || op === '<=' ? { ...of, hi: Math.min(of.hi, limit) } : of;
}
