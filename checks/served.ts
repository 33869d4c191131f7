/** Availability: the share of the arrivals that the schedule asked for which were acknowledged; dropped ones were asked for too. */
import { z } from 'zod';
import {
  blurredWindows,
  history,
  type Judgement,
  loadEvidence,
  percent,
  provenFault,
  seconds,
} from '../analysis/check.ts';
import { scheduled, sum, worstTenSeconds } from '../analysis/timeline.ts';
import { binsIn, type RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';

export const title = 'Writes are served';
export const scope = 'either';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Least share of the arrivals that has to be acknowledged. */
  atLeast: z.number().min(0).max(1).default(0.999),
});

export function judge(
  view: RunView,
  { atLeast }: z.infer<typeof options>,
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
  const bins = binsIn(view, during);
  const total = sum(bins);
  const asked = scheduled(total);
  const where = during === undefined ? 'outside fault windows' : `in the window of ${during}`;
  if (asked === 0)
    return { verdict: 'inconclusive', reason: `nothing was due ${where}, so nothing can be said`, evidence };
  const share = total.served / asked;
  const worst = worstTenSeconds(bins);
  const parts = `${total.failed} failed, ${total.unknown} unknown, ${total.dropped} dropped, ${total.slow} slow`;
  const blurred = blurredWindows(view);
  return {
    verdict: share >= atLeast ? 'pass' : blurred === null ? 'fail' : 'inconclusive',
    reason: `${total.served} of ${asked} arrivals ${where} were served (${percent(share)}, asked: ${percent(atLeast)}; ${parts}); worst ten seconds: ${percent(worst?.share ?? 0)} from ${seconds(worst?.fromMs ?? 0)}${blurred === null ? '' : `; ${blurred}`}.`,
    observed: { value: share, unit: 'share served' },
    expected: { value: atLeast, unit: 'share served, at least' },
    windowMs,
    evidence,
  };
}
