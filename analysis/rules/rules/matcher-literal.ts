import type { Finding } from '../finding.ts';
import { selectorsOf, type Matcher } from '../promql.ts';
import { findingAt, type RuleSet } from '../set.ts';

export const title = 'A pattern that is compared letter by letter, or blanks that are part of a value';
export const severity = 'warning';

export function find({ rules }: RuleSet): Finding[] {
  return rules.flatMap((rule) =>
    selectorsOf(rule.expr).flatMap(({ matchers }) =>
      matchers.flatMap((matcher) => {
        const { label, op, value } = matcher;
        if (isPattern(matcher))
          return [
            findingAt(rule, matcher, {
              why: `${label}${op}"${value}" compares letter by letter: no value is ${value}.${op === '!=' ? ' Nothing is left out.' : ''}`,
              fix: `${label}${op === '=' ? '=~' : '!~'}"${value}"`,
              assuming: 'a pattern is meant',
            }),
          ];
        if (!/^\s|\s$|\s\||\|\s/.test(value)) return [];
        return [
          findingAt(rule, matcher, {
            why: `The blanks in "${value}" are part of the value of ${label}.`,
            fix: `${label}${op}"${value.trim().replaceAll(/\s*\|\s*/g, '|')}"`,
            assuming: 'no value begins or ends with a blank',
          }),
        ];
      }),
    ),
  );
}

function isPattern({ op, value }: Matcher): boolean {
  return (
    !op.endsWith('~') && /\.[*+]|^\d\.\.?$|^[\w.-]+(\|[\w.-]+)+$|\[[^\]]+\][*+]?|\\[dw]|^\^.*\$$/.test(value)
  );
}
