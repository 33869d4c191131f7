/** `status` of a HorizontalPodAutoscaler as its controller writes it after a sync: setStatus and setCondition of horizontal.go. */
import type { ConditionType, Decision, HpaSpec, Proposal } from '../../../analysis/hpa/types.ts';

interface Condition {
  type: ConditionType;
  status: 'True' | 'False';
  /** Moves only when the status does. */
  lastTransitionTime: string;
  reason: string;
  message: string;
}

export interface HpaStatus {
  lastScaleTime?: string;
  currentReplicas?: number;
  desiredReplicas: number;
  currentMetrics: unknown[] | null;
  conditions?: Condition[];
}

/** Before the first sync. */
export const NEW_STATUS: HpaStatus = { desiredReplicas: 0, currentMetrics: null };

/** Conditions that the decision does not set stay as they were. `now`: as the API server writes times. */
export function statusAfter(
  before: HpaStatus,
  {
    decision,
    current,
    spec,
    proposals,
    now,
  }: {
    decision: Decision;
    current: number;
    spec: HpaSpec;
    /** Empty where the controller looked at no metric. */
    proposals: readonly Proposal[];
    now: string;
  },
): HpaStatus {
  const conditions = [...(before.conditions ?? [])];
  for (const type of ['AbleToScale', 'ScalingActive', 'ScalingLimited'] as const) {
    const set = decision.conditions[type];
    if (!set) continue;
    const index = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[index];
    const status = set.status ? 'True' : 'False';
    conditions[index < 0 ? conditions.length : index] = {
      type,
      status,
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
      reason: set.reason,
      message: messageOf(set.reason, decision, proposals),
    };
  }
  const scaledAt = decision.rescale ? now : before.lastScaleTime;
  return {
    ...(scaledAt !== undefined && { lastScaleTime: scaledAt }),
    currentReplicas: current,
    desiredReplicas: decision.desired ?? before.desiredReplicas,
    currentMetrics: proposals.length === 0 ? null : spec.metrics.map((_, i) => shown(spec, proposals, i)),
    conditions,
  };
}

const MESSAGES: Record<string, string> = {
  SucceededGetScale: "the HPA controller was able to get the target's current scale",
  ReadyForNewScale: 'recommended size matches current size',
  ValidMetricFound: 'the HPA was able to successfully calculate a replica count',
  ScalingDisabled: 'scaling is disabled since the replica count of the target is zero',
  DesiredWithinRange: 'the desired count is within the acceptable range',
};

function messageOf(reason: string, { desired }: Decision, proposals: readonly Proposal[]): string {
  const failed = proposals.find((proposal) => !proposal.ok && proposal.reason === reason);
  if (failed && !failed.ok) return `the HPA was unable to compute the replica count: ${failed.message}`;
  return reason === 'SucceededRescale'
    ? `the HPA controller was able to update the target scale to ${desired}`
    : (MESSAGES[reason] ?? '');
}

/** One entry of `currentMetrics`; of a metric that failed there is only the frame. */
function shown(spec: HpaSpec, proposals: readonly Proposal[], index: number): unknown {
  const metric = spec.metrics[index];
  const proposal = proposals[index];
  if (!metric || !proposal?.ok) return { type: '' };
  const { source, name, container, target } = metric;
  const current = {
    averageValue: quantityOf(proposal.usageMilli),
    ...(target.type === 'utilization' && { averageUtilization: proposal.usage }),
  };
  return source === 'ContainerResource'
    ? { type: source, containerResource: { name, container, current } }
    : { type: source, resource: { name, current } };
}

function quantityOf(milli: number): string {
  return milli % 1_000 === 0 ? String(milli / 1_000) : `${milli}m`;
}
