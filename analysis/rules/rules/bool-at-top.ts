import type { Finding } from '../finding.ts';
import { isComparison, type Expr, walk } from '../promql.ts';
import { decisive, findingAt, type RuleSet, source } from '../set.ts';

export const title = 'A comparison with bool that decides nothing';
export const severity = 'error';

/** With bool a comparison filters nothing: it answers 0 or 1, and an alert fires on either. */
export function find({ alerts, facts }: RuleSet): Finding[] {
  const asBool = (part: Expr) => isComparison(part) && part.bool;
  return alerts.flatMap((rule) => {
    const parts = facts(rule.expr).conditional
      ? decisive(rule.expr).filter(asBool)
      : walk(rule.expr).filter(asBool).slice(0, 1);
    return parts.map((part) =>
      findingAt(rule, part, {
        why: `${source(rule, part)} is 0 where it does not hold, and a sample of 0 is a sample: this part of the alert is always there.`,
        fix: 'Leave bool out, or compare the result: ... == 1.',
      }),
    );
  });
}
