/**
 * What a metric of pods may have asked for when the pods' own values were not seen: the status shows the average of those that counted, and how
 * many counted, and how many were unready or missing, is left open as far as the pods leave it open.
 */
import { classify, proposalOf, type ProposalInput } from './replicas.ts';
import type { ShownMetric } from './trace.ts';
import type { HpaPod, MetricSpec, PodMetric } from './types.ts';

/** Pods beyond this many leave too many counts open to go through them. */
const MAX_PODS = 40;

/**
 * Every number of replicas that fits what the status shows, over all views of the pods that `inputs` have, or why it cannot be told. `gone`: pods
 * that are no more and may still have a sample. `isTrusted`: the pods' own states say what they may count as.
 */
export function unseenProposals(
  metric: MetricSpec,
  { usageMilli, utilization }: ShownMetric,
  inputs: readonly ProposalInput[],
  gone: number,
  isTrusted: boolean,
): Set<number> | string {
  const [first] = inputs;
  if (usageMilli === null || !first) return `the status shows no average of ${metric.name}`;
  const open = new Map<number, Counts>();
  for (const input of inputs) {
    const { pods } = input;
    if (pods.length > MAX_PODS) return `${pods.length} pods leave too many counts open`;
    if (metric.target.type === 'utilization' && !isAlike(pods, metric))
      return `the pods' requests of ${metric.name} differ, and their samples were not seen`;
    addCounts(open, metric, input, isTrusted);
  }
  const found = new Set<number>();
  for (const counts of open.values())
    for (let extra = 0; extra <= gone; extra += 1) {
      // What a sample without a pod says counts in an average, and not in a utilization; it counts as one more metric in both.
      const counted = counts.ready + (metric.target.type === 'utilization' ? 0 : extra);
      const pods = standIns(first.pods, counts);
      for (let totalMilli = usageMilli * counted; totalMilli < (usageMilli + 1) * counted; totalMilli += 1) {
        const podMetrics = samplesOf(counts.ready, extra, totalMilli, counted);
        const proposal = proposalOf(metric, { ...first, pods, podMetrics });
        if (!proposal.ok || proposal.usageMilli !== usageMilli) continue;
        if (metric.target.type !== 'utilization' || proposal.usage === utilization)
          found.add(proposal.replicas);
      }
    }
  return found;
}

interface Counts {
  ready: number;
  unready: number;
  missing: number;
}

/** Adds the counts of ready, unready and missing pods that the pods' own states allow, with one ready at least. */
function addCounts(
  found: Map<number, Counts>,
  metric: MetricSpec,
  input: ProposalInput,
  isTrusted: boolean,
): void {
  const resource = metric.source === 'Pods' ? null : metric.name;
  let open: ReadonlyMap<number, Counts> = new Map([[0, { ready: 0, unready: 0, missing: 0 }]]);
  for (const pod of input.pods) {
    const classes = classesOf(pod, resource, input);
    if (classes.has('ignored')) continue;
    const next = new Map<number, Counts>();
    for (const counts of open.values())
      for (const name of ['ready', 'unready', 'missing'] as const) {
        if (isTrusted && !classes.has(name)) continue;
        const more = { ...counts, [name]: counts[name] + 1 };
        next.set((more.ready * 1_000 + more.unready) * 1_000 + more.missing, more);
      }
    open = next;
  }
  for (const [key, counts] of open) if (counts.ready > 0) found.set(key, counts);
}

type PodClass = 'ready' | 'unready' | 'missing' | 'ignored';

/** The classes that a pod may be in whatever its sample was: none, one from before it was ready, one from after. */
function classesOf(
  pod: HpaPod,
  resource: string | null,
  { nowMs, parameters }: ProposalInput,
): Set<PodClass> {
  const samples = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY].map((atMs): PodMetric => ({
    valueMilli: 0,
    atMs,
    windowMs: 0,
  }));
  const metrics = [new Map<string, PodMetric>(), ...samples.map((sample) => new Map([[pod.name, sample]]))];
  const classes = new Set<PodClass>();
  for (const podMetrics of metrics) {
    const sorted = classify([pod], podMetrics, resource, nowMs, parameters);
    for (const name of ['ready', 'unready', 'missing', 'ignored'] as const)
      if (sorted[name].length > 0) classes.add(name);
  }
  return classes;
}

const LONG_AGO_MS = Number.NEGATIVE_INFINITY;

/** Pods of the wanted classes with the real ones' requests. */
function standIns(real: readonly HpaPod[], { ready, unready, missing }: Counts): HpaPod[] {
  const [like] = real;
  return Array.from({ length: ready + unready + missing }, (_, index) => ({
    name: String(index),
    phase: index >= ready && index < ready + unready ? 'Pending' : 'Running',
    deleted: false,
    startedAtMs: LONG_AGO_MS,
    ready: { status: true, changedAtMs: LONG_AGO_MS },
    ...(like?.requestsMilli && { requestsMilli: like.requestsMilli }),
    containers: like?.containers ?? [],
  }));
}

/** Samples of the ready ones and of pods that are gone; those that count add up to the total. */
function samplesOf(
  ready: number,
  extra: number,
  totalMilli: number,
  counted: number,
): Map<string, PodMetric> {
  const eachMilli = Math.floor(totalMilli / counted);
  const podMetrics = new Map<string, PodMetric>();
  for (let index = 0; index < ready + extra; index += 1) {
    const restMilli = index === 0 ? totalMilli - eachMilli * counted : 0;
    const name = index < ready ? String(index) : `gone ${index}`;
    podMetrics.set(name, { valueMilli: eachMilli + restMilli, atMs: 0, windowMs: 0 });
  }
  return podMetrics;
}

/** Same requests in every pod, so that it does not matter which of them counted. */
function isAlike(pods: readonly HpaPod[], { name, container }: MetricSpec): boolean {
  const requests = pods.map((pod) =>
    [
      pod.requestsMilli?.[name],
      ...pod.containers.map((one) => [container === undefined ? '' : one.name, one.requestsMilli[name]]),
    ].join(),
  );
  return new Set(requests).size <= 1;
}
