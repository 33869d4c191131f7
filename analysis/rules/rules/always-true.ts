import type { Finding } from '../finding.ts';
import { decided } from '../interval.ts';
import { isShare } from '../share.ts';
import { decisive, findingAt, type RuleSet, source, thresholdOf } from '../set.ts';

export const title = 'A comparison that is always true';
export const severity = 'error';

/** A guard inside of an expression may be so; what decides on an alert may not. */
export function find({ alerts, facts }: RuleSet): Finding[] {
  return alerts.flatMap((rule) =>
    decisive(rule.expr).flatMap((part) => {
      const threshold = thresholdOf(part);
      if (threshold === null || threshold.comparison.bool) return [];
      const { measured, op, limit } = threshold;
      const { values, conditional } = facts(measured);
      if (conditional || decided(values, op, limit) !== 'always' || isShare(measured, facts)) return [];
      return [
        findingAt(rule, part, {
          why: `${source(rule, measured)} is always ${op} ${limit}: this holds for every series there is.`,
          fix: 'Correct the threshold or the direction of the comparison.',
          assuming: values.assuming,
        }),
      ];
    }),
  );
}
