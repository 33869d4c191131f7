/**
 * The ratio of use to target over pods, and the replicas that follow from it. Upstream: metrics/utilization.go and the second half of
 * GetResourceReplicas and calcPlainMetricReplicas in replica_calculator.go.
 */
import type { ControllerParameters, HpaPod, MetricSpec } from './types.ts';

/** How far the ratio may be off 1 in each direction before anything is done, 0.. */
export interface Tolerances {
  up: number;
  down: number;
}

/** Tolerances.isWithin, inclusive at both ends. */
export function within(ratio: number, { up, down }: Tolerances): boolean {
  return 1 - down <= ratio && ratio <= 1 + up;
}

type Values = Map<string, number>;
type Requests = ReadonlyMap<string, number>;

interface Usage {
  ratio: number;
  usage: number;
  usageMilli: number;
}

interface Outcome {
  replicas: number;
  usage: number;
  usageMilli: number;
}

/**
 * Replicas by the use of `values` (milli, by pod; the map is used up), against a utilization in percent of `requests`, or with null
 * against an average in milli. A string is upstream's error.
 */
export function byUsage(
  values: Values,
  requests: Requests | null,
  target: number,
  { ready, unready, missing }: { ready: string[]; unready: string[]; missing: string[] },
  { specReplicas, tolerances }: { specReplicas: number; tolerances: Tolerances },
): Outcome | string {
  const seen = requests ? utilization(values, requests, target) : average(values, target);
  if (!seen) return 'no metrics returned matched known pods';
  const { usage, usageMilli } = seen;
  const result = (replicas: number): Outcome => ({ replicas, usage, usageMilli });
  const upWithUnready = unready.length > 0 && seen.ratio > 1;
  if (!upWithUnready && missing.length === 0)
    return result(within(seen.ratio, tolerances) ? specReplicas : Math.ceil(seen.ratio * ready.length));

  for (const name of missing) {
    if (seen.ratio < 1)
      values.set(
        name,
        requests ? Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target)) / 100) : target,
      );
    else if (seen.ratio > 1) values.set(name, 0);
  }
  if (upWithUnready) for (const name of unready) values.set(name, 0);

  const filled = requests ? utilization(values, requests, target) : average(values, target);
  if (!filled) return 'no metrics returned matched known pods';
  if (within(filled.ratio, tolerances) || (seen.ratio - 1) * (filled.ratio - 1) < 0)
    return result(specReplicas);
  // The number of metrics, those of unknown pods among them: upstream's len(metrics).
  const replicas = Math.ceil(filled.ratio * values.size);
  const contradicts = filled.ratio < 1 ? replicas > specReplicas : replicas < specReplicas;
  return result(contradicts ? specReplicas : replicas);
}

/** GetResourceUtilizationRatio: percent, truncated, of the requests of those pods that have both. Null: there is none. */
function utilization(values: Values, requests: Requests, targetPercent: number): Usage | null {
  let totalMilli = 0;
  let requestedMilli = 0;
  let pods = 0;
  for (const [name, valueMilli] of values) {
    const requestMilli = requests.get(name);
    if (requestMilli === undefined) continue;
    totalMilli += valueMilli;
    requestedMilli += requestMilli;
    pods += 1;
  }
  if (requestedMilli === 0) return null;
  const percent = percentOf(totalMilli, requestedMilli);
  return { ratio: percent / targetPercent, usage: percent, usageMilli: Math.trunc(totalMilli / pods) };
}

/** Upstream counts in int64; thousandths of a byte, times 100, are beyond a double's integers from 90 GB of memory on. */
function percentOf(totalMilli: number, requestedMilli: number): number {
  const hundredfold = totalMilli * 100;
  return Number.isSafeInteger(hundredfold)
    ? Math.trunc(hundredfold / requestedMilli)
    : Number((BigInt(totalMilli) * 100n) / BigInt(requestedMilli));
}

/** GetMetricUsageRatio. */
function average(values: Values, targetMilli: number): Usage {
  let totalMilli = 0;
  for (const valueMilli of values.values()) totalMilli += valueMilli;
  const usage = Math.trunc(totalMilli / values.size);
  return { ratio: usage / targetMilli, usage, usageMilli: usage };
}

/** calculateRequests: by pod's name, milli; or upstream's error. Looks at every pod, those that are ignored as well. */
export function requestsOf(
  pods: readonly HpaPod[],
  { name: resource, container }: MetricSpec,
  { version }: ControllerParameters,
): Requests | string {
  // Requests of the pod as a whole count from 1.34, where the gate PodLevelResources is on.
  const podLevel = version[0] > 1 || version[1] >= 34;
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const own = podLevel && container === undefined ? pod.requestsMilli : undefined;
    const requestMilli = own ? ofPod(pod, own, resource) : ofContainers(pod, container, resource);
    if (typeof requestMilli === 'string') return requestMilli;
    requests.set(pod.name, requestMilli);
  }
  return requests;
}

/** What the pod asks for as a whole, else what those containers ask for that ask for any. */
function ofPod(
  { name, containers }: HpaPod,
  own: Readonly<Record<string, number>>,
  resource: string,
): number | string {
  if (own[resource] !== undefined) return own[resource];
  const asked = containers.flatMap(({ requestsMilli }) => requestsMilli[resource] ?? []);
  return asked.length > 0
    ? asked.reduce((sum, milli) => sum + milli, 0)
    : `missing pod-level request for ${resource} in Pod ${name}`;
}

function ofContainers(
  { name, containers }: HpaPod,
  container: string | undefined,
  resource: string,
): number | string {
  let totalMilli = 0;
  let found = container === undefined;
  for (const { name: containerName, requestsMilli } of containers) {
    if (container !== undefined && container !== containerName) continue;
    found = true;
    const milli = requestsMilli[resource];
    if (milli === undefined)
      return `missing request for ${resource} in container ${containerName} of Pod ${name}`;
    totalMilli += milli;
  }
  return found ? totalMilli : `container ${container} not found in Pod ${name}`;
}
