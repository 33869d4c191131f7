import type { Finding } from '../finding.ts';
import { joinOf, severalBy } from '../matching.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';
import { isSetOperation } from '../promql.ts';

export const title = 'Several series for one match: an error at every evaluation';
export const severity = 'warning';

/** An error leaves the state of an alert as it is: it neither fires nor resolves. */
export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const join = joinOf(part);
    if (join === null || isSetOperation(join)) return null;
    const sides = (['left', 'right'] as const).filter((side) => join.group?.many !== side);
    for (const side of sides) {
      const label = severalBy(join, side, facts);
      if (label === null) continue;
      const other = side === 'left' ? 'right' : 'left';
      return {
        why: `${source(rule, join[side])} has a series for each ${label}, and ${join.op} matches without it: Prometheus answers with an error ("many-to-many", or "must be explicit"), so the rule neither fires nor resolves.`,
        fix:
          join.group === null && severalBy(join, other, facts) === null
            ? `Add group_${side}, or sum ${label} away first.`
            : `Sum ${label} away on the ${side} side, or match by it, too.`,
        assuming: `there is more than one ${label}`,
      };
    }
    return null;
  });
}
