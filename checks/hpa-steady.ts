/**
 * Nothing but one HPA decides about the replicas, it does not go up and down without cause, and what it decides can be done: foreign writers,
 * a second HPA, flapping, refused writes, pods without a node, a controller that is gone or was restarted.
 */
import { z } from 'zod';
import { history, type Judgement, seconds } from '../analysis/check.ts';
import { windowsOf } from '../analysis/hpa/judge-memory.ts';
import { podStages } from '../analysis/hpa/pod-stages.ts';
import { sizesOf } from '../analysis/hpa/scaling.ts';
import { controllerOf } from '../analysis/hpa/trace-events.ts';
import { readTraces } from '../analysis/hpa/trace-read.ts';
import { blindIn, CONTROLLER, type HpaTrace, type StatusWrite } from '../analysis/hpa/trace.ts';
import { CONTROLLER_DEFAULTS } from '../analysis/hpa/types.ts';
import type { RunView } from '../analysis/view.ts';
import { WATCH_FILE } from '../record/watch-log.ts';

export const title = 'One HPA alone decides about the replicas, steadily';
export const scope = 'run';
export const restsOn = 'ledger';

export const options = z.strictObject({});

/** A pod that waits for a node for longer than this waits for room, not for the scheduler, ms. */
const UNSCHEDULED_MS = 10_000;
/** Syncs without a sign while the samples move, after which the controller counts as gone. */
const SILENT_SYNCS = 3;
const SILENT_SAMPLES = 3;
/** The API server's words for a write from an older version of an object. */
const CONFLICT = /the object has been modified/;

const EVIDENCE = [WATCH_FILE, history('hpa.controller')];

export function judge(view: RunView): Judgement {
  const { traces, unreadable } = readTraces(view);
  if (traces.length === 0)
    return {
      verdict: 'inconclusive',
      reason:
        unreadable.length === 0
          ? 'no HorizontalPodAutoscaler is in the watch log.'
          : `${unreadable.join('; ')}.`,
      evidence: EVIDENCE,
    };
  const wrong = [...twoOfOne(traces), ...traces.flatMap((trace) => unsteady(view, trace))];
  if (wrong.length > 0) return { verdict: 'fail', reason: `${wrong.join('; ')}.`, evidence: EVIDENCE };
  const unknown = traces.flatMap(unsure);
  if (unknown.length > 0)
    return { verdict: 'inconclusive', reason: `${unknown.join('; ')}.`, evidence: EVIDENCE };
  const isHidden = traces.some(({ restartsVisible }) => !restartsVisible);
  const steps = traces.map(
    (trace) =>
      `${trace.name} set ${sizesOf(trace)
        .map(({ specReplicas }) => specReplicas)
        .join(' > ')}`,
  );
  return {
    verdict: 'pass',
    reason: `nobody else changed the replicas, every pod found a node, and no step was taken back within a window: ${steps.join('; ')}${isHidden ? ' (restarts of the controller could not be seen: its lease was not watched)' : ''}.`,
    evidence: EVIDENCE,
  };
}

function twoOfOne(traces: readonly HpaTrace[]): string[] {
  const isAmbiguous = traces.some(({ writes }) =>
    writes.some(({ conditions }) => conditions.ScalingActive?.reason === 'AmbiguousSelector'),
  );
  const pairs = traces.flatMap((one, index) =>
    traces
      .slice(index + 1)
      .filter(
        ({ target, name, fromMs, toMs }) =>
          name !== one.name &&
          target.kind === one.target.kind &&
          target.name === one.target.name &&
          fromMs < one.toMs &&
          toMs > one.fromMs,
      )
      .map(({ name }) => `${one.name} and ${name} both scale ${one.target.kind}/${one.target.name}`),
  );
  return pairs.length > 0 || !isAmbiguous ? pairs : ['two HPAs select the same pods (AmbiguousSelector)'];
}

function unsteady(view: RunView, trace: HpaTrace): string[] {
  return [
    ...foreign(view, trace),
    ...flapping(view, trace),
    ...refused(view, trace),
    ...withoutNode(view, trace),
    ...silent(view, trace),
  ];
}

