/**
 * One sync of the HorizontalPodAutoscaler, from what was measured to what is set. Upstream: reconcileAutoscaler and
 * computeReplicasForMetrics in pkg/controller/podautoscaler/horizontal.go.
 */
import { normalize } from './normalize.ts';
import { withScaleEvent } from './rate.ts';
import { isAtLeast } from './replicas.ts';
import type {
  ControllerParameters,
  ControllerState,
  Decision,
  HpaSpec,
  MetricSpec,
  Proposal,
} from './types.ts';

export interface DecideInput {
  nowMs: number;
  /** `spec.replicas` of the scale, not the number of running pods. */
  current: number;
  spec: HpaSpec;
  /** One for each of `spec.metrics`, in their order; not looked at where the controller does not look at metrics. */
  proposals: readonly Proposal[];
  parameters: ControllerParameters;
}

/** The decision of a sync whose scale could be read, and what the controller remembers of it. */
export function decide(state: ControllerState, input: DecideInput): Decision {
  const { nowMs, current, spec } = input;
  const remembered: ControllerState =
    state.recommendations.length > 0
      ? state
      : { ...state, recommendations: [{ replicas: current, atMs: nowMs }] };
  if (current === 0 && spec.min !== 0)
    return kept(0, remembered, { ScalingActive: { status: false, reason: 'ScalingDisabled' } });
  if (current > spec.max)
    return scaled(remembered, input, spec.max, 'Current number of replicas above Spec.MaxReplicas', {});
  if (current < spec.min)
    return scaled(remembered, input, spec.min, 'Current number of replicas below Spec.MinReplicas', {});

  const highest = highestOf(input);
  if ('reason' in highest)
    return kept(null, remembered, { ScalingActive: { status: false, reason: highest.reason } });
  const { desired, conditions, next } = normalize(remembered, { ...input, desired: highest.replicas });
  const all: Decision['conditions'] = {
    ...conditions,
    ScalingActive: { status: true, reason: 'ValidMetricFound' },
  };
  return desired === current
    ? { desired, rescale: false, rescaleReason: '', conditions: all, next }
    : scaled(next, input, desired, reasonOf(highest, current), all);
}

/** The highest of the valid proposals; one that failed lets nothing be taken away, but more be added. */
function highestOf({
  proposals,
  current,
  spec,
}: DecideInput): { replicas: number; metric: string } | { reason: string } {
  let replicas = -1;
  let metric = '';
  let failure: string | undefined;
  for (const [index, proposal] of proposals.entries()) {
    if (!proposal.ok) failure ??= proposal.reason;
    else if (proposal.replicas > replicas) {
      replicas = proposal.replicas;
      metric = metricName(spec.metrics[index]);
    }
  }
  if (replicas < 0 || (failure !== undefined && replicas < current))
    return { reason: failure ?? 'InvalidMetricSourceType' };
  return { replicas, metric };
}

/** What the metrics asked for, not what was set: the stabilised figure may go another way, and then the reason is empty. */
function reasonOf({ replicas, metric }: { replicas: number; metric: string }, current: number): string {
  if (replicas > current) return `${metric} above target`;
  return replicas < current ? 'All metrics below target' : '';
}

/** A metric's name as the event SuccessfulRescale has it: computeStatusFor...Metric. */
function metricName(metric: MetricSpec | undefined): string {
  if (!metric) return '';
  const { source, name, target, describedKind, selector } = metric;
  if (source === 'Pods') return `pods metric ${name}`;
  if (source === 'Object' && target.type === 'value') return `${describedKind ?? ''} metric ${name}`;
  if (source === 'Object' || source === 'External') return `external metric ${name}(${selector ?? 'nil'})`;
  if (target.type !== 'utilization') return `${name} resource`;
  return `${name} ${source === 'ContainerResource' ? 'container resource' : 'resource'} utilization (percentage of request)`;
}

function kept(desired: number | null, next: ControllerState, conditions: Decision['conditions']): Decision {
  return {
    desired,
    rescale: false,
    rescaleReason: '',
    conditions: { AbleToScale: { status: true, reason: 'SucceededGetScale' }, ...conditions },
    next,
  };
}

/** Without `behavior` no change is remembered: nothing would ask for it. */
function scaled(
  state: ControllerState,
  { nowMs, current, spec: { behavior } }: DecideInput,
  desired: number,
  rescaleReason: string,
  conditions: Decision['conditions'],
): Decision {
  let next = state;
  if (behavior && desired > current)
    next = {
      ...state,
      scaleUps: withScaleEvent(state.scaleUps, desired - current, behavior.scaleUp, nowMs),
    };
  else if (behavior)
    next = {
      ...state,
      scaleDowns: withScaleEvent(state.scaleDowns, current - desired, behavior.scaleDown, nowMs),
    };
  return {
    desired,
    rescale: true,
    rescaleReason,
    conditions: { ...conditions, AbleToScale: { status: true, reason: 'SucceededRescale' } },
    next,
  };
}

/**
 * From the creation of an HPA to its first sync, at the earliest, milliseconds. From 1.37 on it is put into the queue at once, before that
 * after one period (horizontal.go, enqueueHPA).
 */
export function firstSyncMs(parameters: Pick<ControllerParameters, 'version' | 'syncPeriodMs'>): number {
  return isAtLeast(parameters, 1, 37) ? 0 : parameters.syncPeriodMs;
}
