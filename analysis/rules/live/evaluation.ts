/** What Prometheus itself says when it evaluates a rule. */
import type { RuleFinding } from '../lint.ts';
import type { ReadRule } from '../set.ts';
import { type Kind, type Live, liveFinding } from './live.ts';
import { typeOfMetric } from './types.ts';

const FAILS: Kind = {
  rule: 'query-fails',
  title: 'An expression that cannot be evaluated',
  severity: 'error',
};
const NOTED: Kind = {
  rule: 'query-notes',
  title: 'What Prometheus notes on an expression',
  severity: 'warning',
};

export function evaluation(rule: ReadRule, live: Live): RuleFinding[] {
  const text = rule.exprText;
  const refusal = live.inquiry.refusal(text);
  if (refusal !== null)
    return [
      liveFinding(rule, rule.expr, FAILS, {
        why: `Prometheus cannot evaluate it with the series there are now: ${refusal}`,
        fix: 'Until it can, the alert neither fires nor resolves: aggregate both sides to the labels they share, or mend what it names.',
      }),
    ];
  const result = live.inquiry.query(text);
  if (result === null) return [];
  const note = (said: string, severity: 'warning' | 'info') =>
    liveFinding(
      rule,
      { from: offsetOf(said, text) ?? rule.expr.from },
      { ...NOTED, severity },
      {
        why: `Prometheus notes: ${said}`,
        fix: 'Correct what it names; the result is not what it looks like.',
      },
    );
  return [
    ...result.warnings.map((said) => note(said, 'warning')),
    ...result.infos.filter((said) => !isKnownCounter(said, live)).map((said) => note(said, 'info')),
  ];
}

/** It goes by the name's ending; its targets know better. */
function isKnownCounter(said: string, live: Live): boolean {
  const name = /might not be a counter.*"([^"]+)"/.exec(said)?.[1];
  return name !== undefined && typeOfMetric(name, live) !== null;
}

/** Of the `(line:column)` at its end. */
function offsetOf(said: string, text: string): number | null {
  const [, line, column] = /\((\d+):(\d+)\)$/.exec(said) ?? [];
  const lines = text.split('\n');
  if (line === undefined || Number(line) > lines.length) return null;
  const before = lines.slice(0, Number(line) - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return Math.min(text.length, before + Number(column) - 1);
}
