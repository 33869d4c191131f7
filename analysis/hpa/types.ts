/**
 * The words of the HorizontalPodAutoscaler, autoscaling/v2, as the decision needs them. Amounts of resources and of metrics are thousandths
 * ("milli", as upstream's MilliValue); times are milliseconds on whichever clock the caller uses, the same one everywhere.
 */

/** What the API server fills in is filled in here as well: a present `behavior` always has both directions. */
export interface ScalingRules {
  /** Null on scaleDown = the controller's own downscale stabilisation; on scaleUp = 0. */
  stabilizationMs: number | null;
  selectPolicy: 'Max' | 'Min' | 'Disabled';
  policies: readonly { type: 'Pods' | 'Percent'; value: number; periodMs: number }[];
  /** Of this HPA alone (gate HPAConfigurableTolerance), 0..; null = the controller's own. */
  tolerance: number | null;
}

export interface Behavior {
  scaleUp: ScalingRules;
  scaleDown: ScalingRules;
}

export type MetricSource = 'Resource' | 'ContainerResource' | 'Pods' | 'Object' | 'External';

/** One entry of `spec.metrics`. */
export interface MetricSpec {
  source: MetricSource;
  /** `cpu` and `memory`, or the name of the metric. */
  name: string;
  /** Of a ContainerResource. */
  container?: string;
  /** Of an Object: its kind. */
  describedKind?: string;
  /** Of an Object or External: its metric selector as Go prints it; absent where it has none. */
  selector?: string;
  /** `utilization` in percent of the request; the others in thousandths. */
  target: { type: 'utilization' | 'averageValue' | 'value'; value: number };
}

export interface HpaSpec {
  min: number;
  max: number;
  metrics: readonly MetricSpec[];
  /** Null = the legacy path. */
  behavior: Behavior | null;
}

/** What the API does not show of the controller (flags of kube-controller-manager) and the version whose rules hold. */
export interface ControllerParameters {
  /** `[1, 35]` */
  version: readonly [number, number];
  syncPeriodMs: number;
  /** Both directions, 0.1 by default. */
  tolerance: number;
  downscaleStabilizationMs: number;
  cpuInitializationMs: number;
  initialReadinessDelayMs: number;
}

/** Defaults of kube-controller-manager: pkg/controller/podautoscaler/config/v1alpha1/defaults.go. */
export const CONTROLLER_DEFAULTS: Omit<ControllerParameters, 'version'> = {
  syncPeriodMs: 15_000,
  tolerance: 0.1,
  downscaleStabilizationMs: 300_000,
  cpuInitializationMs: 300_000,
  initialReadinessDelayMs: 30_000,
};

/** A pod that the scale's selector matches, as the decision sees it. */
export interface HpaPod {
  name: string;
  phase: string;
  /** deletionTimestamp is set. */
  deleted: boolean;
  /** Absent where the kubelet has not set it yet. */
  startedAtMs?: number;
  /** Condition Ready; absent where there is none. */
  ready?: { status: boolean; changedAtMs: number };
  /** Requests of the pod as a whole (`spec.resources`), by resource, milli; absent where it has none. */
  requestsMilli?: Readonly<Record<string, number>>;
  /** Of each container that runs beside the others (sidecars among them), by resource, milli; one without the request lacks the key. */
  containers: readonly { name: string; requestsMilli: Readonly<Record<string, number>> }[];
}

/** One pod's metric: of all containers of a resource, or of a custom metric. */
export interface PodMetric {
  valueMilli: number;
  /** End of the measured window. */
  atMs: number;
  windowMs: number;
}

/** By pod's name. */
export type PodMetrics = ReadonlyMap<string, PodMetric>;

/** What one metric asks for, or why it can ask for nothing. */
export type Proposal =
  | {
      ok: true;
      replicas: number;
      /** Percent where the target is a utilization, else milli. */
      usage: number;
      usageMilli: number;
      /** Pods that the ratio was taken of, before missing and unready ones were filled in. */
      readyPods: number;
    }
  /** `reason` of ScalingActive=False, e.g. FailedGetResourceMetric. */
  | { ok: false; reason: string; message: string };

/** What the controller keeps in memory for one HPA; empty after its restart. */
export interface ControllerState {
  recommendations: readonly { replicas: number; atMs: number }[];
  /** Its own changes, as sizes. */
  scaleUps: readonly { change: number; atMs: number }[];
  scaleDowns: readonly { change: number; atMs: number }[];
}

export const EMPTY_STATE: ControllerState = { recommendations: [], scaleUps: [], scaleDowns: [] };

export type ConditionType = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited';

export interface Decision {
  /** `status.desiredReplicas`; null = it keeps its old value (no metric could be computed). */
  desired: number | null;
  /** spec.replicas of the target is written. */
  rescale: boolean;
  /** Of the event SuccessfulRescale; may be empty. */
  rescaleReason: string;
  /** Only those that this sync sets. */
  conditions: Partial<Record<ConditionType, { status: boolean; reason: string }>>;
  next: ControllerState;
}
