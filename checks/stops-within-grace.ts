/**
 * A pod that is asked to go ends by itself within its grace period. A SIGKILL at its end means that work was cut off, whatever the
 * exit code of the next pod says (kubelet: SIGKILL at t0 + grace).
 */
import { z } from 'zod';
import { history, type Judgement, provenFault, seconds, unwatchedPods } from '../analysis/check.ts';
import { eventsOf } from '../analysis/load-view.ts';
import type { RunView } from '../analysis/view.ts';
import type { EventOf, Expectation } from '../record/model.ts';

export const title = 'A pod that is told to stop does so within its grace period';
export const scope = 'either';
export const restsOn = 'load';

export const options = z.strictObject({});

type PodEvent = EventOf<'pod'>;

/** Deletions that ask nothing of the pod: a kill without grace, and the end of the run itself. */
const NO_QUESTION = /^(pod-kill|remove)\b/;
/** Kubernetes counts grace periods in whole seconds. */
const ROUNDING_MS = 1_000;

export function judge(view: RunView, _: unknown, { during }: Pick<Expectation, 'during'>): Judgement {
  let windowMs: [number, number] | null = null;
  if (during !== undefined) {
    const { fault, refused } = provenFault(view, during);
    if (refused) return refused;
    windowMs = fault.windowMs;
  }
  const events = eventsOf(view.events, 'pod');
  const { graceMs } = view.plan.workload;
  const ends = events
    .filter((event) => inside(event.at, windowMs) && (isDeletion(event) || isRestart(event, events)))
    .map((asked) => endOf(asked, events, graceMs));
  const killed = ends.filter(({ how }) => how === 'killed');
  const unseen = ends.filter(({ how }) => how === 'unseen');
  const stopped = ends.filter(({ how }) => how === 'stopped');
  const longestMs = Math.max(0, ...[...killed, ...stopped].map(({ tookMs }) => tookMs));
  const common = {
    observed: { value: ends.length === 0 ? null : longestMs / 1_000, unit: 's' },
    expected: { value: graceMs / 1_000, unit: 's, at most' },
    ...(windowMs ? { windowMs } : {}),
    evidence: [history('pod'), 'plan.json'],
  };
  if (killed.length > 0) {
    const words = killed.map(({ pod, tookMs, atMs }) => `${pod} ${seconds(tookMs)} after ${seconds(atMs)}`);
    return {
      verdict: 'fail',
      reason: `${killed.length} of ${ends.length} pods that were told to stop were still there at the end of their ${seconds(graceMs)} of grace and were killed: ${words.join(', ')}.`,
      ...common,
    };
  }
  if (unseen.length > 0)
    return {
      verdict: 'inconclusive',
      reason: `the end of ${unseen.map(({ pod }) => pod).join(', ')} was not seen.`,
      ...common,
    };
  const unwatched = unwatchedPods(view, windowMs);
  if (unwatched !== null) return { verdict: 'inconclusive', reason: `${unwatched}.`, ...common };
  if (stopped.length === 0)
    return {
      verdict: 'inconclusive',
      reason: `no pod was told to stop${during === undefined ? '' : ` in the window of ${during}`} and left to do so, so none could be late.`,
      ...common,
    };
  return {
    verdict: 'pass',
    reason: `${stopped.length} pods were told to stop, and the slowest took ${seconds(longestMs)} of its ${seconds(graceMs)}.`,
    ...common,
  };
}

interface End {
  pod: string;
  atMs: number;
  tookMs: number;
  /** `cut` = something else ended it before its grace was over. */
  how: 'stopped' | 'killed' | 'cut' | 'unseen';
}

function endOf({ pod, uid, at }: PodEvent, events: readonly PodEvent[], graceMs: number): End {
  const later = lifeFrom(uid, at, events);
  const end = later.find(isEnd);
  const kill = later.find(({ state }) => state === 'sigkill');
  const asked = events.some((event) => event.uid === uid && event.state === 'sigterm');
  if (kill) {
    const tookMs = kill.at - at;
    const byGrace =
      kill.graceExpired ?? (/\bgrace\b/.test(kill.why ?? '') || (asked && tookMs >= graceMs - ROUNDING_MS));
    return { pod, atMs: at, tookMs, how: byGrace ? 'killed' : 'cut' };
  }
  return { pod, atMs: at, tookMs: (end?.at ?? at) - at, how: end ? 'stopped' : 'unseen' };
}

function isDeletion({ state, why }: PodEvent): boolean {
  return state === 'terminating' && !NO_QUESTION.test(why ?? '');
}

/** A container that its own probe has stopped, in a pod that stays. The time counts from the signal: when its hook began is not on record. */
function isRestart({ uid, at, state, why }: PodEvent, events: readonly PodEvent[]): boolean {
  if (state !== 'sigterm' || !/^(liveness|startup)\b/.test(why ?? '')) return false;
  const deletedMs = events.find((event) => event.uid === uid && event.state === 'terminating')?.at;
  const endMs = lifeFrom(uid, at, events).find(isEnd)?.at ?? Number.POSITIVE_INFINITY;
  return deletedMs === undefined || (deletedMs > at && deletedMs > endMs);
}

/** Events of a pod from a moment to the end of the container that ran then. */
function lifeFrom(uid: string, fromMs: number, events: readonly PodEvent[]): PodEvent[] {
  const later = events.filter((event) => event.uid === uid && event.at >= fromMs);
  const end = later.findIndex(isEnd);
  return end < 0 ? later : later.slice(0, end + 1);
}

function isEnd({ state }: PodEvent): boolean {
  return state === 'exited' || state === 'deleted';
}

function inside(atMs: number, windowMs: [number, number] | null): boolean {
  return windowMs === null || (atMs >= windowMs[0] && atMs < windowMs[1]);
}
