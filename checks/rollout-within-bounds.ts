/**
 * A rolling update keeps to its own bounds: never more pods than replicas + maxSurge, never fewer available than replicas - maxUnavailable,
 * and it ends. Judged from every change of the Deployment, its ReplicaSets and their pods, as the API told them.
 */
import { z } from 'zod';
import { history, type Judgement, seconds } from '../analysis/check.ts';
import { type RollingUpdate, rollingUpdates } from '../analysis/rollout/rolling-updates.ts';
import { blindStretches, blindWords } from '../analysis/rollout/watched.ts';
import type { RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';
import { WATCH_FILE } from '../record/watch-log.ts';

export const title = 'A rolling update keeps to maxSurge and maxUnavailable, and ends';
export const scope = 'either';
export const restsOn = 'load';

export const options = z.strictObject({});

const KINDS = ['Pod', 'Deployment', 'ReplicaSet'] as const;
const evidence = [WATCH_FILE, history('fault.intent')];

export function judge(view: RunView, _: unknown, { during }: Pick<Expectation, 'during'>): Judgement {
  const { name } = view.plan.workload;
  const windowMs = windowOf(view, during);
  if (windowMs === 'never begun')
    return { verdict: 'invalid', reason: `${during} was never begun.`, evidence };
  if (view.plan.platform === 'local')
    return {
      verdict: 'not_run',
      reason: 'the local platform has no API whose objects could be watched.',
      evidence,
    };
  const all = rollingUpdates(view, name);
  const updates = all.filter(({ fromMs }) => windowMs === null || inside(fromMs, windowMs));
  const [first] = updates;
  if (!first)
    return {
      verdict: 'inconclusive',
      reason: `no rolling update of ${name} is on record${during === undefined ? '' : ` in the window of ${during}`}.`,
      evidence,
    };
  const fewest = Math.min(...updates.map(({ fewestAvailable }) => fewestAvailable));
  const common = {
    observed: { value: fewest, unit: 'pods available, at least' },
    expected: { value: first.floor, unit: 'pods available, at least' },
    ...(windowMs && { windowMs }),
    evidence,
  };
  const faults = updates.flatMap((update) => faultsOf(view, update, during));
  if (faults.length > 0)
    return {
      verdict: 'fail',
      reason: `${faults.slice(0, SHOWN).join('; ')}${faults.length > SHOWN ? `; and ${faults.length - SHOWN} more` : ''}.`,
      ...common,
    };
  const unknown = updates.flatMap((update) => unknownOf(view, update, update === all.at(-1)));
  if (unknown.length > 0) return { verdict: 'inconclusive', reason: `${unknown.join('; ')}.`, ...common };
  return {
    verdict: 'pass',
    reason: `${updates.map((update) => wordsOf(view, update)).join('; ')}.`,
    ...common,
  };
}

/** Findings that a reason names. */
const SHOWN = 5;

/** What a rolling update is to blame for. Pods that were evicted, killed, or made unready by another fault are not its doing. */
function faultsOf(view: RunView, update: RollingUpdate, during: string | undefined): string[] {
  const { fromMs, stalledMs, dips, excesses } = update;
  const blind = blindOf(view, update);
  const seen = (from: number, to: number) =>
    !blind.some((stretch) => stretch.toMs >= from && stretch.fromMs <= to);
  const others = view.faults.filter(
    ({ name, planned }) => name !== during && planned.fault !== 'rollout-restart',
  );
  const elsewhere = (atMs: number) =>
    others.some(({ windowMs }) => windowMs !== null && inside(atMs, windowMs));
  return [
    ...dips
      .filter(({ how, atMs }) => how === 'told to go' || (how === 'no longer ready' && !elsewhere(atMs)))
      .filter(({ atMs }) => seen(fromMs, atMs))
      .map(
        ({ atMs, pod, how, available, floor }) =>
          `at ${seconds(atMs)} ${pod} was ${how} and left ${available} pods available, ${floor} must stay`,
      ),
    ...excesses
      .filter((excess) => seen(excess.fromMs, excess.toMs))
      .map(
        (excess) =>
          `from ${seconds(excess.fromMs)} to ${seconds(excess.toMs)} there were ${excess.pods} pods that nobody had told to go, at most ${excess.ceiling} may be`,
      ),
    ...(stalledMs !== null && seen(fromMs, stalledMs)
      ? [
          `the rolling update of ${seconds(fromMs)} was given up at ${seconds(stalledMs)} (ProgressDeadlineExceeded)`,
        ]
      : []),
  ];
}

function unknownOf(view: RunView, update: RollingUpdate, isLast: boolean): string[] {
  const { fromMs, doneMs, completeMs, oldPods, recreate, beganShort, dips } = update;
  if (recreate) return [`the strategy of the update of ${seconds(fromMs)} is Recreate, which has no bounds`];
  const blind = blindWords(blindOf(view, update));
  const notDone =
    completeMs === null
      ? 'its Deployment never said that it was complete'
      : `${oldPods.length} old pods are still there (${oldPods.join(', ')})`;
  return [
    ...(blind === null ? [] : [`${blind}, while a rolling update went on`]),
    // Pods that nobody saw, or that were not there, cannot be seen going.
    ...(beganShort === null
      ? []
      : [
          `when the update of ${seconds(fromMs)} began, ${beganShort.available} pods were seen to be available, and ${beganShort.floor} must stay`,
        ]),
    ...(view.plan.workload.graceMs === 0 && dips.some(({ how }) => how === 'killed')
      ? [`pods have no grace period, so one that the rollout deleted looks like one that was killed`]
      : []),
    // One that another overtook ends there.
    ...(doneMs === null && isLast
      ? [`the rolling update of ${seconds(fromMs)} was not over when the record ends: ${notDone}`]
      : []),
  ];
}

function wordsOf(view: RunView, update: RollingUpdate): string {
  const { fromMs, doneMs, fewestAvailable, mostPods, replicas, floor, ceiling } = update;
  const excused = update.dips.length;
  const end =
    doneMs === null
      ? 'was overtaken by the next'
      : `took ${seconds(doneMs - fromMs)} to the end of its last old pod`;
  return `the rolling update of ${view.plan.workload.name} at ${seconds(fromMs)} (${replicas} replicas) ${end}, with at least ${fewestAvailable} pods available (${floor} must stay) and at most ${mostPods} that were not on their way out (${ceiling} may be)${excused === 0 ? '' : `; ${excused} times fewer, by evictions, kills and other faults`}`;
}

function blindOf(view: RunView, { fromMs, doneMs }: RollingUpdate) {
  return blindStretches(view, KINDS, [fromMs, doneMs ?? Number.POSITIVE_INFINITY]);
}

function windowOf(view: RunView, during: string | undefined): [number, number] | null | 'never begun' {
  if (during === undefined) return null;
  const fault = view.faults.find(({ name }) => name === during);
  if (fault === undefined) throw new Error(`the plan has no fault "${during}"`);
  const { intentAtMs, windowMs } = fault;
  return intentAtMs === null
    ? 'never begun'
    : (windowMs ?? [intentAtMs, view.events.at(-1)?.at ?? intentAtMs]);
}

function inside(atMs: number, [fromMs, toMs]: readonly [number, number]): boolean {
  return atMs >= fromMs && atMs <= toMs;
}
