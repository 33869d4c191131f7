/**
 * The 99th percentile from the intended start, over everything that was due: a write that was not acknowledged has no latency and
 * counts as slower than any limit (p99 <= L is the same as: at most 1 % of the arrivals are slower than L).
 */
import { z } from 'zod';
import { blurredWindows, history, type Judgement, loadEvidence, provenFault } from '../analysis/check.ts';
import { OUTSIDE } from '../analysis/faults.ts';
import { heldUpWords, scheduled, sum } from '../analysis/timeline.ts';
import { binsIn, type RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';

export const title = 'Writes are quick';
export const scope = 'either';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Largest 99th percentile, milliseconds. Without it: the limit of the scenario's good second. */
  p99Ms: z.number().positive().optional(),
});

const QUANTILE = 0.99;

export function judge(
  view: RunView,
  { p99Ms = view.plan.scenario.good.latencyMs }: z.infer<typeof options>,
  { during }: Pick<Expectation, 'during'>,
): Judgement {
  const { timeline } = view;
  const evidence = [...loadEvidence(view), history('fault.proof')];
  if (!timeline) return { verdict: 'inconclusive', reason: 'no judged load was started', evidence };
  let windowMs: [number, number] = [timeline.fromMs, timeline.toMs];
  if (during !== undefined) {
    const { fault, refused } = provenFault(view, during);
    if (refused) return refused;
    windowMs = fault.windowMs ?? windowMs;
  }
  const where = during === undefined ? 'outside fault windows' : `in the window of ${during}`;
  const asked = scheduled(sum(binsIn(view, during)));
  if (asked === 0) return { verdict: 'inconclusive', reason: `nothing was due ${where}`, evidence };
  const times = view.latency[during ?? OUTSIDE];
  const served = times?.totalCount ?? 0;
  const rank = (asked * QUANTILE) / Math.max(1, served);
  const value = times && rank <= 1 ? times.getValueAtPercentile(rank * 100) : null;
  const median =
    times && served > 0 ? `median ${times.getValueAtPercentile(50)} ms, largest ${times.maxValue} ms` : '';
  const common = {
    observed: { value, unit: 'ms' },
    expected: { value: p99Ms, unit: 'ms, at most' },
    windowMs,
    evidence,
  };
  // Outside fault windows that makes the run invalid; a fault's window is looked at by nobody else.
  const late = during === undefined || value === null ? null : heldUpWords(binsIn(view, during));
  const doubt = late ?? blurredWindows(view);
  if (doubt !== null && (value === null || value > p99Ms))
    return {
      verdict: 'inconclusive',
      reason: `${doubt}, so how long clients waited ${where} is not known.`,
      ...common,
    };
  if (value === null) {
    return {
      verdict: 'fail',
      reason: `${asked - served} of ${asked} arrivals ${where} were not acknowledged: more than one in a hundred, so there is no 99th percentile (asked: ${p99Ms} ms; ${median}).`,
      ...common,
    };
  }
  return {
    verdict: value <= p99Ms ? 'pass' : 'fail',
    reason: `99 of 100 arrivals ${where} were acknowledged within ${value} ms of their intended start (asked: ${p99Ms} ms; ${asked} arrivals; ${median}).`,
    ...common,
  };
}