/** Sizes that somebody else set once the HPA was at work; the run's own disturbances of that kind are not held against anybody. */
function foreign(view: RunView, trace: HpaTrace): string[] {
  const firstMs = trace.writes[0]?.receivedMs ?? Number.POSITIVE_INFINITY;
  const sizes = sizesOf(trace);
  return sizes.flatMap(({ receivedMs, specReplicas, owner }, index) => {
    const before = sizes[index - 1];
    if (!before || receivedMs < firstMs || owner === null || owner === CONTROLLER || receivedMs > trace.toMs)
      return [];
    if (isOwnDoing(view, receivedMs)) return [];
    return [
      `${owner} set the replicas from ${before.specReplicas} to ${specReplicas} at ${seconds(receivedMs)}, against ${trace.name}`,
    ];
  });
}

function isOwnDoing({ faults }: RunView, atMs: number): boolean {
  return faults.some(
    ({ planned, intentAtMs, windowMs }) =>
      typeof planned.fault === 'object' &&
      'scaleTo' in planned.fault &&
      intentAtMs !== null &&
      atMs >= intentAtMs &&
      atMs <= (windowMs?.[1] ?? Number.POSITIVE_INFINITY),
  );
}

/** Two turns of direction within one window of scaling down, in a stretch in which nobody changed the load. */
function flapping(view: RunView, trace: HpaTrace): string[] {
  const parameters = controllerOf(view.events)?.parameters ?? CONTROLLER_DEFAULTS;
  const sizes = sizesOf(trace).filter(({ receivedMs }) => receivedMs <= trace.toMs);
  const moves = sizes.flatMap(({ receivedMs, specReplicas, owner }, index) => {
    const before = sizes[index - 1];
    return before && owner === CONTROLLER
      ? [{ atMs: receivedMs, to: specReplicas, isUp: specReplicas > before.specReplicas }]
      : [];
  });
  const turns = moves.filter(({ isUp }, index) => index > 0 && moves[index - 1]?.isUp !== isUp);
  for (const [index, turn] of turns.entries()) {
    const next = turns[index + 1];
    const write = trace.writes.findLast(({ receivedMs }) => receivedMs <= turn.atMs);
    if (!next || !write) continue;
    const windowMs = Math.max(windowsOf(write.spec, parameters).downMs, 60_000);
    if (next.atMs - turn.atMs > windowMs || loadChanged(view, turn.atMs - windowMs, next.atMs)) continue;
    return [
      `${trace.name} turned at ${seconds(turn.atMs)} (to ${turn.to}) and again at ${seconds(next.atMs)} (to ${next.to}) under a steady load`,
    ];
  }
  return [];
}

function loadChanged({ faults, loads }: RunView, fromMs: number, toMs: number): boolean {
  const edges = [
    ...faults.flatMap(({ intentAtMs, goneAtMs }) => [intentAtMs, goneAtMs?.[1] ?? null]),
    ...loads.flatMap((load) => [load.fromMs, load.toMs]),
  ];
  return edges.some((atMs) => atMs !== null && atMs >= fromMs && atMs <= toMs);
}

/**
 * A conflict with another writer of the target (a rollout, a status) is none: the next sync writes again. Only where that is refused, too, or
 * does not show within two syncs, it stands for something.
 */
function refused(view: RunView, { name, writes, toMs }: HpaTrace): string[] {
  const periodMs = syncPeriodMs(view);
  const isRefused = (write: StatusWrite) => write.conditions.AbleToScale?.reason === 'FailedUpdateScale';
  const isOver = (write: StatusWrite, next: StatusWrite | undefined) =>
    next === undefined ? toMs - write.receivedMs <= 2 * periodMs : !isRefused(next);
  const write = writes.find(
    (one, index) =>
      isRefused(one) &&
      !(CONFLICT.test(one.conditions.AbleToScale?.message ?? '') && isOver(one, writes[index + 1])),
  );
  if (!write) return [];
  const { message = '' } = write.conditions.AbleToScale ?? {};
  return [
    `a new size that ${name} had decided on could not be written at ${seconds(write.receivedMs)} (FailedUpdateScale: ${message})`,
  ];
}

