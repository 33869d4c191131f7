/**
 * Every decision of the HPA's controller is one that its spec, its parameters and what it saw allow (autoscaling/v2, as upstream's controller
 * computes it). Accused is only what nothing that the record leaves open explains.
 */
import { z } from 'zod';
import { history, type Judgement, percent, seconds } from '../analysis/check.ts';
import { explainByFlag, explainBySpec } from '../analysis/hpa/judge-explain.ts';
import { undecidedWords, wordsOf } from '../analysis/hpa/judge-words.ts';
import { type Judged, judgeTrace } from '../analysis/hpa/judge.ts';
import { controllerOf, type KnownController } from '../analysis/hpa/trace-events.ts';
import { readTraces } from '../analysis/hpa/trace-read.ts';
import type { HpaTrace } from '../analysis/hpa/trace.ts';
import type { RunView } from '../analysis/view.ts';
import { WATCH_FILE } from '../record/watch-log.ts';

export const title = 'The HPA scales as its spec allows';
export const scope = 'run';
// The decisions follow from inputs that are on record: whatever the machine did, another decision was to be taken.
export const restsOn = 'ledger';

export const options = z.strictObject({
  /** Share of the syncs that have to be decided for a pass. */
  decidedShare: z.number().gt(0).max(1).default(0.8),
});

const EVIDENCE = [WATCH_FILE, history('hpa.controller')];

export function judge(view: RunView, asked: unknown): Judgement {
  const { decidedShare } = options.parse(asked);
  const controller = controllerOf(view.events);
  const { traces, unreadable } = readTraces(view);
  if (traces.length === 0 && unreadable.length === 0)
    return {
      verdict: 'inconclusive',
      reason: 'no HorizontalPodAutoscaler is in the watch log, so nothing scaled by one.',
      evidence: EVIDENCE,
    };
  if (!controller)
    return {
      verdict: 'invalid',
      reason:
        'the parameters of the HPA controller are not on record (no hpa.controller event in the history).',
      evidence: EVIDENCE,
    };
  const findings = traces.map((trace) => judgeOne(trace, controller, decidedShare));
  const first =
    findings.find(({ verdict }) => verdict === 'fail') ?? findings.find(({ verdict }) => verdict !== 'pass');
  if (first?.verdict !== 'fail' && unreadable.length > 0)
    return { verdict: 'inconclusive', reason: `${unreadable.join('; ')}.`, evidence: EVIDENCE };
  return { evidence: EVIDENCE, ...(first ?? findings[0] ?? { verdict: 'inconclusive', reason: 'no HPA.' }) };
}

type Finding = Omit<Judgement, 'evidence'>;

function judgeOne(trace: HpaTrace, controller: KnownController, decidedShare: number): Finding {
  const judged = judgeTrace(trace, controller.parameters);
  const decided = judged.filter(({ outcome }) => outcome !== 'undecided').length;
  const share = judged.length === 0 ? null : decided / judged.length;
  const common = {
    observed: {
      value: share === null ? null : Math.round(share * 1e4) / 100,
      unit: '% of the syncs decided',
    },
    expected: { value: decidedShare * 100, unit: '% of the syncs decided, at least' },
    windowMs: [trace.fromMs, trace.toMs] as [number, number],
  };
  const accused = judged.filter(({ outcome }) => outcome === 'illegal');
  if (accused.length > 0) return { ...accusation(trace, controller, accused), ...common };
  if (share === null)
    return {
      verdict: 'inconclusive',
      reason: `${trace.name}: no sync of its controller was seen.`,
      ...common,
    };
  const most = Math.max(...judged.map(({ legal }) => legal.length));
  const edits = trace.edits.map(({ receivedMs, what }) => `${what} at ${seconds(receivedMs)}`);
  const edited =
    edits.length === 0 ? '' : `; its spec was changed and is followed from there on (${edits.join('; ')})`;
  const ratio = `${decided} of ${judged.length} syncs (${percent(share)})`;
  if (share < decidedShare)
    return {
      verdict: 'inconclusive',
      reason: `${trace.name}: only ${ratio} could be decided, less than ${percent(decidedShare)} (${undecidedWords(judged)})${edited}.`,
      ...common,
    };
  return {
    verdict: 'pass',
    reason: `${trace.name}: ${ratio} could be decided, each set what was legal, with at most ${most} legal sizes at one sync${edited}.`,
    ...common,
  };
}

/** Held against the controller, unless another value of a flag that nobody read would explain all of it. */
function accusation(
  trace: HpaTrace,
  { parameters, sources }: KnownController,
  accused: readonly Judged[],
): Pick<Finding, 'verdict' | 'reason'> {
  const [first] = accused;
  const others = accused.length > 1 ? `, and so at ${accused.length - 1} later syncs` : '';
  const what = `${trace.name}: ${first ? wordsOf(first) : ''}${others}`;
  const byFlag = explainByFlag(trace, parameters);
  const assumed = byFlag.filter(({ parameter }) => sources[parameter] === 'assumed default');
  if (assumed.length > 0)
    return {
      verdict: 'inconclusive',
      reason: `${what}; the flags of the controller are not all known, and ${assumed.map(({ words }) => words).join(', or ')} would explain it: read the flags of kube-controller-manager.`,
    };
  const like = [...byFlag.map(({ words }) => words), ...explainBySpec(trace, parameters)];
  const likeness = like.length === 0 ? '' : `; it behaves as with ${like.slice(0, 3).join(', or ')}`;
  return { verdict: 'fail', reason: `${what}${likeness}.` };
}
