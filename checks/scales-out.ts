/**
 * After a step of the load enough pods are Ready in time. Without a limit of its own the check computes the latest legal moment: the step has to
 * be seen in full (cAdvisor, metrics-server, sync), and each further step waits until the pods of the one before are Ready and seen.
 */
import { z } from 'zod';
import { history, type Judgement, provenFault, seconds } from '../analysis/check.ts';
import { type FaultView, seenUntilMs } from '../analysis/faults.ts';
import { fullySeenMs } from '../analysis/hpa/bounds.ts';
import { type PodStages, podStages } from '../analysis/hpa/pod-stages.ts';
import { restPoints, steadyPath } from '../analysis/hpa/rest-points.ts';
import {
  metricsPeriodMs,
  readyOverTime,
  sizesOf,
  statusAt,
  traceOfWorkload,
  workloadOf,
} from '../analysis/hpa/scaling.ts';
import { controllerOf, type KnownController } from '../analysis/hpa/trace-events.ts';
import { readTraces } from '../analysis/hpa/trace-read.ts';
import { blindIn, type HpaTrace } from '../analysis/hpa/trace.ts';
import { eventsOf } from '../analysis/load-view.ts';
import type { RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';
import { WATCH_FILE } from '../record/watch-log.ts';

export const title = 'Enough pods are ready soon after the load has grown';
export const scope = 'window';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Ready pods, or as many as the HPA may have. */
  to: z.union([z.literal('max'), z.number().int().positive()]),
  /** From the full load on; computed where it is left out. */
  withinMs: z.number().positive().optional(),
});

const EVIDENCE = [WATCH_FILE, history('fault.proof'), history('hpa.controller')];
/** Where no pod's own time from its creation to Ready was seen. */
const READY_WITHIN_MS = 60_000;

export function judge(view: RunView, asked: unknown, { during }: Pick<Expectation, 'during'>): Judgement {
  const { to, withinMs } = options.parse(asked);
  const { fault, refused } = provenFault(view, during ?? '');
  if (refused) return refused;
  const inconclusive = (reason: string): Judgement => ({
    verdict: 'inconclusive',
    reason,
    evidence: EVIDENCE,
  });
  const { traces, unreadable } = readTraces(view);
  const trace = traceOfWorkload(traces, view.plan.workload.name);
  if (!trace)
    return inconclusive(
      `no HPA of ${view.plan.workload.name} is on record${unreadable.length > 0 ? ` (${unreadable.join('; ')})` : ''}.`,
    );
  const [fromMs = 0, seenMs = 0] = fault.actingFromMs ?? [];
  const start = statusAt(trace, fromMs) ?? trace.writes[0];
  if (!start) return inconclusive(`${trace.name}: no sync of its controller was seen.`);
  const wanted = to === 'max' ? start.spec.max : to;
  const step: Step = {
    fromMs,
    fullMs: fullLoadMs(view, fault, seenMs),
    endMs: fault.goneAtMs?.[0] ?? trace.toMs,
    wanted,
  };
  const controller = controllerOf(view.events);
  if (withinMs === undefined && !controller)
    return {
      verdict: 'invalid',
      reason:
        'the parameters of the HPA controller are not on record, so no bound can be computed; set withinMs.',
      evidence: EVIDENCE,
    };
  const names = new Set(trace.pods.map(({ name }) => name));
  const pods = [...podStages(view.watch(), names, fromMs).values()];
  const boundMs = withinMs ?? (controller ? computedMs(trace, start, wanted, pods, controller) : 0);
  const counts = readyOverTime(trace);
  if ((counts.findLast(({ atMs }) => atMs < fromMs)?.ready ?? 0) >= wanted)
    return inconclusive(
      `${wanted} pods were Ready before the load began to grow at ${seconds(fromMs)}, so there was nothing to scale.`,
    );
  // What comes after the next disturbance began is not this one's.
  const untilMs = seenUntilMs(fault, view.faults, trace);
  const reachedMs =
    counts.find(({ atMs, ready }) => atMs >= fromMs && atMs <= untilMs && ready >= wanted)?.atMs ?? null;
  const deadlineMs = step.fullMs + boundMs;
  const common = {
    observed: { value: reachedMs === null ? null : round(reachedMs - step.fullMs), unit: 's' },
    expected: { value: round(boundMs), unit: 's, at most' },
    windowMs: [fromMs, reachedMs ?? step.endMs] as [number, number],
    evidence: EVIDENCE,
  };
  if (reachedMs !== null && reachedMs <= deadlineMs)
    return { verdict: 'pass', reason: `${arrival(trace, step, pods, reachedMs, boundMs)}.`, ...common };
  const blind = blindIn(trace.blind, 'pods', fromMs, Math.min(deadlineMs, reachedMs ?? step.endMs));
  if (blind)
    return {
      ...inconclusive(
        `pods were not watched from ${seconds(blind.fromMs)} to ${seconds(blind.toMs)} (${blind.why}).`,
      ),
      ...common,
    };
  if (reachedMs === null) return { ...shortfall(trace, step, deadlineMs, untilMs, controller), ...common };
  const isAssumed = withinMs === undefined && controller?.sources.syncPeriodMs === 'assumed default';
  const maybe = isAssumed ? '; --horizontal-pod-autoscaler-sync-period is assumed and may be longer' : '';
  return {
    verdict: isAssumed ? 'inconclusive' : 'fail',
    reason: `${arrival(trace, step, pods, reachedMs, boundMs)}${maybe}.`,
    ...common,
  };
}

