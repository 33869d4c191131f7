/** The dynamic half of the lint: what follows for a set of rules from what a Prometheus has answered so far. */
import type { RuleFinding } from '../lint.ts';
import type { RuleSet } from '../set.ts';
import { absentSelectors } from './absent.ts';
import { evaluation } from './evaluation.ts';
import { type Answer, Inquiry, type Question } from './inquiry.ts';
import { brokenJoins, selfRatios } from './joins.ts';
import type { Known } from './live.ts';
import { loadedState } from './loaded.ts';
import { outOfReach, trueNow } from './thresholds.ts';
import { wrongTypes } from './types.ts';

export interface Judged {
  findings: RuleFinding[];
  /** To be answered, by `keyOf`, before the findings are whole. */
  open: ReadonlyMap<string, Question>;
  /** Of which rules something could not be asked, and why. */
  unanswered: { file: string; line: number; object: string; why: string }[];
}

/** Pure. A lack of answers is never a finding. */
export function judgeLive(set: RuleSet, known: Known, answers: ReadonlyMap<string, Answer>): Judged {
  const open = new Map<string, Question>();
  const unanswered: Judged['unanswered'] = [];
  const findings = set.rules.flatMap((rule) => {
    const inquiry = new Inquiry(answers);
    const live = { known, set, inquiry };
    const found = [
      loadedState,
      absentSelectors,
      wrongTypes,
      brokenJoins,
      selfRatios,
      outOfReach,
      trueNow,
      evaluation,
    ].flatMap((find) => find(rule, live));
    for (const [key, question] of inquiry.open) open.set(key, question);
    const object = `${rule.kind} ${rule.name}`;
    for (const why of inquiry.unanswered)
      unanswered.push({ file: rule.file, line: rule.place.line, object, why });
    return found;
  });
  return { findings, open, unanswered };
}

const WEIGHT = { error: 2, warning: 1, info: 0 };

/** Both halves, by file and line; what both say of one place is said once, in the words of the Prometheus. */
export function merged(fromText: readonly RuleFinding[], fromLive: readonly RuleFinding[]): RuleFinding[] {
  const all = new Map<string, RuleFinding>();
  for (const finding of [...fromText, ...fromLive]) {
    const key = JSON.stringify([finding.rule, finding.file, finding.line, finding.column, finding.object]);
    const known = all.get(key);
    const severity =
      known !== undefined && WEIGHT[known.severity] > WEIGHT[finding.severity]
        ? known.severity
        : finding.severity;
    all.set(key, { ...finding, severity });
  }
  return [...all.values()].toSorted(
    (a, b) =>
      a.file.localeCompare(b.file, 'en') ||
      a.line - b.line ||
      a.column - b.column ||
      a.rule.localeCompare(b.rule, 'en'),
  );
}
