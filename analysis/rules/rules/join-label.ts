import type { Finding } from '../finding.ts';
import { joinOf, mismatchOf } from '../matching.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';

export const title = 'Two sides whose labels never match';
export const severity = 'error';

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const join = joinOf(part);
    const apart = join && mismatchOf(join, facts);
    if (join === null || apart === null) return null;
    const { label, side, values, assuming } = apart;
    const effect =
      join.op === 'unless'
        ? 'nothing is ever taken away'
        : 'the result is always empty, and it can never fire';
    const other = source(rule, side === 'left' ? join.right : join.left);
    return {
      why: values
        ? `${label} is ${values[0]} on the left of ${join.op} and ${values[1]} on the right: no series match, ${effect}.`
        : `Series match when all their labels are equal: the ${side} side of ${join.op} has ${label}, and ${other} has not. No series match, ${effect}.`,
      fix: values
        ? `Take ${label} out of the match: ${join.op} ignoring (${label}) ..., or sum it away on both sides.`
        : `Group both sides by the same labels, or match by what they share: ${join.op} on (...).`,
      assuming,
    };
  });
}
