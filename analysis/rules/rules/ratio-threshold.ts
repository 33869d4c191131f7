import type { Finding } from '../finding.ts';
import { decided } from '../interval.ts';
import { inEveryPart, type RuleSet, source, thresholdOf } from '../set.ts';
import { isShare } from '../share.ts';

export const title = 'A ratio compared with a percentage';
export const severity = 'error';

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const threshold = thresholdOf(part);
    if (threshold === null || !isShare(threshold.measured, facts)) return null;
    const { measured, op, limit } = threshold;
    const { values } = facts(measured);
    const truth = decided(values, op, limit);
    // A metric called a ratio may well be somewhat above 1; >= 0 is a guard against NaN.
    const far = measured.kind !== 'selector' || limit >= 2;
    const guard = truth === 'always' && limit >= 0 && limit <= 1;
    if (truth === 'open' || guard || !far) return null;
    return {
      why: `${source(rule, measured)} is a share of 0 to 1: ${op} ${limit} is ${truth} true.`,
      fix:
        limit > 1 && limit <= 100
          ? `Compare with ${Number((limit / 100).toPrecision(6))} if ${limit} % is meant, or multiply by 100.`
          : 'Choose a threshold between 0 and 1.',
      assuming: values.assuming,
    };
  });
}
