/**
 * Recovery time: from the end of a fault (or from the blow, for one that strikes and is over) to the start of the first run of good
 * seconds. Measured to a second, plus the interval between two looks of the fault's proof.
 */
import { z } from 'zod';
import {
  blurredWindows,
  history,
  type Judgement,
  loadEvidence,
  provenFault,
  seconds,
  unfinished,
  unwatchedPods,
} from '../analysis/check.ts';
import { type FaultView, recoveryBins, seenUntilMs, struckAtMs } from '../analysis/faults.ts';
import { BIN_MS, binsWithin, firstGoodRun, isGood } from '../analysis/timeline.ts';
import type { RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';

export const title = 'The system recovers by itself';
export const scope = 'window';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Longest time until the first of the good seconds, milliseconds. */
  withinMs: z.number().positive(),
});

export function judge(
  view: RunView,
  { withinMs }: z.infer<typeof options>,
  { during }: Pick<Expectation, 'during'>,
): Judgement {
  if (during === undefined) throw new Error('"recovers" needs "during": the fault to recover from');
  const { fault, refused } = provenFault(view, during);
  if (refused) return refused;
  const { timeline, faults } = view;
  const evidence = [...loadEvidence(view), history('fault.proof')];
  const struck = struckAtMs(fault);
  if (!struck && unfinished(view, fault))
    return {
      verdict: 'inconclusive',
      reason: `${during}: its end was never seen: ${view.stopped}`,
      evidence,
    };
  if (!struck)
    return {
      verdict: 'invalid',
      reason: `${during}: its end was never seen${fault.failed === null ? '' : ` (${fault.failed})`}`,
      evidence,
    };
  if (!timeline) return { verdict: 'inconclusive', reason: 'no judged load was started', evidence };

  const untilMs = seenUntilMs(fault, faults, timeline);
  const { good } = view.plan.scenario;
  const resolutionMs = BIN_MS + struck[1] - struck[0];
  const common = {
    expected: { value: withinMs / 1_000, unit: 's, at most' },
    windowMs: [struck[0], untilMs] satisfies [number, number],
    evidence,
  };
  if (untilMs <= struck[0])
    return {
      verdict: 'inconclusive',
      reason: `the load, or what could be seen of it, had ended when ${during} ${fault.momentary ? 'struck' : 'was gone'}.`,
      evidence,
    };
  const what = `${good.bins} good seconds in a row after ${fault.momentary ? 'the blow of' : 'the end of'} ${during}`;
  const tookMs = fault.recoveredAtMs === null ? null : Math.max(0, fault.recoveredAtMs - struck[0]);
  // Seconds without a line may have been good ones: if that would do, nobody saw it fail.
  const best = firstGoodRun(recoveryBins(fault, timeline, untilMs, good), good, true);
  if ((tookMs === null || tookMs > withinMs) && best !== null && best - struck[0] <= withinMs)
    return {
      verdict: 'inconclusive',
      reason: `there are seconds after ${during} in which no write is on record, or none that the generator sent in time, so ${what} may have begun after ${seconds(Math.max(0, best - struck[0]))}; asked: ${seconds(withinMs)}.`,
      observed: { value: null, unit: 's' },
      ...common,
    };
  // What was not watched may have begun or ended long before it was seen: then the good seconds after it prove nothing.
  const unwatched = unwatchedPods(view, fault.windowMs);
  if (tookMs !== null && tookMs <= withinMs && unwatched !== null)
    return {
      verdict: 'inconclusive',
      reason: `${during}: ${unwatched}, so when it began and ended is not known.`,
      observed: { value: null, unit: 's' },
      ...common,
    };
  const offMs = Math.max(0, ...(view.judged?.runners ?? []).map(({ anchorBoundMs }) => anchorBoundMs));
  const blurred = blurredWindows(view);
  if (tookMs !== null && blurred !== null && Math.abs(tookMs - withinMs) <= offMs)
    return {
      verdict: 'inconclusive',
      reason: `the first of ${what} began after ${seconds(tookMs)}, but ${blurred}; asked: ${seconds(withinMs)}.`,
      observed: { value: tookMs / 1_000, unit: 's' },
      ...common,
    };
  if (tookMs !== null) {
    return {
      verdict: tookMs <= withinMs ? 'pass' : 'fail',
      reason: `the first of ${what} began after ${seconds(tookMs)} +- ${seconds(resolutionMs)}${sinceActing(fault)}; asked: ${seconds(withinMs)}.`,
      observed: { value: tookMs / 1_000, unit: 's' },
      ...common,
    };
  }
  // A bad second that late settles it, however little of the load is left.
  const badLate = binsWithin(timeline, struck[0], untilMs).findLast((bin) => isGood(bin, good) === false);
  const allowedMs = withinMs + (blurred === null ? 0 : offMs);
  const tooLate = badLate !== undefined && badLate.fromMs - struck[0] >= allowedMs;
  const enough = untilMs - struck[0] >= allowedMs + good.bins * BIN_MS;
  const words = `there were no ${what} in the ${seconds(untilMs - struck[0])} that could be seen`;
  if (badLate !== undefined && (tooLate || enough)) {
    return {
      verdict: 'fail',
      reason: `${words}; the last bad second began ${seconds(Math.max(0, badLate.fromMs - struck[0]))} after it; asked: ${seconds(withinMs)}.`,
      observed: { value: null, unit: 's' },
      ...common,
    };
  }
  return {
    verdict: 'inconclusive',
    reason: `${words}, ${enough ? 'in which no bad second was seen either: too little' : 'too short a time'} to ask for a recovery within ${seconds(withinMs)}.`,
    observed: { value: null, unit: 's' },
    ...common,
  };
}

function sinceActing({ momentary, actingFromMs, recoveredAtMs }: FaultView): string {
  if (momentary || !actingFromMs || recoveredAtMs === null) return '';
  return ` (${seconds(recoveredAtMs - actingFromMs[0])} after it began to act)`;
}
