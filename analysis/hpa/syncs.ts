/**
 * The syncs of a controller, rebuilt from the writes of its HPA's status: what it saw, as far as the API shows it, and so what its metrics may
 * have asked for. Where the record leaves several inputs open, all of them are kept.
 */
import { proposalOf, type ProposalInput, tolerancesOf } from './replicas.ts';
import { unseenProposals } from './syncs-unseen.ts';
import {
  blindIn,
  type HpaTrace,
  RECEIPT_MS,
  resourceKey,
  type ShownMetric,
  type StatusWrite,
} from './trace.ts';
import { PodViews, SampleViews } from './trace-views.ts';
import type { ControllerParameters, HpaPod, HpaSpec, MetricSpec, PodMetrics } from './types.ts';

/** Views of the pods and samples in one interval beyond this many are not gone through. */
const MAX_VIEWS = 400;

/** A sample of a pod that is gone is served until the next scrape, of 60 s at the most as a rule, ms. */
const SAMPLE_LIFE_MS = 70_000;

export interface Sync {
  write: StatusWrite;
  /**
   * `computed` from metrics; `failed`: no metric could be computed, or too few; `jump`: the target was outside minimum and maximum; `disabled`:
   * the target is at 0; `refused`: the new size could not be written; `unread`: the target could not be read.
   */
  kind: 'computed' | 'failed' | 'jump' | 'disabled' | 'refused' | 'unread';
  asked: Asked;
  /** Reasons of the metrics that could not be computed beside one that could. */
  failures: readonly string[];
  /** Syncs since the last write whose status was the same, so that they were not written; null = there was no time for one. */
  hidden: { fromMs: number; toMs: number; spec: HpaSpec; asked: Asked } | null;
}

export interface Asked {
  /** What the metrics together may have asked for, ascending; null = anything. */
  replicas: readonly number[] | null;
  /** Why that is more than one, where it is because something was not seen. */
  unseen: string | null;
  /** Pods ready, unready and missing of the first metric, as one explanation has it. */
  pods: string | null;
}

/** Every write of the status as a sync, in their order. */
export function syncsOf(trace: HpaTrace, parameters: ControllerParameters): Sync[] {
  const inputs = new Inputs(trace, parameters);
  const syncs: Sync[] = [];
  for (const write of trace.writes) {
    const previous = syncs.at(-1);
    const hidden = previous ? hiddenBetween(inputs, previous, write, parameters) : null;
    const kind = kindOf(write);
    const { failures } = validMetrics(write);
    const asked = kind === 'computed' || kind === 'refused' ? askedAt(inputs, write) : NOTHING;
    syncs.push({ write, kind, asked, failures, hidden });
  }
  return syncs;
}

const NOTHING: Asked = { replicas: [], unseen: null, pods: null };

function kindOf({ current, spec, conditions }: StatusWrite): Sync['kind'] {
  const { AbleToScale, ScalingActive } = conditions;
  if (AbleToScale?.status === false) return AbleToScale.reason === 'FailedUpdateScale' ? 'refused' : 'unread';
  if (current === 0 && spec.min !== 0) return 'disabled';
  if (current > spec.max || current < spec.min) return 'jump';
  return ScalingActive?.status === false ? 'failed' : 'computed';
}

/**
 * A sync that changes nothing is not written. One fits between two writes when there were two periods of time; one after a rescale always
 * shows, since the current replicas are others then.
 */
function hiddenBetween(
  inputs: Inputs,
  { write: before, kind, asked }: Sync,
  { receivedMs }: StatusWrite,
  { syncPeriodMs }: ControllerParameters,
): Sync['hidden'] {
  if (kind !== 'computed' || before.current !== before.desired) return null;
  if (receivedMs - before.receivedMs + RECEIPT_MS < 2 * syncPeriodMs) return null;
  const fromMs = before.receivedMs + syncPeriodMs - RECEIPT_MS;
  const toMs = Math.max(fromMs, receivedMs - syncPeriodMs + RECEIPT_MS);
  const { spec, conditions } = before;
  const { AbleToScale, ScalingLimited } = conditions;
  // These two say that the metrics asked for exactly what there was.
  if (AbleToScale?.reason === 'ReadyForNewScale' && ScalingLimited?.status === false)
    return { fromMs, toMs, spec, asked: { replicas: [before.current], unseen: null, pods: asked.pods } };
  const meanwhile = inputs.askedBetween(before, fromMs, toMs, null);
  if (asked.replicas === null || meanwhile.replicas === null)
    return { fromMs, toMs, spec, asked: { ...meanwhile, replicas: null } };
  return {
    fromMs,
    toMs,
    spec,
    asked: { ...meanwhile, replicas: ascending([...asked.replicas, ...meanwhile.replicas]) },
  };
}

function askedAt(inputs: Inputs, write: StatusWrite): Asked {
  const { receivedMs } = write;
  return inputs.askedBetween(
    write,
    receivedMs - RECEIPT_MS,
    receivedMs + RECEIPT_MS,
    inputs.lastRevision(write),
  );
}

