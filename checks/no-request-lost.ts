/**
 * Nobody loses a request while pods go and come: every request of the load that was refused, reset, cut or left without an answer in the
 * window of a disturbance is named with its cause. Its control is the undisturbed rest of the same run at the same rate: what is lost there
 * is lost by the instrument.
 */
import { z } from 'zod';
import { doubtsAbout } from '../analysis/account-view.ts';
import {
  history,
  type Judgement,
  loadEvidence,
  provenFault,
  ruleOfThree,
  seconds,
  unwatchedPods,
} from '../analysis/check.ts';
import type { Failures } from '../analysis/disruption/failures.ts';
import { type DisturbedRequests, disturbedRequests } from '../analysis/disruption/requests.ts';
import { blurredTimes } from '../analysis/load-view.ts';
import { missingLines } from '../analysis/missing-lines.ts';
import { LATE_SHARE, scheduled, sum } from '../analysis/timeline.ts';
import { LATE_MS, type RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';

export const title = 'No request is lost while pods go and come';
export const scope = 'window';
export const restsOn = 'load';

export const options = z.strictObject({
  /** A request that was acknowledged after another attempt is none that was lost: only for clients that all try again. */
  retriesAllowed: z.boolean().default(false),
});

export function judge(
  view: RunView,
  { retriesAllowed }: z.infer<typeof options>,
  { during = '' }: Pick<Expectation, 'during'>,
): Judgement {
  const { fault, refused } = provenFault(view, during);
  if (refused) return refused;
  const { windowMs } = fault;
  if (windowMs === null || view.judged === null)
    return {
      verdict: 'inconclusive',
      reason: `no load was judged while ${during} was played.`,
      evidence: [history('load.started')],
    };
  const requests = disturbedRequests(view, windowMs);
  const { lost, retried, control } = requests;
  const failed = lost.count + (retriesAllowed ? 0 : retried.count);
  const common = {
    observed: { value: failed, unit: 'requests' },
    expected: { value: 0, unit: 'requests' },
    windowMs,
    evidence: [...loadEvidence(view), history('pod'), history('endpoints')],
  };
  if (control.failed.count > 0)
    return {
      verdict: 'invalid',
      reason: `${control.failed.count} of the ${control.requests} requests of the undisturbed rest of the run failed, too, so what was lost in ${during} cannot be told from what is lost anyway: ${causes(control.failed)}.`,
      ...common,
    };
  const blurred = blurredTimes(view.judged.runners);
  if (failed > 0 && blurred !== null)
    return {
      verdict: 'inconclusive',
      reason: `${failReason(requests, during, retriesAllowed).replace(/\.$/, '')}; ${blurred}, so whether that was in ${during} is not.`,
      ...common,
    };
  if (failed > 0) return { verdict: 'fail', reason: failReason(requests, during, retriesAllowed), ...common };
  const why = inDoubt(view, requests, during, windowMs);
  if (why !== null) return { verdict: 'inconclusive', reason: `${why}.`, ...common };
  return {
    verdict: 'pass',
    reason: `none of ${count(requests.atRisk)} was lost that were in flight or arrived while ${podsOf(requests)} went, from the moment each was asked to until the end of its grace (${ruleOfThree(requests.atRisk)})${aside(requests, retriesAllowed)}; of the ${control.requests} of the undisturbed rest none was.`,
    ...common,
  };
}

/** More arrivals than this that were never sent may have been those that mattered. */
const DROPPED_SHARE = 0.001;

/** Why nothing that is lost says little. */
function inDoubt(
  view: RunView,
  { ends, atRisk, control, cutShortAtMs }: DisturbedRequests,
  during: string,
  windowMs: [number, number],
): string | null {
  const [damaged] = doubtsAbout(view.account, 'log');
  const [missing = damaged] = missingLines(view);
  if (missing !== undefined) return `nothing is known to be lost, but ${missing}`;
  const blurred = blurredTimes(view.judged?.runners ?? []);
  if (blurred !== null) return `nothing is known to be lost, but ${blurred}, so who was at risk when is not`;
  const unwatched = unwatchedPods(view, windowMs);
  if (unwatched !== null) return unwatched;
  if (ends.length === 0) return `no pod ended while ${during} was played, so no request was at risk`;
  if (cutShortAtMs !== null)
    return `another disturbance began at ${seconds(cutShortAtMs)}, before all pods of ${during} had ended, and what it cost is not told apart`;
  if (atRisk === 0)
    return `0 requests were at risk: none was in flight while ${ends.length} pods went, so nothing is proven`;
  const { toMs = 0 } = view.judged ?? {};
  const unseen = ends.filter(
    ({ endedMs, goneMs }) => (endedMs?.[1] ?? goneMs ?? Number.POSITIVE_INFINITY) > toMs,
  );
  if (unseen.length > 0)
    return `the load was over at ${seconds(toMs)}, before ${unseen.map(({ pod }) => pod).join(', ')} had ended, so nobody asked anything of it when it stopped`;
  const { dropped, late, asked } = arrivalsWhile(view, ends);
  if (dropped > asked * DROPPED_SHARE)
    return `the generator dropped ${dropped} of ${asked} arrivals in the seconds in which pods went, and what would have become of them is not known`;
  if (late > asked * LATE_SHARE)
    return `the generator started ${late} of ${asked} arrivals of the seconds in which pods went more than ${LATE_MS} ms late, and what would have become of them in time is not known`;
  if (control.requests === 0)
    return 'no part of the load was undisturbed, so there is nothing to compare with';
  return null;
}

/** Arrivals of the seconds between the moment that a pod was asked to go and its end, and those of them that were never sent. */
function arrivalsWhile(
  { timeline }: RunView,
  ends: DisturbedRequests['ends'],
): { dropped: number; late: number; asked: number } {
  const bins = timeline?.bins.filter(({ fromMs, toMs }) =>
    ends.some(({ t0Ms, endedMs, goneMs }) => toMs > t0Ms[0] && fromMs < (endedMs?.[1] ?? goneMs ?? t0Ms[1])),
  );
  const total = sum(bins ?? []);
  return { dropped: total.dropped, late: total.late, asked: scheduled(total) };
}

function failReason(requests: DisturbedRequests, during: string, retriesAllowed: boolean): string {
  const { lost, retried, atRisk } = requests;
  const all: string[] = [];
  if (lost.count > 0) all.push(`${count(lost.count)} lost in ${during}: ${causes(lost)}`);
  if (retried.count > 0 && !retriesAllowed)
    all.push(
      `${count(retried.count)} acknowledged only at another attempt, which not every client makes: ${causes(retried)}`,
    );
  return `${all.join('; ')}. ${count(atRisk)} at risk while ${podsOf(requests)} went${aside(requests, retriesAllowed)}.`;
}

/** What is no failure of this promise and should be known. */
function aside({ late, retried }: DisturbedRequests, retriesAllowed: boolean): string {
  return [
    ...(retriesAllowed && retried.count > 0 ? [`; retried with success: ${causes(retried)}`] : []),
    ...(late.count > 0 ? [`; late: ${counts(late)}`] : []),
  ].join('');
}

/** `not-drained 9, unattributed 1; load/3:17 at 31.2 s: not-drained, ...`: the first of each cause. */
function causes(failures: Failures): string {
  const first = [...failures.byCause.values()].flatMap((group) => group.first[0] ?? []);
  const words = first.map(
    ({ id, atMs, cause, evidence }) => `${id} at ${seconds(atMs)}, ${cause}: ${evidence}`,
  );
  return `${counts(failures)} (${words.join('; ')})`;
}

function counts({ byCause }: Failures): string {
  return [...byCause]
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([cause, group]) => `${cause} ${group.count}`)
    .join(', ');
}

function podsOf({ ends }: DisturbedRequests): string {
  return `${ends.length} ${ends.length === 1 ? 'pod' : 'pods'}`;
}

function count(requests: number): string {
  return `${requests} ${requests === 1 ? 'request' : 'requests'}`;
}
