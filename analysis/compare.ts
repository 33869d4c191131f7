/** Two judged runs side by side: what changed from A to B, and whether that is more than noise. Pure. */
import { EXIT, type Outcome, type Plan, type Verdict, type VerdictFile } from '../record/model.ts';
import { type FigureChange, figureChanges, type Finding, type JudgedRun } from './compare-figures.ts';
import { type InputDifference, inputDifferences } from './compare-inputs.ts';

export interface VerdictChange {
  id: string;
  a: Outcome | null;
  b: Outcome | null;
  /** `settled`: A could not decide it, B holds. */
  change: 'unchanged' | 'better' | 'worse' | 'settled' | 'cannot tell' | 'only in A' | 'only in B';
  finding: Finding;
  /** Each run's own reason; null where it has no such promise. */
  reasonA: string | null;
  reasonB: string | null;
}

interface ComparedRun {
  plan: Plan;
  file: VerdictFile;
}

export interface Comparison {
  a: ComparedRun;
  b: ComparedRun;
  finding: Finding;
  exitCode: number;
  inputs: InputDifference[];
  verdicts: VerdictChange[];
  figures: FigureChange[];
}

/** `random`: uniform in [0, 1), from a seed that the reader is told. */
export function compareRuns(a: JudgedRun, b: JudgedRun, random: () => number): Comparison {
  const inputs = inputDifferences(a.view, b.view);
  const verdicts = verdictChanges(a.file.verdicts, b.file.verdicts);
  const figures = figureChanges(a, b, inputs, random);
  const findings = [...verdicts, ...figures].map(({ finding }) => finding);
  const finding = (['worse', 'cannot tell'] as const).find((word) => findings.includes(word)) ?? 'not worse';
  const exitCode = { worse: EXIT.fail, 'cannot tell': EXIT.inconclusive, 'not worse': EXIT.pass }[finding];
  const told = ({ view, file }: JudgedRun): ComparedRun => ({ plan: view.plan, file });
  return { a: told(a), b: told(b), finding, exitCode, inputs, verdicts, figures };
}

function verdictChanges(a: readonly Verdict[], b: readonly Verdict[]): VerdictChange[] {
  const ids = [...new Set([...a, ...b].map(({ id }) => id))];
  return ids.map((id) => {
    const [before, after] = [a, b].map((verdicts) => verdicts.find((verdict) => verdict.id === id));
    return {
      id,
      a: before?.verdict ?? null,
      b: after?.verdict ?? null,
      ...changeOf(before, after),
      reasonA: before?.reason ?? null,
      reasonB: after?.reason ?? null,
    };
  });
}

function changeOf(
  before: Verdict | undefined,
  after: Verdict | undefined,
): Pick<VerdictChange, 'change' | 'finding'> {
  const decided = (verdict: Verdict | undefined) =>
    verdict?.verdict === 'pass' || verdict?.verdict === 'fail';
  if (before === undefined)
    return { change: 'only in B', finding: after?.verdict === 'pass' ? 'not worse' : 'cannot tell' };
  // What A could not decide and B does not ask took nothing away: "the run came to its end" stands there only where it did not.
  if (after === undefined)
    return { change: 'only in A', finding: decided(before) ? 'cannot tell' : 'not worse' };
  const neverAsked = before.verdict === 'not_run' && after.verdict === 'not_run' && after.optional;
  if (neverAsked) return { change: 'unchanged', finding: 'not worse' };
  if (!decided(after)) return { change: 'cannot tell', finding: 'cannot tell' };
  if (before.verdict === after.verdict) return { change: 'unchanged', finding: 'not worse' };
  if (after.verdict === 'pass')
    return { change: decided(before) ? 'better' : 'settled', finding: 'not worse' };
  return decided(before)
    ? { change: 'worse', finding: 'worse' }
    : { change: 'cannot tell', finding: 'cannot tell' };
}
