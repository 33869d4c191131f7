/**
 * After the load is gone the workload returns to its small size: not before stabilisation allows, and not after the latest legal moment (samples
 * that hold none of the load, the window, and each step's period and sync).
 */
import { z } from 'zod';
import { history, type Judgement, provenFault, seconds } from '../analysis/check.ts';
import { seenUntilMs } from '../analysis/faults.ts';
import { scaledBackMs } from '../analysis/hpa/bounds.ts';
import { wordsOf } from '../analysis/hpa/judge-words.ts';
import { judgeTrace } from '../analysis/hpa/judge.ts';
import { restPoints } from '../analysis/hpa/rest-points.ts';
import { metricsPeriodMs, sizesOf, statusAt, traceOfWorkload, workloadOf } from '../analysis/hpa/scaling.ts';
import { controllerOf, type KnownController } from '../analysis/hpa/trace-events.ts';
import { readTraces } from '../analysis/hpa/trace-read.ts';
import { blindIn, type HpaTrace } from '../analysis/hpa/trace.ts';
import type { RunView } from '../analysis/view.ts';
import type { Expectation } from '../record/model.ts';
import { WATCH_FILE } from '../record/watch-log.ts';

export const title = 'The workload returns to its small size when the load is gone';
export const scope = 'window';
export const restsOn = 'load';

export const options = z.strictObject({
  /** Replicas, or as few as the HPA may have. */
  to: z.union([z.literal('min'), z.number().int().nonnegative()]),
  /** From the end of the load on; computed where it is left out. */
  withinMs: z.number().positive().optional(),
});

const EVIDENCE = [WATCH_FILE, history('fault.proof'), history('hpa.controller')];

export function judge(view: RunView, asked: unknown, { during }: Pick<Expectation, 'during'>): Judgement {
  const { to, withinMs } = options.parse(asked);
  const { fault, refused } = provenFault(view, during ?? '');
  if (refused) return refused;
  const inconclusive = (reason: string): Judgement => ({
    verdict: 'inconclusive',
    reason,
    evidence: EVIDENCE,
  });
  if (!fault.goneAtMs) return inconclusive(`the end of ${fault.name} was not seen.`);
  const [endMs, goneMs] = fault.goneAtMs;
  const { traces, unreadable } = readTraces(view);
  const whole = traceOfWorkload(traces, view.plan.workload.name);
  const trace = whole && until(whole, seenUntilMs(fault, view.faults, whole));
  if (!trace)
    return inconclusive(
      `no HPA of ${view.plan.workload.name} is on record${unreadable.length > 0 ? ` (${unreadable.join('; ')})` : ''}.`,
    );
  const status = statusAt(trace, endMs);
  const controller = controllerOf(view.events);
  if (!status)
    return inconclusive(`${trace.name}: no sync of its controller was seen before ${seconds(endMs)}.`);
  if (!controller)
    return {
      verdict: 'invalid',
      reason: 'the parameters of the HPA controller are not on record.',
      evidence: EVIDENCE,
    };
  const wanted = to === 'min' ? status.spec.min : to;
  const sizes = sizesOf(trace);
  const peak = sizes.findLast(({ receivedMs }) => receivedMs <= endMs)?.specReplicas ?? 0;
  if (peak <= wanted)
    return inconclusive(
      `there were ${peak} replicas when the load ended, so there was nothing to return from.`,
    );
  const boundMs = withinMs ?? computedMs(trace, status, controller, goneMs);
  const last = sizes.at(-1);
  const reached = last && last.specReplicas === wanted && last.receivedMs >= endMs ? last.receivedMs : null;
  const common = {
    observed: { value: reached === null ? null : Math.round((reached - goneMs) / 100) / 10, unit: 's' },
    expected: { value: boundMs === null ? null : Math.round(boundMs / 100) / 10, unit: 's, at most' },
    windowMs: [endMs, reached ?? trace.toMs] as [number, number],
    evidence: EVIDENCE,
  };
  const early = judgeTrace(trace, controller.parameters).find(
    ({ write, outcome }) =>
      outcome === 'illegal' && write.desired < write.current && write.receivedMs >= endMs,
  );
  const later = sizes.filter(({ receivedMs }) => receivedMs > endMs).map(({ specReplicas }) => specReplicas);
  const path = [peak, ...later].join(' > ');
  const isAssumed =
    controller.sources.downscaleStabilizationMs === 'assumed default' &&
    status.spec.behavior?.scaleDown.stabilizationMs == null;
  if (early)
    return {
      verdict: isAssumed ? 'inconclusive' : 'fail',
      reason: `it was scaled in earlier than allowed: ${wordsOf(early)}${isAssumed ? '; --horizontal-pod-autoscaler-downscale-stabilization is assumed and may be shorter' : ''}.`,
      ...common,
    };
  if (reached !== null && (boundMs === null || reached <= goneMs + boundMs))
    return {
      verdict: 'pass',
      reason: `${wanted} replicas were back ${seconds(reached - goneMs)} after the load was gone at ${seconds(goneMs)} (allowed ${boundMs === null ? 'any time' : seconds(boundMs)}), by ${path}${peakWords(trace, status, peak, controller)}.`,
      ...common,
    };
  return { ...remains({ trace, wanted, reached, goneMs, boundMs, isAssumed, path }), ...common };
}

