/**
 * Evictions keep to the PodDisruptionBudget, and a node that is drained is empty in the end. A budget limits evictions alone, so pods that a
 * rollout, a scale-down, a delete or a kill took are held against nobody here.
 */
import { z } from 'zod';
import { history, type Judgement, seconds } from '../analysis/check.ts';
import type { FaultView } from '../analysis/faults.ts';
import { type Emptying, type Eviction, type Evictions, evictions } from '../analysis/rollout/evictions.ts';
import { blindStretches, blindWords } from '../analysis/rollout/watched.ts';
import type { RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';
import { WATCH_FILE } from '../record/watch-log.ts';

export const title = 'Evictions keep to the disruption budget, and a drained node is empty in the end';
export const scope = 'either';
export const restsOn = 'load';

export const options = z.strictObject({});

const KINDS = ['Pod', 'PodDisruptionBudget', 'Node'] as const;
/** A budget's status follows its pods within moments; what was evicted meanwhile was granted on old figures. */
const STALE_MS = 2_000;
/** A cordon may be told some moments before the fault's own intent. */
const EARLY_MS = 1_000;
/** Shorter than this, a drain that was cut off was not stuck. */
const STUCK_MS = 30_000;

const evidence = [WATCH_FILE, history('fault.intent')];

export function judge(view: RunView, _: unknown, { during }: Pick<Expectation, 'during'>): Judgement {
  const fault = during === undefined ? null : view.faults.find(({ name }) => name === during);
  if (fault === undefined) throw new Error(`the plan has no fault "${during}"`);
  if (fault && fault.intentAtMs === null)
    return { verdict: 'invalid', reason: `${fault.name} was never begun.`, evidence };
  if (view.plan.platform === 'local')
    return {
      verdict: 'not_run',
      reason: 'the local platform has neither nodes nor an eviction API.',
      evidence,
    };
  const seen = evictions(view);
  const windowMs = windowOf(view, fault);
  const guarded = seen.guarded.filter(({ atMs }) => atMs >= windowMs[0] && atMs <= windowMs[1]);
  const drains = (fault ? [fault] : view.faults)
    .filter(({ kind, intentAtMs }) => kind === 'drain' && intentAtMs !== null)
    .map((drain) => ({ drain, emptied: emptyingOf(seen, drain) }));
  const fewest = guarded.length === 0 ? null : Math.min(...guarded.map(({ healthy }) => healthy));
  const common = {
    observed: { value: fewest, unit: 'healthy pods after an eviction, at least' },
    expected: { value: guarded[0]?.desired ?? null, unit: 'healthy pods, at least' },
    ...(fault && { windowMs }),
    evidence,
  };
  const blind = blindStretches(view, KINDS, windowMs);
  const broken = guarded.filter(({ healthy, desired }) => healthy < desired);
  const accused = broken.filter((eviction) => !isStale(eviction) && !touches(blind, eviction.atMs));
  const unfinished = drains.flatMap(({ emptied }) => (emptied && emptied.left.length > 0 ? [emptied] : []));
  const stuck = unfinished.filter(
    (emptied) => blind.length === 0 && !cutOff(view, emptied) && lengthMs(view, emptied) >= STUCK_MS,
  );
  const faults = [
    ...accused.map(
      ({ atMs, pod, budget, healthy, desired }) =>
        `at ${seconds(atMs)} ${pod} was evicted and left ${healthy} healthy pods, ${budget} wants ${desired}`,
    ),
    ...stuck.map((emptied) => stuckWords(view, emptied)),
  ];
  if (faults.length > 0) return { verdict: 'fail', reason: `${faults.join('; ')}.`, ...common };

  const blindWhat = blindWords(blind);
  const unknown = [
    ...(blindWhat === null ? [] : [blindWhat]),
    ...broken
      .filter(isStale)
      .map(
        ({ atMs, pod, healthy, desired, otherLoss }) =>
          `at ${seconds(atMs)} ${pod} was evicted and left ${healthy} healthy pods of ${desired}, but ${otherLoss?.pod} had been lost to something else at ${seconds(otherLoss?.atMs ?? 0)}, too late for the budget to know`,
      ),
    ...drains.flatMap(({ drain, emptied }) =>
      emptied ? [] : [`no cordon of the node that ${drain.name} drained (${drain.targets[0]}) is on record`],
    ),
    ...unfinished.map(
      (emptied) =>
        `${emptied.node} still had ${emptied.left.map(({ pod }) => pod).join(', ')} when its drain was cut off after ${seconds(lengthMs(view, emptied))}`,
    ),
    ...(guarded.length > 0 ? [] : [nothing(seen, during)]),
  ];
  if (unknown.length > 0) return { verdict: 'inconclusive', reason: `${unknown.join('; ')}.`, ...common };
  return {
    verdict: 'pass',
    reason: `${passWords(guarded)}${drains.map(({ emptied }) => (emptied ? drainedWords(view, emptied) : '')).join('')}.`,
    ...common,
  };
}

function windowOf(view: RunView, fault: FaultView | null): [number, number] {
  const endMs = view.events.at(-1)?.at ?? 0;
  return fault ? (fault.windowMs ?? [fault.intentAtMs ?? 0, endMs]) : [0, endMs];
}

function isStale({ atMs, otherLoss }: Eviction): boolean {
  return otherLoss !== null && atMs - otherLoss.atMs <= STALE_MS;
}

function touches(blind: readonly { fromMs: number; toMs: number }[], atMs: number): boolean {
  return blind.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs + STALE_MS);
}

