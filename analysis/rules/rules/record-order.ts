import type { Finding } from '../finding.ts';
import { selectorsOf } from '../promql.ts';
import { findingAt, type RuleSet } from '../set.ts';

export const title = 'A recorded name that is used before its rule has run';
export const severity = 'warning';

/** Rules of a group run one after the other, from the top. */
export function find({ rules }: RuleSet): Finding[] {
  return rules.flatMap((rule) => {
    const all = rule.group.rules;
    const at = all.indexOf(rule);
    const before = new Set(all.slice(0, at).map(({ name }) => name));
    return selectorsOf(rule.expr).flatMap((selector) => {
      const later = all.slice(at + 1).find(({ kind, name }) => kind === 'record' && name === selector.name);
      if (later === undefined || before.has(later.name)) return [];
      return [
        findingAt(rule, selector, {
          why: `${later.name} is recorded further down in this group (line ${later.place.line}), so this rule sees the value of the evaluation before.`,
          fix: 'Move the recording rule above its first use.',
        }),
      ];
    });
  });
}
