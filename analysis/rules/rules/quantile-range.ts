import type { Finding } from '../finding.ts';
import type { Expr } from '../promql.ts';
import { inEveryPart, type RuleSet } from '../set.ts';
import { constantOf } from '../constant.ts';

export const title = 'A quantile outside of 0 to 1';
export const severity = 'error';

export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part) => {
    const quantile = quantileOf(part);
    const value = quantile && constantOf(quantile);
    if (value === null || (value >= 0 && value <= 1)) return null;
    return {
      why: `A quantile of ${value} is ${value > 1 ? '+Inf, above every threshold' : '-Inf, below every threshold'}, as soon as there is a sample.`,
      fix: value > 1 && value <= 100 ? `Write ${value / 100}.` : 'Write a number between 0 and 1.',
    };
  });
}

function quantileOf(part: Expr): Expr | null {
  if (part.kind === 'aggregate' && part.op === 'quantile') return part.param;
  if (part.kind !== 'call' || !['histogram_quantile', 'quantile_over_time'].includes(part.name)) return null;
  return part.args[0] ?? null;
}
