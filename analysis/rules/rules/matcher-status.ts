import type { Finding } from '../finding.ts';
import { alternatives } from '../matcher.ts';
import { type Matcher, selectorsOf } from '../promql.ts';
import { findingAt, type RuleSet } from '../set.ts';

export const title = 'A matcher for HTTP status codes that matches none';
export const severity = 'warning';

const STATUS = /^(code|status|status_?code|http_?(status|code|status_code|response_code)|response_?code)$/i;

/** Patterns of Prometheus are anchored at both ends. */
export function find({ rules }: RuleSet): Finding[] {
  return rules.flatMap((rule) =>
    selectorsOf(rule.expr).flatMap(({ name, matchers }) =>
      matchers
        .filter((matcher) => STATUS.test(matcher.label) && !name?.includes('grpc') && odd(matcher))
        .map((matcher) => {
          const { label, op, value } = matcher;
          const fixed = alternatives(value).map((one) => `${one[0]}..`);
          return findingAt(rule, matcher, {
            why: `${label}${op}"${value}" is the whole value: no status code is ${value}${op.endsWith('~') ? ', patterns are anchored at both ends' : ''}.${op.startsWith('!') ? ' Nothing is left out.' : ''}`,
            fix: `${label}${op.startsWith('!') ? '!~' : '=~'}"${fixed.join('|')}"`,
            assuming: `${label} holds three digits`,
          });
        }),
    ),
  );
}

function odd({ op, value }: Matcher): boolean {
  const values = op.endsWith('~') ? alternatives(value) : [value];
  return values.some((one) => /^[1-5]\d?$/.test(one) || /^[1-5]xx$/i.test(one));
}
