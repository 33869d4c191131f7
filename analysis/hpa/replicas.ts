/**
 * How many replicas one metric asks for. Upstream: pkg/controller/podautoscaler/replica_calculator.go of Kubernetes 1.33 and later.
 * All ratios are IEEE doubles and utilizations are truncated integers, as upstream: 100 * (1 + 10 / 100) is more than 110 there, too.
 */
import type {
  ControllerParameters,
  HpaPod,
  HpaSpec,
  MetricSpec,
  PodMetric,
  PodMetrics,
  Proposal,
} from './types.ts';
import { byUsage, requestsOf, type Tolerances, within } from './usage.ts';

export interface ProposalInput {
  /** `spec.replicas` of the scale: what the controller calls current. */
  specReplicas: number;
  /** `status.replicas` of the scale. */
  statusReplicas: number;
  /** All that the scale's selector matches. */
  pods: readonly HpaPod[];
  /** Of a resource, container resource or pods metric; absent or empty: the metrics API had none. */
  podMetrics?: PodMetrics;
  /** Of an object or external metric, all series added up; absent: the metrics API had none. */
  valueMilli?: number;
  tolerances: Tolerances;
  nowMs: number;
  parameters: ControllerParameters;
}

/** Names of the pods, by the part they play in the calculation. */
export interface PodClasses {
  ready: string[];
  unready: string[];
  missing: string[];
  ignored: string[];
}

/**
 * Sorts pods as groupPods does. Readiness is looked at for CPU only; `resource` is null for a custom metric.
 * Up to 1.36 a Succeeded pod without metrics is missing; since then it is ignored (kubernetes issue 141298).
 */
export function classify(
  pods: readonly HpaPod[],
  metrics: PodMetrics,
  resource: string | null,
  nowMs: number,
  parameters: ControllerParameters,
): PodClasses {
  const classes: PodClasses = { ready: [], unready: [], missing: [], ignored: [] };
  const succeededIgnored = isAtLeast(parameters, 1, 37);
  for (const pod of pods) {
    const { name, phase } = pod;
    const metric = metrics.get(name);
    if (pod.deleted || phase === 'Failed' || (succeededIgnored && phase === 'Succeeded'))
      classes.ignored.push(name);
    else if (phase === 'Pending') classes.unready.push(name);
    else if (!metric) classes.missing.push(name);
    else if (resource === 'cpu' && isUnready(pod, metric, nowMs, parameters)) classes.unready.push(name);
    else classes.ready.push(name);
  }
  return classes;
}

function isUnready(
  { ready, startedAtMs }: HpaPod,
  metric: PodMetric,
  nowMs: number,
  parameters: ControllerParameters,
): boolean {
  if (!ready || startedAtMs === undefined) return true;
  if (startedAtMs + parameters.cpuInitializationMs > nowMs)
    return !ready.status || metric.atMs < ready.changedAtMs + metric.windowMs;
  return !ready.status && startedAtMs + parameters.initialReadinessDelayMs > ready.changedAtMs;
}

/** The controller's tolerance, or this HPA's own where the gate HPAConfigurableTolerance is on: from 1.35 (tolerancesForHpa). */
export function tolerancesOf({ behavior }: HpaSpec, parameters: ControllerParameters): Tolerances {
  const own = isAtLeast(parameters, 1, 35) ? behavior : null;
  return {
    up: own?.scaleUp.tolerance ?? parameters.tolerance,
    down: own?.scaleDown.tolerance ?? parameters.tolerance,
  };
}

/** Whether the rules of this version of Kubernetes hold. */
export function isAtLeast(
  { version }: Pick<ControllerParameters, 'version'>,
  major: number,
  minor: number,
): boolean {
  return version[0] > major || (version[0] === major && version[1] >= minor);
}

/** What `metric` asks for, or upstream's reason and words for why it can ask for nothing. */
export function proposalOf(metric: MetricSpec, input: ProposalInput): Proposal {
  if (metric.source === 'Object' || metric.source === 'External')
    return metric.target.type === 'value' ? byValue(metric, input) : byAverage(metric, input);
  return byPods(metric, input);
}

