import type { Finding } from '../finding.ts';
import { type Expr, walk } from '../promql.ts';
import { inEveryPart, type RuleSet, source, thresholdOf } from '../set.ts';

export const title = 'A measured fraction compared for equality';
export const severity = 'warning';

const CONTINUOUS = [
  'rate',
  'irate',
  'increase',
  'deriv',
  'histogram_quantile',
  'predict_linear',
  'avg_over_time',
];

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const threshold = thresholdOf(part);
    if (threshold === null || (threshold.op !== '==' && threshold.op !== '!=')) return null;
    const { measured, op, limit } = threshold;
    const { lo, hi } = facts(measured).values;
    // Nothing at all, and all of them, are exact.
    if (limit === 0 || limit === lo || limit === hi || !walk(measured).some(isContinuous)) return null;
    return {
      why: `${source(rule, measured)} is a fraction (increase() extrapolates, too) and is hardly ever exactly ${limit}: ${op} is ${op === '==' ? 'nearly never' : 'nearly always'} true.`,
      fix: `Compare with > or <.`,
    };
  });
}

function isContinuous(part: Expr): boolean {
  return (
    (part.kind === 'call' && CONTINUOUS.includes(part.name)) ||
    (part.kind === 'aggregate' && ['avg', 'stddev'].includes(part.op))
  );
}
