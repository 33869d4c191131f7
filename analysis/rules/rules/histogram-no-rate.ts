import type { Finding } from '../finding.ts';
import { callsOf, selectorsOf } from '../promql.ts';
import { inEveryPart, type RuleSet } from '../set.ts';

export const title = 'histogram_quantile() over the whole life of the process';
export const severity = 'warning';

export function find({ rules }: RuleSet): Finding[] {
  return inEveryPart(rules, (part) => {
    if (part.kind !== 'call' || part.name !== 'histogram_quantile') return null;
    const [, arg] = part.args;
    const bucket = arg && selectorsOf(arg).find(({ name }) => name?.endsWith('_bucket'));
    if (arg === undefined || bucket === undefined || bucket.name?.includes(':')) return null;
    if (callsOf(arg, ['rate', 'irate', 'increase', 'delta']).length > 0) return null;
    return {
      why: `Buckets count since the process started. The quantile of all that time moves late, and goes back hours after the trouble ended.`,
      fix: `rate(${bucket.name}[5m]) inside, before the sum.`,
    };
  });
}