function withoutNode(view: RunView, trace: HpaTrace): string[] {
  const names = new Set(trace.pods.map(({ name }) => name));
  const stuck = [...podStages(view.watch(), names, Number.NEGATIVE_INFINITY).values()].flatMap(
    ({ name, unschedulable }) => {
      if (!unschedulable) return [];
      const { fromMs, why } = unschedulable;
      const toMs = unschedulable.toMs ?? trace.toMs;
      // While the run itself keeps a node closed there is less room than the cluster has.
      const lastedMs = toMs - fromMs - closedMs(view, fromMs, toMs);
      return lastedMs > UNSCHEDULED_MS ? [{ name, fromMs, lastedMs, why }] : [];
    },
  );
  const [first] = stuck;
  if (!first) return [];
  return [
    `${stuck.length} pods that ${trace.name} asked for found no node, ${first.name} for ${seconds(first.lastedMs)} from ${seconds(first.fromMs)} on (Unschedulable: ${first.why}): the HPA is right and the cluster too small`,
  ];
}

/** How much of a stretch the run's own drains took; they come one after the other. Of one whose end was not seen it is its window. */
function closedMs({ faults }: RunView, fromMs: number, toMs: number): number {
  return faults.reduce((total, { kind, intentAtMs, goneAtMs, windowMs }) => {
    if (kind !== 'drain' || intentAtMs === null) return total;
    const endMs = goneAtMs?.[1] ?? windowMs?.[1] ?? intentAtMs;
    return total + Math.max(0, Math.min(endMs, toMs) - Math.max(intentAtMs, fromMs));
  }, 0);
}

function syncPeriodMs({ events }: RunView): number {
  return controllerOf(events)?.parameters.syncPeriodMs ?? CONTROLLER_DEFAULTS.syncPeriodMs;
}

/** No write of the status for three syncs, though the samples it would show have moved (an unchanged status is not written). */
function silent(view: RunView, trace: HpaTrace): string[] {
  const periodMs = syncPeriodMs(view);
  const ends = [...trace.writes.map(({ receivedMs }) => receivedMs), trace.toMs];
  for (const [index, untilMs] of ends.entries()) {
    const fromMs = ends[index - 1];
    if (fromMs === undefined || untilMs - fromMs <= SILENT_SYNCS * periodMs + 10_000) continue;
    if (
      blindIn(trace.blind, 'hpa', fromMs, untilMs) ||
      trace.writes[index - 1]?.conditions.ScalingActive?.status !== true
    )
      continue;
    const moved = movedSamples(trace, fromMs, untilMs - periodMs);
    if (moved < SILENT_SAMPLES) continue;
    return [
      `the controller of ${trace.name} wrote nothing from ${seconds(fromMs)} to ${seconds(untilMs)}, ${Math.floor((untilMs - fromMs) / periodMs)} syncs long, though PodMetrics changed ${moved} times`,
    ];
  }
  return [];
}

/** How often the sum of the pods' CPU was another one. */
function movedSamples({ samples }: HpaTrace, fromMs: number, toMs: number): number {
  const used = new Map<string, number>();
  const sums = new Map<number, number>();
  for (const { receivedMs, pod, metrics } of samples) {
    if (receivedMs > toMs) break;
    if (metrics?.['cpu']) used.set(pod, metrics['cpu'].valueMilli);
    else used.delete(pod);
    let sum = 0;
    for (const value of used.values()) sum += value;
    if (receivedMs > fromMs)
      sums.set(Math.round(receivedMs / 1_000), Math.trunc(sum / Math.max(1, used.size)));
  }
  const each = [...sums.values()];
  return each.filter((sum, index) => index > 0 && each[index - 1] !== sum).length;
}

function unsure(trace: HpaTrace): string[] {
  const { name, restartsMs, blind, writes } = trace;
  if (writes.length === 0) return [`${name}: no sync of its controller was seen`];
  const restarts = restartsMs.map(
    (atMs) =>
      `the HPA's controller was restarted at ${seconds(atMs)}, and what ${name} had remembered was lost`,
  );
  const gaps = blind
    .filter(({ what }) => what === 'hpa' || what === 'target' || what === 'pods')
    .map(
      ({ what, fromMs, toMs, why }) =>
        `${WORDS[what] ?? what} not watched from ${seconds(fromMs)} to ${seconds(toMs)} (${why})`,
    );
  return [...restarts, ...gaps];
}

const WORDS: Record<string, string> = { hpa: 'the HPA was', target: 'its target was', pods: 'pods were' };