/** The cordon that belongs to a drain: of its node, from its intent on. */
function emptyingOf({ emptied }: Evictions, { targets, intentAtMs }: FaultView): Emptying | null {
  return (
    emptied.find(({ node, fromMs }) => node === targets[0] && fromMs >= (intentAtMs ?? 0) - EARLY_MS) ?? null
  );
}

/** The run was stopped before the cordon ended: nobody waited any longer, and the node was given back at once. */
function cutOff({ stopped, stoppedAtMs }: RunView, { toMs }: Emptying): boolean {
  return stopped !== null && (toMs === null || stoppedAtMs === null || toMs >= stoppedAtMs);
}

function lengthMs(view: RunView, { fromMs, toMs }: Emptying): number {
  return (toMs ?? view.events.at(-1)?.at ?? fromMs) - fromMs;
}

/** What keeps a drain from ending, by the budget's own figures. */
function stuckWords(view: RunView, emptied: Emptying): string {
  const { node, left, pending } = emptied;
  const waiting = left.filter(({ terminating }) => !terminating);
  const pods = left.map(({ pod }) => pod).join(', ');
  const [budget] = waiting.flatMap((one) => one.budget ?? []);
  const why =
    waiting.length === 0
      ? 'they were told to go and had not ended'
      : budget === undefined || budget.closedSinceMs === null
        ? 'no budget held them, so nobody evicted them'
        : `${budget.name} has allowed no eviction since ${seconds(budget.closedSinceMs)}: ${closedWords(budget, pending)}`;
  return `${node} was cordoned for ${seconds(lengthMs(view, emptied))} and still had ${pods}: ${why}`;
}

function closedWords(
  { desiredHealthy, expectedPods }: { desiredHealthy: number | null; expectedPods: number },
  pending: readonly string[],
): string {
  if (desiredHealthy !== null && desiredHealthy >= expectedPods)
    return `it wants ${desiredHealthy} of ${expectedPods} pods healthy, so it never can`;
  return pending.length > 0
    ? `no node takes the replacement ${pending.join(', ')}`
    : `fewer than ${(desiredHealthy ?? 0) + 1} of its pods were healthy`;
}

function nothing({ count, budgets, guarded }: Evictions, during: string | undefined): string {
  const where = during === undefined ? '' : ` in the window of ${during}`;
  if (budgets.length === 0) return 'no PodDisruptionBudget is on record, so there was none to keep to';
  return guarded.length === 0 && count > 0
    ? `${count} pods were evicted, and none that was healthy and under a budget`
    : `no healthy pod was evicted${where}, so no budget was asked for anything`;
}

function passWords(guarded: readonly Eviction[]): string {
  const room = Math.min(...guarded.map(({ healthy, desired }) => healthy - desired));
  const tightest = guarded.find(({ healthy, desired }) => healthy - desired === room);
  return `${guarded.length} healthy pods were evicted, and each left as many healthy ones as the budget wants; the closest was ${tightest?.pod} at ${seconds(tightest?.atMs ?? 0)} with ${tightest?.healthy} of ${tightest?.desired}`;
}

function drainedWords(view: RunView, emptied: Emptying): string {
  return `; ${emptied.node} was empty when its cordon ended after ${seconds(lengthMs(view, emptied))}`;
}
