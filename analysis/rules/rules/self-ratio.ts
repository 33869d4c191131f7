import type { Finding } from '../finding.ts';
import { mayHave } from '../label-set.ts';
import { joinOf, matchedBy } from '../matching.ts';
import { isPart, same, unscaled } from '../part-of-whole.ts';
import { type Expr, selectorsOf } from '../promql.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';

export const title = 'A ratio of a series to itself: always 1';
export const severity = 'error';

/** Series are divided by the series with the same labels, the one that was selected on the left included. */
export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const join = joinOf(part);
    if (join?.op !== '/' || join.group !== null) return null;
    const left = unscaled(join.left).of;
    const { right } = join;
    if (!same(left, right) && !isPart(left, right)) return null;
    const whole = new Set(matched(right));
    const kept = (label: string) =>
      matchedBy(join, label) && mayHave(facts(left).labels, label) && mayHave(facts(right).labels, label);
    const narrower = [...new Set(matched(left).filter((label) => !whole.has(label)))];
    if (!same(left, right) && narrower.length === 0) return null;
    if (!narrower.every(kept) || matched(left).includes('le')) return null;
    const [label] = narrower;
    return {
      why: `Each series is divided by the one with the same labels${label === undefined ? '' : `, ${label} among them`}: ${source(rule, part)} is 1 wherever it is not 0/0, so a single event fires.`,
      fix: `Add up first: sum(...) / sum(...)${label === undefined ? '' : `, without ${label}`}.`,
    };
  });
}

function matched(expr: Expr): string[] {
  return selectorsOf(expr).flatMap(({ matchers }) => matchers.map(({ label }) => label));
}