/** When enough pods were there, with the parts of the way. */
function arrival(
  trace: HpaTrace,
  step: Step,
  pods: readonly PodStages[],
  reachedMs: number,
  boundMs: number,
): string {
  const { fromMs, fullMs, wanted } = step;
  const afterMs = reachedMs - fullMs;
  const after = afterMs < 0 ? 'before it had grown in full' : `${seconds(afterMs)} after it had grown`;
  return `${wanted} pods were Ready ${seconds(reachedMs - fromMs)} after the load began to grow at ${seconds(fromMs)}, ${after} (allowed ${seconds(boundMs)}): ${stages(trace, step, pods, reachedMs)}`;
}

interface Step {
  fromMs: number;
  /** From here on the load was what it was to be. */
  fullMs: number;
  endMs: number;
  wanted: number;
}

/** A load that comes in steps, each a runner of its own named after the fault, is there in full with the last of them. */
function fullLoadMs(view: RunView, { name, intentAtMs, goneAtMs }: FaultView, seenMs: number): number {
  const starts = eventsOf(view.events, 'load.started').filter(
    // A fault may be called as the runners of another one are.
    ({ runner, at }) =>
      runner.startsWith(`${name}-`) &&
      at >= (intentAtMs ?? Number.NEGATIVE_INFINITY) &&
      at <= (goneAtMs?.[1] ?? Number.POSITIVE_INFINITY),
  );
  return Math.max(seenMs, ...starts.map(({ at }) => at));
}

/** The slowest legal way there: every step as late as the samples may be, each after its pods are Ready. */
function computedMs(
  trace: HpaTrace,
  start: HpaTrace['writes'][number],
  wanted: number,
  pods: readonly PodStages[],
  { parameters }: KnownController,
): number {
  const periodMs = metricsPeriodMs(trace);
  const known = workloadOf(trace, start, parameters);
  const endless = known ? steadyPath(start.current, Number.MAX_SAFE_INTEGER, known.workload) : [];
  // One partial step more than the rate asks for: samples may hold only some of the load.
  const further = Math.max(1, endless.filter((size) => size > start.current && size < wanted).length) + 1;
  const readyMs = Math.max(
    ...pods.map((pod) => (pod.readyMs ?? pod.createdMs + READY_WITHIN_MS) - pod.createdMs),
    0,
  );
  return (
    fullySeenMs(periodMs, parameters, 'idle') +
    further * (readyMs + fullySeenMs(periodMs, parameters, 'busy'))
  );
}

