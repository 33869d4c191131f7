import type { Finding } from '../finding.ts';
import { isQuantile } from '../metric-name.ts';
import type { Expr } from '../promql.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';

export const title = 'A sum or an average of quantiles';
export const severity = 'warning';

export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    if (part.kind !== 'aggregate' || !['avg', 'sum'].includes(part.op) || !holdsQuantile(part.of))
      return null;
    return {
      why: `The ${part.op === 'avg' ? 'average' : 'sum'} of quantiles is no quantile of anything: one bad instance disappears among the idle ones.`,
      fix:
        part.of.kind === 'call'
          ? 'Sum the buckets first: histogram_quantile(..., sum by (le) (rate(..._bucket[5m]))).'
          : `max(${source(rule, part.of)}), or a histogram.`,
    };
  });
}

function holdsQuantile(of: Expr): boolean {
  if (of.kind === 'call') return of.name === 'histogram_quantile';
  return (
    of.kind === 'selector' &&
    (isQuantile(of.name) ||
      of.matchers.some(({ label, op }) => label === 'quantile' && (op === '=' || op === '=~')))
  );
}
