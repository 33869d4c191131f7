/**
 * One HorizontalPodAutoscaler's life as the API showed it, in numbers: what a judge walks over. Times are milliseconds on the run's clock;
 * those that a server stamped are truncated to the second, those of receipt (`receivedMs`) are at most a second late.
 */
import type { ConditionType, HpaPod, HpaSpec, MetricSpec, PodMetric } from './types.ts';

/** How far the moment at which a change was received may lie from the moment at which the controller acted on it or saw it, ms. */
export const RECEIPT_MS = 1_000;

/** Owner of `spec.replicas` once an HPA has set it: manager and subresource. */
export const CONTROLLER = 'kube-controller-manager/scale';

/** What one write of the status says about one entry of `spec.metrics`; null = it could not be computed. */
export interface ShownMetric {
  /** Percent of the request, where the target is a utilization. */
  utilization: number | null;
  /** Average or value; null where only the utilization is shown. */
  usageMilli: number | null;
}

export interface ShownCondition {
  status: boolean;
  reason: string;
  /** Upstream's words. */
  message?: string;
}

/** A write of the HPA's status: the trace of a sync that changed something. */
export interface StatusWrite {
  receivedMs: number;
  /** `metadata.resourceVersion`; null where it is not known. */
  revision: number | null;
  /** As it stands beside the status: a write from an older spec is refused as a conflict. */
  spec: HpaSpec;
  /** `status.currentReplicas`: `spec.replicas` of the target when the sync began. */
  current: number;
  desired: number;
  /** `status.lastScaleTime`; null = never. */
  scaledAtMs: number | null;
  /** Empty where no metric was looked at. */
  metrics: readonly (ShownMetric | null)[];
  conditions: Readonly<Partial<Record<ConditionType, ShownCondition>>>;
}

export interface PodChange {
  receivedMs: number;
  revision: number | null;
  name: string;
  /** Null = deleted. */
  pod: HpaPod | null;
}

export interface SampleChange {
  receivedMs: number;
  pod: string;
  /** By `resourceKey`; null = the metrics API no longer had the pod. */
  metrics: Readonly<Record<string, PodMetric>> | null;
}

/** A change of the target's `spec.replicas`, its owner or `status.replicas`. */
export interface ScaleChange {
  receivedMs: number;
  revision: number | null;
  specReplicas: number;
  statusReplicas: number;
  /** As the target's own controller counts them. */
  readyReplicas: number;
  /** Who set `spec.replicas` last, `manager` or `manager/subresource`; null where it is not told. */
  owner: string | null;
}

export const WATCHED = ['hpa', 'pods', 'metrics', 'target', 'lease'] as const;
export type Watched = (typeof WATCHED)[number];

/** A stretch in which something was not seen. */
export interface Blind {
  what: Watched;
  fromMs: number;
  toMs: number;
  why: string;
}

export interface HpaTrace {
  name: string;
  target: { kind: string; name: string };
  /** What an older life left behind; null = the first write is the first sync of this HPA's life. */
  before: { scaledAtMs: number | null } | null;
  writes: readonly StatusWrite[];
  /** Changes of `spec` after the first, in words. */
  edits: readonly { receivedMs: number; what: string }[];
  pods: readonly PodChange[];
  samples: readonly SampleChange[];
  scales: readonly ScaleChange[];
  /** When another holder of the controller's lease was first seen. */
  restartsMs: readonly number[];
  /** Whether restarts of the controller could be seen at all. */
  restartsVisible: boolean;
  blind: readonly Blind[];
  /** From the first line of the watch log to its last one, or to the HPA's deletion. */
  fromMs: number;
  toMs: number;
}

/** Where a sample keeps what a metric looks at: a resource over all containers, or of one. */
export function resourceKey({ name, container }: Pick<MetricSpec, 'name' | 'container'>): string {
  return container === undefined ? name : `${name}/${container}`;
}

/** The first stretch in which this was not seen that touches a time. */
export function blindIn(
  blind: readonly Blind[],
  what: Watched,
  fromMs: number,
  toMs: number,
): Blind | undefined {
  return blind.find((stretch) => stretch.what === what && stretch.toMs >= fromMs && stretch.fromMs <= toMs);
}
