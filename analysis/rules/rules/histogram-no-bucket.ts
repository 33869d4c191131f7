import type { Finding } from '../finding.ts';
import { isGauge } from '../metric-name.ts';
import { callsOf, selectorsOf, walk } from '../promql.ts';
import { inEveryPart, type RuleSet } from '../set.ts';

export const title = 'histogram_quantile() of something that is no bucket';
export const severity = 'error';

/** Series without `le` are passed over: the result is empty. */
export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part) => {
    if (part.kind !== 'call' || part.name !== 'histogram_quantile') return null;
    const [, arg] = part.args;
    const name = arg && selectorsOf(arg)[0]?.name;
    if (arg === undefined || name === null || name === undefined || /_bucket|:/.test(name)) return null;
    const [, base = name] = /^(.*)_(?:sum|count|total)$/.exec(name) ?? [];
    const plain = base !== name || isGauge(name);
    const byLe = walk(arg).some(
      (inner) =>
        inner.kind === 'aggregate' && inner.grouping?.by === true && inner.grouping.labels.includes('le'),
    );
    const rated = callsOf(arg, ['rate', 'irate', 'increase']).length > 0;
    // Of a native histogram the bare name is right, and it has no le to group by.
    if (!plain && rated && !byLe) return null;
    return {
      why: `${name} has no label le, so histogram_quantile() has nothing to work on: the result is empty, and it can never fire.`,
      fix: `histogram_quantile(..., sum by (le) (rate(${base}_bucket[5m])))`,
      ...(!plain && { assuming: 'it is a classic histogram, not a native one' }),
    };
  });
}