/** Resource, ContainerResource and Pods: GetResourceReplicas, GetRawResourceReplicas, GetMetricReplicas. */
function byPods(metric: MetricSpec, input: ProposalInput): Proposal {
  const { pods, podMetrics, nowMs, parameters } = input;
  const resource = metric.source === 'Pods' ? null : metric.name;
  if (!podMetrics || podMetrics.size === 0)
    return failed(
      metric,
      resource === null
        ? `unable to get metric ${metric.name}: no metrics returned from custom metrics API`
        : `unable to get metrics for resource ${resource}: no metrics returned from resource metrics API`,
    );
  if (pods.length === 0)
    return failed(metric, 'no pods returned by selector while calculating replica count');
  const classes = classify(pods, podMetrics, resource, nowMs, parameters);
  const values = new Map<string, number>();
  for (const [name, { valueMilli }] of podMetrics) values.set(name, valueMilli);
  for (const name of classes.ignored) values.delete(name);
  for (const name of classes.unready) values.delete(name);
  if (values.size === 0)
    return failed(metric, 'did not receive metrics for targeted pods (pods might be unready)');
  const requests = metric.target.type === 'utilization' ? requestsOf(pods, metric, parameters) : null;
  if (typeof requests === 'string') return failed(metric, requests);
  const outcome = byUsage(values, requests, metric.target.value, classes, input);
  return typeof outcome === 'string'
    ? failed(metric, outcome)
    : { ok: true, ...outcome, readyPods: classes.ready.length };
}

/** Target Value: GetObjectMetricReplicas, GetExternalMetricReplicas. Readiness counts here for every metric. */
function byValue(
  metric: MetricSpec,
  { specReplicas, pods, valueMilli, tolerances }: ProposalInput,
): Proposal {
  if (valueMilli === undefined) return failed(metric, absent(metric));
  const ratio = valueMilli / metric.target.value;
  const readyPods = pods.filter(({ phase, ready }) => phase === 'Running' && ready?.status).length;
  const proposal = { ok: true as const, usage: valueMilli, usageMilli: valueMilli, readyPods };
  if (specReplicas === 0) return { ...proposal, replicas: asInt32(Math.ceil(ratio)) };
  if (within(ratio, tolerances)) return { ...proposal, replicas: specReplicas };
  if (pods.length === 0)
    return failed(
      metric,
      'unable to calculate ready pods: no pods returned by selector while calculating replica count',
    );
  return { ...proposal, replicas: asInt32(Math.ceil(ratio * readyPods)) };
}

/** Target AverageValue: GetObjectPerPodMetricReplicas, GetExternalPerPodMetricReplicas. */
function byAverage(metric: MetricSpec, { statusReplicas, valueMilli, tolerances }: ProposalInput): Proposal {
  if (valueMilli === undefined) return failed(metric, absent(metric));
  // 0/0 and x/0 are what they are in Go: NaN and infinity lie within no tolerance.
  const ratio = valueMilli / (metric.target.value * statusReplicas);
  const replicas = within(ratio, tolerances)
    ? statusReplicas
    : asInt32(Math.ceil(valueMilli / metric.target.value));
  const usageMilli = statusReplicas === 0 ? 0 : Math.ceil(valueMilli / statusReplicas);
  return { ok: true, replicas, usage: usageMilli, usageMilli, readyPods: statusReplicas };
}

const MAX_INT32 = 2 ** 31 - 1;

function asInt32(replicas: number): number {
  return Math.min(replicas, MAX_INT32);
}

function absent({ source, name }: MetricSpec): string {
  return source === 'Object'
    ? `unable to get metric ${name}: no metrics returned from custom metrics API`
    : `unable to get external metric ${name}: no metrics returned from external metrics API`;
}

/** Reason and words of ScalingActive=False and of the event: getUnableComputeReplicaCountCondition. */
function failed({ source, name, target }: MetricSpec, why: string): Proposal {
  const ofResource = source === 'Resource' || source === 'ContainerResource';
  const measure = target.type === 'utilization' ? 'utilization' : 'usage';
  return {
    ok: false,
    reason: `FailedGet${source}Metric`,
    message: ofResource ? `failed to get ${name} ${measure}: ${why}` : why,
  };
}
