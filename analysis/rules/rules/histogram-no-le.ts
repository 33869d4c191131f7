import type { Finding } from '../finding.ts';
import { mayHave } from '../label-set.ts';
import { selectorsOf } from '../promql.ts';
import { inEveryPart, type RuleSet } from '../set.ts';

export const title = 'histogram_quantile() of buckets that have lost their bounds';
export const severity = 'error';

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part) => {
    if (part.kind !== 'call' || part.name !== 'histogram_quantile') return null;
    const [, arg] = part.args;
    const buckets = arg ? selectorsOf(arg).filter(({ name }) => name?.includes('_bucket')) : [];
    if (arg === undefined || buckets.length === 0) return null;
    if (!mayHave(facts(arg).labels, 'le'))
      return {
        why: 'The sum drops the label le, the bound of each bucket: histogram_quantile() has nothing to work on, and it can never fire.',
        fix: 'Keep it: sum by (le) (...), beside the other labels.',
      };
    const chosen = buckets.some(({ matchers }) =>
      matchers.some(({ label, op }) => label === 'le' && op.startsWith('=')),
    );
    return chosen
      ? {
          why: 'A matcher leaves only some buckets; without the last one (+Inf) the quantile is NaN, which no comparison is true of.',
          fix: 'Remove the matcher on le; or divide one bucket by _count, which is the share below its bound.',
        }
      : null;
  });
}
