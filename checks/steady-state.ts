/**
 * The system was healthy before the first fault and is healthy again after the last recovery. A system that was never healthy is
 * not judged by this: nothing that follows could be put down to a fault, so it is inconclusive (design: an unhealthy
 * baseline decides nothing), except where nothing was disturbed; then unrest is the system's own.
 */
import { z } from 'zod';
import {
  blurredWindows,
  history,
  type Judgement,
  loadEvidence,
  percent,
  seconds,
} from '../analysis/check.ts';
import { seenUntilMs, struckAtMs } from '../analysis/faults.ts';
import {
  type Bin,
  BIN_MS,
  binsWithin,
  firstGoodRun,
  isGood,
  scheduled,
  sum,
  type Timeline,
} from '../analysis/timeline.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'The steady state holds before and after';
export const scope = 'run';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Least share of good seconds, and of served arrivals, in each stretch. */
  goodBins: z.number().min(0).max(1).default(0.95),
  served: z.number().min(0).max(1).default(0.999),
});
type Options = z.infer<typeof options>;

interface Health {
  steady: boolean;
  /** Seconds of which something can be said. */
  bins: number;
  served: number;
  words: string;
}

export function judge(view: RunView, given: Options): Judgement {
  const { timeline } = view;
  const evidence = [...loadEvidence(view), history('fault.intent')];
  if (!timeline) return { verdict: 'inconclusive', reason: 'no judged load was started', evidence };
  const { good } = view.plan.scenario;
  const health = (fromMs: number, toMs: number) => healthOf(view, binsWithin(timeline, fromMs, toMs), given);
  const intents = view.faults.flatMap(({ intentAtMs }) => (intentAtMs === null ? [] : [intentAtMs]));
  const expected = { value: given.served, unit: 'share served, at least' };
  const whole: [number, number] = [timeline.fromMs, timeline.toMs];

  const before = health(timeline.fromMs, Math.min(timeline.toMs, ...intents));
  const seenBefore = {
    observed: { value: before.served, unit: 'share served' },
    expected,
    windowMs: whole,
    evidence,
  };
  if (before.bins < good.bins)
    return {
      verdict: 'inconclusive',
      reason: `there are ${before.bins} seconds before the first fault, too few to call anything steady.`,
      ...seenBefore,
    };
  if (intents.length === 0)
    return {
      verdict: before.steady ? 'pass' : 'fail',
      reason: `nothing was disturbed; the whole load: ${before.words}.`,
      ...seenBefore,
    };
  if (!before.steady)
    return {
      verdict: 'inconclusive',
      reason: `the system was not healthy before the first fault (${before.words}), so nothing after it can be put down to a fault.`,
      ...seenBefore,
    };

  const last = view.faults.reduce((a, b) => ((b.intentAtMs ?? -1) > (a.intentAtMs ?? -1) ? b : a));
  if (last.recoveredAtMs === null || last.windowMs === null) return notBack(view, timeline, last, evidence);
  const after = health(last.windowMs[1], timeline.toMs);
  const common = {
    observed: { value: after.served, unit: 'share served' },
    expected,
    windowMs: whole,
    evidence,
  };
  if (after.bins < good.bins)
    return {
      verdict: 'inconclusive',
      reason: `only ${after.bins} seconds of load are left after the recovery from ${last.name}.`,
      ...common,
    };
  const blurred = blurredWindows(view);
  return {
    verdict: after.steady ? 'pass' : blurred === null ? 'fail' : 'inconclusive',
    reason: `before the first fault: ${before.words}; after the recovery from ${last.name}: ${after.words}${blurred === null ? '' : `; ${blurred}`}.`,
    ...common,
  };
}

function healthOf(view: RunView, bins: readonly Bin[], asked: Options): Health {
  const verdicts = bins
    .map((bin) => isGood(bin, view.plan.scenario.good))
    .filter((verdict) => verdict !== null);
  const total = sum(bins);
  const goodShare = verdicts.length === 0 ? 0 : verdicts.filter(Boolean).length / verdicts.length;
  const served = scheduled(total) === 0 ? 0 : total.served / scheduled(total);
  return {
    steady: goodShare >= asked.goodBins && served >= asked.served,
    bins: verdicts.length,
    served,
    words: `${percent(goodShare)} of ${verdicts.length} seconds good (asked: ${percent(asked.goodBins)}), ${percent(served)} served (asked: ${percent(asked.served)})`,
  };
}

/** The last fault has no recovery: either there was time for one, or nobody can tell. */
function notBack(
  view: RunView,
  timeline: Timeline,
  last: RunView['faults'][number],
  evidence: string[],
): Judgement {
  const struck = struckAtMs(last);
  if (!struck) return { verdict: 'inconclusive', reason: `the end of ${last.name} was not seen.`, evidence };
  const untilMs = seenUntilMs(last, view.faults, timeline);
  const leftMs = Math.max(0, untilMs - struck[1]);
  const { good } = view.plan.scenario;
  const left = binsWithin(timeline, struck[1], untilMs);
  // Seconds without a line may have been good ones: a second must have been seen bad.
  const seenBad = left.some((bin) => isGood(bin, good) === false) && firstGoodRun(left, good, true) === null;
  const neededMs = 2 * good.bins * BIN_MS;
  const short = leftMs < neededMs ? ', which is too short to expect it' : '';
  const unseen =
    !seenBad && short === ''
      ? ', but there are seconds in which no write is on record, or none that the generator sent in time'
      : '';
  const blurred = blurredWindows(view);
  return {
    verdict: short === '' && seenBad && blurred === null ? 'fail' : 'inconclusive',
    reason: `the steady state was not seen again in the ${seconds(leftMs)} of load after ${last.name}${short}${unseen}${blurred === null ? '' : `; ${blurred}`}.`,
    windowMs: [struck[0], timeline.toMs],
    evidence,
  };
}