function validMetrics({ metrics, spec }: StatusWrite): {
  valid: [MetricSpec, ShownMetric][];
  failures: string[];
} {
  const valid: [MetricSpec, ShownMetric][] = [];
  const failures: string[] = [];
  for (const [index, metric] of spec.metrics.entries()) {
    const shown = metrics[index];
    if (shown) valid.push([metric, shown]);
    else failures.push(`FailedGet${metric.source}Metric`);
  }
  return { valid, failures };
}

class Inputs {
  readonly #trace: HpaTrace;
  readonly #parameters: ControllerParameters;
  readonly #pods: PodViews;
  readonly #samples: SampleViews;
  #scale = 0;

  constructor(trace: HpaTrace, parameters: ControllerParameters) {
    this.#trace = trace;
    this.#parameters = parameters;
    this.#pods = new PodViews(trace.pods);
    this.#samples = new SampleViews(trace.samples);
  }

  /** Changes after this cannot have been seen by the sync: its own write of the new size, else of its status. */
  lastRevision({ receivedMs, revision, current, desired }: StatusWrite): number | null {
    if (current === desired) return revision;
    const own = this.#trace.scales.find(
      (scale) =>
        scale.specReplicas === desired &&
        scale.revision !== null &&
        Math.abs(scale.receivedMs - receivedMs) <= RECEIPT_MS &&
        (revision === null || scale.revision < revision),
    );
    return own?.revision ?? revision;
  }

  /** All that a sync between the two times may have asked for, given what its status shows. */
  askedBetween(write: StatusWrite, fromMs: number, toMs: number, revision: number | null): Asked {
    const { blind } = this.#trace;
    const { valid, failures } = validMetrics(write);
    const pods = this.#pods.between(fromMs, toMs, revision);
    const samples = this.#samples.between(fromMs, toMs);
    if (valid.length === 0) return { replicas: null, unseen: 'its status shows no metric', pods: null };
    const noPods = blindIn(blind, 'pods', fromMs, toMs);
    if (noPods) return { replicas: null, unseen: `pods were not watched (${noPods.why})`, pods: null };
    if (pods.length * samples.length > MAX_VIEWS)
      return { replicas: null, unseen: 'too much changed between two syncs', pods: null };
    const noSamples = blindIn(blind, 'metrics', fromMs, toMs);
    let all: readonly number[] = [];
    let unseen: string | null = null;
    let words: string | null = null;
    for (const [metric, shown] of valid) {
      const found = this.#asks(metric, shown, {
        write,
        pods,
        samples,
        fromMs,
        toMs,
        blind: noSamples?.why ?? null,
      });
      if (found.replicas === null) return found;
      unseen ??= found.unseen;
      words ??= found.pods;
      all = all.length === 0 ? found.replicas : highestOf(all, found.replicas);
    }
    // With a metric that fails, nothing is decided unless the others ask for at least what there is.
    const able = failures.length === 0 ? all : all.filter((replicas) => replicas >= write.current);
    return { replicas: able.length === 0 ? null : able, unseen, pods: words };
  }

  #asks(metric: MetricSpec, shown: ShownMetric, seen: Seen): Asked {
    const { write, pods } = seen;
    const base = {
      specReplicas: write.current,
      tolerances: tolerancesOf(write.spec, this.#parameters),
      parameters: this.#parameters,
      nowMs: write.receivedMs,
      statusReplicas: write.current,
      pods: pods[0] ?? [],
    };
    if (metric.source === 'Object' || metric.source === 'External')
      return this.#byValue(metric, shown, base, seen);
    if (isPolled(metric, seen)) {
      const matched = bySamples(metric, shown, base, seen);
      if (matched) return matched;
    }
    const inputs = pods.flatMap((view) =>
      momentsOf(view, seen, this.#parameters).map((nowMs) => ({ ...base, pods: view, nowMs })),
    );
    // Samples that come to another average are not those that the controller saw, or the pods were not as they are on record.
    const isTrusted = !isPolled(metric, seen);
    const replicas = unseenProposals(metric, shown, inputs, this.#goneUntil(seen.toMs), isTrusted);
    if (typeof replicas === 'string') return { replicas: null, unseen: replicas, pods: null };
    const why =
      metric.source === 'Pods'
        ? `the API shows no pod's own value of ${metric.name}`
        : !isTrusted
          ? `no samples of the pods come to the ${metric.name} in the status`
          : `PodMetrics were not seen${seen.blind === null ? '' : ` (${seen.blind})`}`;
    return { replicas: ascending(replicas), unseen: replicas.size > 1 ? why : null, pods: null };
  }

  /** Pods that are gone, and may still have a sample. */
  #goneUntil(atMs: number): number {
    const { pods } = this.#trace;
    return pods.filter(
      ({ pod, receivedMs }) => !pod && receivedMs > atMs - SAMPLE_LIFE_MS && receivedMs <= atMs,
    ).length;
  }

  #byValue(metric: MetricSpec, { usageMilli }: ShownMetric, base: ProposalInput, seen: Seen): Asked {
    if (usageMilli === null)
      return { replicas: null, unseen: `the status shows no value of ${metric.name}`, pods: null };
    const replicas = new Set<number>();
    for (const statusReplicas of this.#statusReplicas(seen)) {
      // An average is rounded up: any total above the next lower one comes to the same.
      const average = metric.target.type === 'averageValue';
      const highestMilli = average ? usageMilli * statusReplicas : usageMilli;
      const lowestMilli = average ? Math.max(0, highestMilli - Math.max(0, statusReplicas - 1)) : usageMilli;
      for (const pods of average ? seen.pods.slice(0, 1) : seen.pods) {
        const ends = [lowestMilli, highestMilli].map((valueMilli) =>
          proposalOf(metric, { ...base, pods, statusReplicas, valueMilli }),
        );
        const asked = ends.flatMap((proposal) => (proposal.ok ? proposal.replicas : []));
        for (const one of asked) replicas.add(one);
      }
    }
    return { replicas: replicas.size === 0 ? null : ascending(replicas), unseen: null, pods: null };
  }

  /** `status.replicas` of the target, as it may have been read between the two times, before the sync set the size itself. */
  #statusReplicas({ write, fromMs, toMs }: Seen): Set<number> {
    const { scales } = this.#trace;
    while ((scales[this.#scale + 1]?.receivedMs ?? Number.POSITIVE_INFINITY) < fromMs) this.#scale += 1;
    const found = new Set<number>();
    for (let index = this.#scale; index < scales.length; index += 1) {
      const scale = scales[index];
      if (!scale || (scale.receivedMs > toMs && found.size > 0)) break;
      const isOwn = write.desired !== write.current && scale.specReplicas === write.desired;
      if (isOwn && scale.receivedMs > fromMs && found.size > 0) break;
      found.add(scale.statusReplicas);
    }
    return found.size > 0 ? found : new Set([write.current]);
  }
}

interface Seen {
  write: StatusWrite;
  pods: readonly (readonly HpaPod[])[];
  samples: readonly ReadonlyMap<string, PodMetrics>[];
  fromMs: number;
  toMs: number;
  /** Why PodMetrics were not seen; null = they were. */
  blind: string | null;
}

function isPolled(metric: MetricSpec, { blind, samples }: Seen): boolean {
  if (metric.source === 'Pods' || blind !== null) return false;
  return samples.some((view) => (view.get(resourceKey(metric))?.size ?? 0) > 0);
}

/** What those views ask for whose average is the one that the status shows; null = none is. */
function bySamples(metric: MetricSpec, shown: ShownMetric, base: ProposalInput, seen: Seen): Asked | null {
  const key = resourceKey(metric);
  const replicas: number[] = [];
  let words: string | null = null;
  for (const pods of seen.pods)
    for (const samples of seen.samples) {
      const podMetrics = samples.get(key);
      if (!podMetrics) continue;
      for (const nowMs of momentsOf(pods, seen, base.parameters)) {
        const proposal = proposalOf(metric, { ...base, pods, podMetrics, nowMs });
        if (!proposal.ok || !shows(shown, proposal, metric)) continue;
        if (replicas.includes(proposal.replicas)) continue;
        replicas.push(proposal.replicas);
        words ??= `${proposal.readyPods} of ${pods.length} pods counted`;
      }
    }
  return replicas.length === 0
    ? null
    : { replicas: replicas.sort((a, b) => a - b), unseen: null, pods: words };
}

function shows(
  { utilization, usageMilli }: ShownMetric,
  proposal: { usage: number; usageMilli: number },
  { target }: MetricSpec,
): boolean {
  if (usageMilli !== null && proposal.usageMilli !== usageMilli) return false;
  return target.type !== 'utilization' || proposal.usage === utilization;
}

/** One moment, or more where the first minutes of some pods may be over or not: before the first of them, and at the end of each. */
function momentsOf(
  pods: readonly HpaPod[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
  { cpuInitializationMs }: ControllerParameters,
): number[] {
  const moments = [fromMs - RECEIPT_MS];
  for (const { startedAtMs } of pods) {
    const endMs = (startedAtMs ?? Number.NEGATIVE_INFINITY) + cpuInitializationMs;
    if (endMs > fromMs - RECEIPT_MS && endMs <= toMs + RECEIPT_MS && !moments.includes(endMs))
      moments.push(endMs);
  }
  return moments;
}

/** The highest of one of each: what several metrics together ask for. */
function highestOf(a: readonly number[], b: readonly number[]): number[] {
  const least = Math.max(a[0] ?? 0, b[0] ?? 0);
  return ascending([...a, ...b].filter((replicas) => replicas >= least));
}

function ascending(replicas: Iterable<number>): number[] {
  return [...new Set(replicas)].sort((a, b) => a - b);
}