/** What comes after the next disturbance began is not this one's. */
function until(trace: HpaTrace, toMs: number): HpaTrace {
  const seen = <T extends { receivedMs: number }>(lines: readonly T[]) =>
    lines.filter(({ receivedMs }) => receivedMs <= toMs);
  return { ...trace, toMs, writes: seen(trace.writes), scales: seen(trace.scales) };
}

/** Null: the spec never lets it return. Time in which no metric could be computed is added. */
function computedMs(
  trace: HpaTrace,
  status: HpaTrace['writes'][number],
  controller: KnownController,
  goneMs: number,
): number | null {
  if (status.spec.behavior?.scaleDown.selectPolicy === 'Disabled') return null;
  const known = workloadOf(trace, status, controller.parameters);
  if (!known) return null;
  return (
    scaledBackMs(known.workload, controller.parameters, metricsPeriodMs(trace)) + failingMs(trace, goneMs)
  );
}

function failingMs({ writes, toMs }: HpaTrace, fromMs: number): number {
  let totalMs = 0;
  for (const [index, { receivedMs, conditions }] of writes.entries()) {
    if (conditions.ScalingActive?.status !== false) continue;
    const untilMs = writes[index + 1]?.receivedMs ?? toMs;
    totalMs += Math.max(0, untilMs - Math.max(receivedMs, fromMs));
  }
  return totalMs;
}

/** Whether the size at the peak was where the load's own demand may end. */
function peakWords(
  trace: HpaTrace,
  status: HpaTrace['writes'][number],
  peak: number,
  { parameters }: KnownController,
): string {
  const known = workloadOf(trace, status, parameters);
  const used = known && status.metrics[status.spec.metrics.indexOf(known.metric)]?.usageMilli;
  if (!known || used === null || used === undefined) return '';
  const ends = restPoints(used * status.current, known.workload);
  return `; at the peak of ${peak}, with ${used}m of CPU in each pod, the legal ends were ${ends.join(' or ')}`;
}

function remains({
  trace,
  wanted,
  reached,
  goneMs,
  boundMs,
  isAssumed,
  path,
}: {
  trace: HpaTrace;
  wanted: number;
  reached: number | null;
  goneMs: number;
  boundMs: number | null;
  isAssumed: boolean;
  path: string;
}): Pick<Judgement, 'verdict' | 'reason'> {
  const last = trace.writes.at(-1);
  if (boundMs === null && last?.spec.behavior?.scaleDown.selectPolicy === 'Disabled')
    return {
      verdict: 'fail',
      reason: `${trace.name} never returns to ${wanted} replicas: its scaleDown.selectPolicy is Disabled.`,
    };
  if (boundMs === null)
    return {
      verdict: 'inconclusive',
      reason: `no bound can be computed, since ${trace.name} does not scale by the CPU of pods with a request; set withinMs.`,
    };
  const deadlineMs = goneMs + boundMs;
  const blind = blindIn(trace.blind, 'target', goneMs, deadlineMs);
  if (blind)
    return {
      verdict: 'inconclusive',
      reason: `the target was not watched from ${seconds(blind.fromMs)} to ${seconds(blind.toMs)} (${blind.why}).`,
    };
  if (reached === null && trace.toMs < deadlineMs)
    return {
      verdict: 'inconclusive',
      reason: `the record ends, or something else began, ${seconds(trace.toMs - goneMs)} after the load was gone, and ${wanted} replicas may take ${seconds(boundMs)} (so far: ${path}).`,
    };
  const keeps = last?.spec.metrics.flatMap(({ name, target }, index) => {
    const shown = last.metrics[index];
    return shown?.utilization == null
      ? []
      : [`${name} at ${shown.utilization} % of a target of ${target.value} %`];
  });
  const why =
    reached === null && keeps && keeps.length > 0 ? `; the last sync saw ${keeps.join(' and ')}` : '';
  const when = reached === null ? 'did not return' : `returned only after ${seconds(reached - goneMs)}`;
  return {
    verdict: isAssumed ? 'inconclusive' : 'fail',
    reason: `${trace.name} ${when} to ${wanted} replicas, allowed were ${seconds(boundMs)} (${path})${why}${isAssumed ? '; --horizontal-pod-autoscaler-downscale-stabilization is assumed and may be longer' : ''}.`,
  };
}
