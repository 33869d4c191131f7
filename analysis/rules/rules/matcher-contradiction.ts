import type { Finding } from '../finding.ts';
import { selects } from '../matcher.ts';
import { type Matcher, selectorsOf } from '../promql.ts';
import { findingAt, type RuleSet } from '../set.ts';

export const title = 'A selector that no series can satisfy';
export const severity = 'error';

export function find({ rules }: RuleSet): Finding[] {
  return rules.flatMap((rule) =>
    selectorsOf(rule.expr).flatMap(({ matchers }) => {
      const bad = matchers.find(
        (matcher, i) => hopeless(matcher) || matchers.some((other, j) => i > j && contradict(matcher, other)),
      );
      if (bad === undefined) return [];
      const all = matchers
        .filter(({ label }) => label === bad.label)
        .map(({ label, op, value }) => `${label}${op}"${value}"`);
      return [
        findingAt(rule, bad, {
          why: `No value of ${bad.label} satisfies ${all.join(' and ')}: the selector is always empty.`,
          fix: 'Several values are a pattern: =~"a|b".',
        }),
      ];
    }),
  );
}

function hopeless({ op, value }: Matcher): boolean {
  return op === '!~' && value === '.*';
}

function contradict(a: Matcher, b: Matcher): boolean {
  if (a.label !== b.label) return false;
  return (a.op === '=' && selects(b, a.value) === false) || (b.op === '=' && selects(a, b.value) === false);
}
