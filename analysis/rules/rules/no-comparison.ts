import type { Finding } from '../finding.ts';
import { isComparison, selectorsOf, walk } from '../promql.ts';
import { findingAt, type RuleSet, source } from '../set.ts';

export const title = 'An alert without a condition: it fires for every series';
export const severity = 'error';

/** An alert fires for each series of its expression, whatever the value, 0 and NaN too. */
export function find({ alerts, rules, facts }: RuleSet): Finding[] {
  const recorded = new Set(rules.filter(({ kind }) => kind === 'record').map(({ name }) => name));
  return alerts.flatMap((rule) => {
    const selectors = selectorsOf(rule.expr);
    // vector(1) is meant to fire always; a recorded name of another file may be a condition.
    const unknown = selectors.some(
      ({ name }) => name === null || (name.includes(':') && !recorded.has(name)),
    );
    const bool = walk(rule.expr).some((part) => isComparison(part) && part.bool);
    if (facts(rule.expr).conditional || selectors.length === 0 || unknown || bool) return [];
    const plain = walk(rule.expr).every(({ kind }) => kind === 'selector' || kind === 'aggregate');
    return [
      findingAt(rule, rule.expr, {
        why: `Nothing is compared in ${source(rule, rule.expr)}: the alert fires for every series there is, also at 0.`,
        fix: 'Compare with a threshold: ... > 0.',
        ...(plain && {
          assuming: `${selectors[0]?.name} is there all the time, not only while something is wrong`,
        }),
      }),
    ];
  });
}
