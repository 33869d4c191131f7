/** Buckets that give histogram_quantile a value. */
import { type Expr, selectorsOf, walk } from '../rules/promql.ts';
import { type Input, type Levels, NotUnderstood } from './input.ts';

const REQUESTS_PER_S = 100;
/** Width of the bucket that all requests fall into, of the value. */
const WIDTH = 0.001;

/**
 * All requests in one narrow bucket that has the value in it: within a bucket histogram_quantile goes on in a straight line. A name
 * without `_bucket` is a histogram's own, which has no series: its buckets are made, as its program would export them.
 */
export function bucketsFor(
  { quantile, values }: { quantile: number; values: Levels },
  of: Expr,
  solveRate: (part: Expr, perS: Levels) => Input[],
): Input[] {
  if (!(quantile > 0 && quantile < 1)) throw new NotUnderstood(`the quantile ${quantile}`);
  if (values.some((value) => value <= 0)) throw new NotUnderstood('a quantile that would not be above zero');
  const [selector, ...more] = selectorsOf(of);
  if (selector === undefined || more.length > 0)
    throw new NotUnderstood('a quantile of more than one metric');
  const bare = !(selector.name ?? '').endsWith('_bucket');
  if (!bare && !walk(of).some((part) => part.kind === 'call' && ['rate', 'increase'].includes(part.name)))
    throw new NotUnderstood('a quantile over all of the life of its program');
  const narrow = values.map((value) => {
    const lower = value * (1 - WIDTH * quantile);
    return { lower, upper: lower + value * WIDTH };
  });
  const edges = [...new Set(narrow.flatMap(({ lower, upper }) => [lower, upper]))].sort((a, b) => a - b);
  const bounds: [le: string, perS: Levels][] = [...edges, Infinity].map((edge) => [
    edge === Infinity ? '+Inf' : String(Number(edge.toPrecision(12))),
    narrow.map(({ upper }) => (edge >= upper ? REQUESTS_PER_S : 0)),
  ]);
  return bounds.flatMap(([le, perS]) =>
    solveRate(of, perS).map((input) => ({
      ...input,
      ...(bare && { name: `${input.name}_bucket`, kind: 'counter' as const }),
      labels: { ...input.labels, le },
    })),
  );
}
