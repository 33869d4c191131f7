/** Nothing disturbed, nothing happens: what moves in a control run is noise of the harness or of the machine. */
import { z } from 'zod';
import { history, type Judgement, loadEvidence, percent, seconds, unwatchedPods } from '../analysis/check.ts';
import { eventsOf } from '../analysis/load-view.ts';
import { scheduled, sum } from '../analysis/timeline.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'Nothing happens when nothing is disturbed';
export const scope = 'run';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Largest share of arrivals that may fail or stay unknown. */
  failedShare: z.number().min(0).max(1).default(0.0001),
});

export function judge(view: RunView, { failedShare }: z.infer<typeof options>): Judgement {
  const { timeline, judged, faults } = view;
  const evidence = [history('pod'), ...loadEvidence(view)];
  if (faults.length > 0)
    return {
      verdict: 'not_run',
      reason: `this run disturbs on purpose (${faults.map(({ name }) => name).join(', ')}); quiet is asked of control runs.`,
      evidence,
    };
  if (!timeline || !judged)
    return { verdict: 'inconclusive', reason: 'no judged load was started', evidence };
  const total = sum(timeline.bins);
  const asked = scheduled(total);
  const bad = total.failed + total.unknown;
  const pods = eventsOf(view.events, 'pod');
  // A load that was stopped in its warm-up is over before its judged part would have begun; then the run takes its own pods away.
  const undoneMs = eventsOf(view.events, 'phase').find(({ phase }) => phase === 'undo')?.at;
  const untilMs = Math.min(timeline.toMs, undoneMs ?? Number.POSITIVE_INFINITY);
  const moved = pods.filter(({ state, at }) => state !== 'ready' && at >= judged.anchorMs && at < untilMs);
  const common = {
    observed: { value: asked === 0 ? null : bad / asked, unit: 'share not acknowledged' },
    expected: { value: failedShare, unit: 'share not acknowledged, at most' },
    windowMs: [judged.anchorMs, timeline.toMs] satisfies [number, number],
    evidence,
  };
  if (moved.length > 0 || (asked > 0 && bad / asked > failedShare)) {
    const found = [
      ...moved
        .slice(0, 10)
        .map(({ pod, state, at, why }) => `${pod} ${state} at ${seconds(at)} (${why ?? 'no reason given'})`),
      ...(moved.length > 10 ? [`${moved.length - 10} more such events`] : []),
      `${bad} of ${asked} arrivals (${percent(asked === 0 ? 0 : bad / asked)}) failed or are unknown`,
    ];
    return { verdict: 'fail', reason: `${found.join('; ')}.`, ...common };
  }
  const unwatched = unwatchedPods(view, [judged.anchorMs, timeline.toMs]);
  const unsure = [
    ...(unwatched === null ? [] : [unwatched]),
    ...(asked === 0 ? ['nothing was due'] : []),
    ...(pods.some(({ state }) => state === 'ready') ? [] : ['no pod was watched']),
  ];
  if (unsure.length > 0) return { verdict: 'inconclusive', reason: `${unsure.join('; ')}.`, ...common };
  return {
    verdict: 'pass',
    reason: `no pod became unready, restarted or ended; ${bad} of ${asked} arrivals failed or are unknown (allowed: ${percent(failedShare)}).`,
    ...common,
  };
}
