/** What a trace tells about scaling besides its decisions: sizes and Ready pods over time, and the figures that bounds are computed from. */
import type { Workload } from './rest-points.ts';
import { tolerancesOf } from './replicas.ts';
import { requestsOf } from './usage.ts';
import type { HpaTrace, ScaleChange, StatusWrite } from './trace.ts';
import type { ControllerParameters, HpaPod, MetricSpec } from './types.ts';

/** metrics-server's own default manifest, ms: where the samples do not tell. */
const METRICS_PERIOD_MS = 15_000;

/** How often the metrics API has a new value of a pod, ms: the median of the distances seen. */
export function metricsPeriodMs({ samples }: Pick<HpaTrace, 'samples'>): number {
  const last = new Map<string, number>();
  const distances: number[] = [];
  for (const { pod, metrics } of samples) {
    const atMs = Object.values(metrics ?? {})[0]?.atMs;
    if (atMs === undefined) continue;
    const before = last.get(pod);
    if (before !== undefined && atMs > before) distances.push(atMs - before);
    last.set(pod, atMs);
  }
  distances.sort((a, b) => a - b);
  return Math.max(10_000, distances[distances.length >> 1] ?? METRICS_PERIOD_MS);
}

/** Changes of the target's `spec.replicas`, the first one being what it had when it was first seen. */
export function sizesOf({ scales }: Pick<HpaTrace, 'scales'>): ScaleChange[] {
  return scales.filter(({ specReplicas }, index) => scales[index - 1]?.specReplicas !== specReplicas);
}

/** How many pods were Ready and not on their way out, from each moment on. */
export function readyOverTime({ pods }: Pick<HpaTrace, 'pods'>): { atMs: number; ready: number }[] {
  const known = new Map<string, boolean>();
  return pods.map(({ name, pod, receivedMs }) => {
    known.set(name, pod !== null && !pod.deleted && pod.ready?.status === true);
    return { atMs: receivedMs, ready: [...known.values()].filter(Boolean).length };
  });
}

/** The status in force at a moment; null before the first one. */
export function statusAt({ writes }: Pick<HpaTrace, 'writes'>, atMs: number): StatusWrite | null {
  return writes.findLast(({ receivedMs }) => receivedMs <= atMs) ?? null;
}

/** The trace of the HPA that scales this workload, else of the only one there is. */
export function traceOfWorkload(traces: readonly HpaTrace[], workload: string): HpaTrace | null {
  const own = traces.find(({ target }) => target.name === workload);
  return own ?? (traces.length === 1 ? (traces[0] ?? null) : null);
}

/** The workload by which rest points are computed; null where its CPU is not what it is scaled by, or no pod's request is known. */
export function workloadOf(
  { pods }: Pick<HpaTrace, 'pods'>,
  { spec }: Pick<StatusWrite, 'spec'>,
  parameters: ControllerParameters,
): { workload: Workload; metric: MetricSpec } | null {
  const metric = spec.metrics.find(({ source, name }) => source === 'Resource' && name === 'cpu');
  const pod = pods.map((change) => change.pod).findLast((one): one is HpaPod => one !== null);
  if (!metric || !pod) return null;
  const requests = requestsOf([pod], metric, parameters);
  const requestMilli = typeof requests === 'string' ? undefined : requests.get(pod.name);
  if (requestMilli === undefined || requestMilli === 0) return null;
  return { workload: { spec, requestMilli, tolerances: tolerancesOf(spec, parameters) }, metric };
}
