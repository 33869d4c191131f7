/** Operators between two sides that are both there, and never find each other. */
import type { RuleFinding } from '../lint.ts';
import { joinOf, matchedBy } from '../matching.ts';
import { type Binary, walk } from '../promql.ts';
import { type ReadRule, source, thresholdsOf } from '../set.ts';
import { type Kind, listed, type Live, liveFinding } from './live.ts';
import { HISTORY, joinedText, measuredText, extremeOf } from './query-text.ts';

const JOIN: Kind = { rule: 'join-label', title: 'Two sides whose labels never match', severity: 'error' };
const SELF: Kind = {
  rule: 'self-ratio',
  title: 'A ratio of a series to itself: always 1',
  severity: 'warning',
};

export function brokenJoins(rule: ReadRule, { inquiry }: Live): RuleFinding[] {
  const text = rule.exprText;
  return walk(rule.expr).flatMap((part) => {
    const join = joinOf(part);
    if (join === null || join.op === 'unless') return [];
    const sides = [measuredText(join.left, text), measuredText(join.right, text)] as const;
    // In order, so that the later ones are asked only where the answer counts.
    if (sides.some((side) => !inquiry.count(side)) || inquiry.count(joinedText(join, text)) !== 0) return [];
    const [left, right] = sides.map((side) => inquiry.query(`topk(1, (\n${side}\n))`)?.samples[0]?.labels);
    if (left === undefined || right === undefined) return [];
    return [
      liveFinding(rule, part, JOIN, {
        why: `Both sides of ${join.op} have series, and none on the left matches one on the right: ${apart(join, left, right)}. The result is empty.`,
        fix: `Group both sides by the same labels, or match by what they share: ${join.op} on (...).`,
      }),
    ];
  });
}

type Labels = Readonly<Record<string, string>>;

function apart(join: Binary, left: Labels, right: Labels): string {
  const names = (own: Labels) =>
    Object.keys(own).filter((name) => name !== '__name__' && matchedBy(join, name));
  const [onlyLeft, onlyRight] = [
    names(left).filter((name) => right[name] === undefined),
    names(right).filter((name) => left[name] === undefined),
  ];
  const lacks = [
    ...(onlyLeft.length > 0 ? [`the right has no ${listed(onlyLeft)}`] : []),
    ...(onlyRight.length > 0 ? [`the left has no ${listed(onlyRight)}`] : []),
  ];
  if (lacks.length > 0) return lacks.join(', ');
  const other = names(left).filter((name) => left[name] !== right[name]);
  return other.length > 0
    ? `they differ in ${listed(other.map((name) => `${name} (${left[name]} and ${right[name]})`))}`
    : 'no two series have the same labels';
}

/** A healthy share of failures is 0; where it is 1 whenever there is one, series are divided by themselves. */
export function selfRatios(rule: ReadRule, { inquiry }: Live): RuleFinding[] {
  return thresholdsOf(rule.expr).flatMap(({ measured, op, limit }) => {
    const join = joinOf(measured);
    if (join?.op !== '/' || !op.startsWith('>') || limit <= 0 || limit >= 1) return [];
    const text = measuredText(measured, rule.exprText);
    if (extremeOf(inquiry, 'max', text) !== 1 || extremeOf(inquiry, 'min', text) !== 1) return [];
    return [
      liveFinding(rule, measured, SELF, {
        why: `${source(rule, measured)} was exactly 1 for every series at every moment of the last ${HISTORY} that it had a value: each is divided by itself, and a single event fires.`,
        fix: 'Add up first: sum(...) / sum(...), the right side without the matchers of the left.',
        assuming: 'not everything has failed all that time',
      }),
    ];
  });
}