function stages(
  trace: HpaTrace,
  { fromMs, wanted }: Step,
  pods: readonly PodStages[],
  reachedMs: number,
): string {
  const steps = sizesOf(trace).filter(({ receivedMs }) => receivedMs > fromMs && receivedMs <= reachedMs);
  const [first] = steps;
  const words: string[] = [];
  const seenMs = first ? firstSampleMs(trace, fromMs, first.receivedMs) : null;
  if (first && seenMs !== null)
    words.push(`metric lag ${seconds(seenMs - fromMs)}`, `sync ${seconds(first.receivedMs - seenMs)}`);
  else if (first) words.push(`metric lag and sync ${seconds(first.receivedMs - fromMs)}`);
  const last = steps.at(-1);
  if (first && last && last !== first)
    words.push(
      `${steps.length - 1} further step${steps.length === 2 ? '' : 's'} (${steps.map(({ specReplicas }) => specReplicas).join(' > ')}) ${seconds(last.receivedMs - first.receivedMs)}`,
    );
  const ready = pods.filter(({ readyMs }) => readyMs !== null && readyMs <= reachedMs);
  const slowest = ready
    .toSorted((a, b) => (a.readyMs ?? 0) - (b.readyMs ?? 0) || b.createdMs - a.createdMs)
    .at(-1);
  if (slowest) {
    const { name, createdMs, scheduledMs, startedMs, readyMs } = slowest;
    const part = (from: number | null, to: number | null) =>
      from === null || to === null ? 'not seen' : seconds(to - from);
    words.push(
      `the last pod ${name}: schedule ${part(createdMs, scheduledMs)}`,
      `start ${part(scheduledMs, startedMs)}`,
      `ready ${part(startedMs, readyMs)}`,
    );
  }
  return words.length === 0 ? `${wanted} had been there before` : words.join(', ');
}

/** When the first sample whose window ended after the step was there, if that was before the controller acted. */
function firstSampleMs({ samples }: HpaTrace, fromMs: number, actedMs: number): number | null {
  return (
    samples.find(
      ({ receivedMs, metrics }) =>
        metrics &&
        Object.values(metrics).some(({ atMs }) => atMs > fromMs) &&
        receivedMs > fromMs &&
        receivedMs <= actedMs,
    )?.receivedMs ?? null
  );
}

/** Why there were too few: not enough time, a load with another legal end, or a finding. */
function shortfall(
  trace: HpaTrace,
  { fromMs, fullMs, endMs, wanted }: Step,
  deadlineMs: number,
  untilMs: number,
  controller: KnownController | null,
): Pick<Judgement, 'verdict' | 'reason'> {
  const most = Math.max(...readyOverTime(trace).map(({ atMs, ready }) => (atMs <= endMs ? ready : 0)), 0);
  const what = `never more than ${most} of ${wanted} pods were Ready`;
  const counted = trace.scales.find(
    ({ receivedMs, readyReplicas }) => receivedMs > fromMs && receivedMs <= endMs && readyReplicas >= wanted,
  );
  if (counted)
    return {
      verdict: 'inconclusive',
      reason: `${what} by the pods' own lines, but ${trace.target.kind}/${trace.target.name} counted ${counted.readyReplicas} at ${seconds(counted.receivedMs)}: lines of pods are missing.`,
    };
  const status = statusAt(trace, endMs);
  const size = sizesOf(trace).findLast(({ receivedMs }) => receivedMs <= endMs)?.specReplicas ?? 0;
  if (size >= wanted && untilMs < deadlineMs)
    return {
      verdict: 'inconclusive',
      reason: `${what} when the record ended, or something else began, at ${seconds(untilMs)}; the HPA had set ${size}, and they had until ${seconds(deadlineMs)}.`,
    };
  if (size >= wanted)
    return {
      verdict: 'fail',
      reason: `${what}, although the HPA had set ${size}: the pods did not become Ready in time.`,
    };
  const known = controller && status && workloadOf(trace, status, controller.parameters);
  const used = known && status.metrics[status.spec.metrics.indexOf(known.metric)]?.usageMilli;
  if (known && used !== null && used !== undefined) {
    const ends = restPoints(used * status.current, known.workload);
    if (ends.includes(size) && status.current === size)
      return {
        verdict: 'inconclusive',
        reason: `${what}: with ${used}m of CPU in each of ${size} pods at the end the load's legal ends are ${ends.join(' or ')}, so the HPA rests where it may; a larger load would tell.`,
      };
  }
  if (endMs < deadlineMs)
    return {
      verdict: 'inconclusive',
      reason: `${what}, but the load was held for ${seconds(endMs - fullMs)} only, and an HPA without fault may take ${seconds(deadlineMs - fullMs)}.`,
    };
  return {
    verdict: 'fail',
    reason: `${what} within ${seconds(deadlineMs - fullMs)} of the full load, and the HPA had set ${size}.`,
  };
}

function round(ms: number): number {
  return Math.round(ms / 100) / 10;
}
