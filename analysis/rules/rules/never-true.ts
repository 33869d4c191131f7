import type { Finding } from '../finding.ts';
import { decided } from '../interval.ts';
import { isShare } from '../share.ts';
import { inEveryPart, type RuleSet, source, thresholdOf } from '../set.ts';

export const title = 'A comparison that is never true';
export const severity = 'error';

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const threshold = thresholdOf(part);
    if (threshold === null || threshold.comparison.bool) return null;
    const { measured, op, limit } = threshold;
    const { values } = facts(measured);
    if (decided(values, op, limit) !== 'never' || isShare(measured, facts)) return null;
    const counted = measured.kind === 'aggregate' && measured.op === 'count';
    return {
      why: counted
        ? `count() of nothing is no series, not 0: ${source(rule, part)} is never true.`
        : `${source(rule, measured)} is ${words(values)}, so ${op} ${limit} is never true.`,
      fix: counted
        ? `Where nothing is what you look for: absent(...), or (${source(rule, measured)} or vector(0)) ${op} ${limit}.`
        : 'Correct the threshold or the direction of the comparison.',
      assuming: values.assuming,
    };
  });
}

function words({ lo, hi }: { lo: number; hi: number }): string {
  if (lo === hi) return `always ${lo}`;
  return Number.isFinite(hi) ? `between ${lo} and ${hi}` : `never below ${lo}`;
}
