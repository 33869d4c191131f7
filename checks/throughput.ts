/** Acknowledged points a second, outside fault windows. A machine that cannot offer the asked rate cannot refute it: not run. */
import { z } from 'zod';
import { history, type Judgement, loadEvidence, percent } from '../analysis/check.ts';
import { eventsOf } from '../analysis/load-view.ts';
import { missingLines } from '../analysis/missing-lines.ts';
import { sum } from '../analysis/timeline.ts';
import { binsIn, type RunView } from '../analysis/view.ts';

export const title = 'The promised rate is carried';
export const scope = 'run';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Acknowledged points a second, at least. */
  pointsPerS: z.number().positive().default(100_000),
});

export function judge(view: RunView, { pointsPerS }: z.infer<typeof options>): Judgement {
  const { timeline, judged } = view;
  const evidence = [...loadEvidence(view), history('rate'), history('calibration')];
  // Runners begin and end a moment apart: only the seconds of all of them say what the load as a whole carried.
  const bins = binsIn(view).filter(
    (bin) => judged?.runners.every(({ fromMs, toMs }) => bin.fromMs >= fromMs && bin.toMs <= toMs) ?? false,
  );
  const lengthS = bins.reduce((total, bin) => total + bin.toMs - bin.fromMs, 0) / 1_000;
  if (!timeline || !judged || lengthS === 0)
    return { verdict: 'inconclusive', reason: 'there is no judged load outside fault windows', evidence };
  const reached = (sum(bins).served * judged.pointsPerWrite) / lengthS;
  const offered = judged.ratePerS * judged.pointsPerWrite;
  const rate = eventsOf(view.events, 'rate').at(-1);
  const words = `${Math.round(reached)} acknowledged points/s over ${lengthS.toFixed(0)} s outside fault windows, ${Math.round(offered)} offered, ${pointsPerS} asked`;
  const common = {
    observed: { value: reached, unit: 'points/s' },
    expected: { value: pointsPerS, unit: 'points/s, at least' },
    windowMs: [timeline.fromMs, timeline.toMs] satisfies [number, number],
    evidence,
  };
  if (reached >= pointsPerS) return { verdict: 'pass', reason: `${words}.`, ...common };
  if (offered < pointsPerS) {
    const lowered = rate && rate.ratePerS < rate.askedPerS;
    const why = lowered
      ? `calibration on this machine${rate.steal === undefined ? '' : `, of which the hypervisor took ${percent(rate.steal)},`} found ${rate.ratePerS} of ${rate.askedPerS} writes/s to be what it carries`
      : 'the scenario offers no more';
    return { verdict: 'not_run', reason: `${words}: ${why}.`, ...common };
  }
  const missing = missingLines(view);
  if (missing.length > 0)
    return { verdict: 'inconclusive', reason: `${words}, but ${missing.join('; ')}.`, ...common };
  return { verdict: 'fail', reason: `${words}.`, ...common };
}
