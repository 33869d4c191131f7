/**
 * One HorizontalPodAutoscaler's life as the API showed it, in numbers: what a judge walks over. Times are milliseconds on the run's clock;
 * those that a server stamped are truncated to the second, those of receipt (`receivedMs`) are at most a second late.
 */
import type { ConditionType, HpaPod, HpaSpec, MetricSpec, PodMetric, PodMetrics } from './types.ts';

/** How far the moment at which a change was received may lie from the moment at which the controller acted on it or saw it, ms. */
export const RECEIPT_MS = 1_000;
/** A new value of PodMetrics is seen at the latest this long after it could be asked for: the period of the polls and an answer, ms. */
const POLL_MS = 6_000;

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
  /** Who set `spec.replicas` last, `manager` or `manager/subresource`; null where it is not told. */
  owner: string | null;
}

export type Watched = 'hpa' | 'pods' | 'metrics' | 'target' | 'lease';

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

export function blindIn(
  blind: readonly Blind[],
  what: Watched,
  fromMs: number,
  toMs: number,
): Blind | undefined {
  return blind.find((stretch) => stretch.what === what && stretch.toMs >= fromMs && stretch.fromMs <= toMs);
}

/**
 * The pods that a reader of the API may have seen. It sees changes in their order, so it has seen all up to some point: a view for each
 * point that the time of receipt leaves open. Asked for later and later times only.
 */
export class PodViews {
  readonly #changes: readonly PodChange[];
  readonly #known = new Map<string, HpaPod>();
  #seen = 0;
  #view: readonly HpaPod[] | null = null;

  constructor(changes: readonly PodChange[]) {
    this.#changes = changes;
  }

  /** Seen between the two times, before `revision` was written. */
  between(fromMs: number, toMs: number, revision: number | null): (readonly HpaPod[])[] {
    let change = this.#changes[this.#seen];
    while (change && change.receivedMs < fromMs && !isAfter(change, revision)) {
      apply(this.#known, change);
      this.#view = null;
      this.#seen += 1;
      change = this.#changes[this.#seen];
    }
    this.#view ??= [...this.#known.values()];
    const views = [this.#view];
    let later: Map<string, HpaPod> | null = null;
    for (let next = this.#seen; change && change.receivedMs <= toMs; change = this.#changes[++next]) {
      if (isAfter(change, revision)) continue;
      later ??= new Map(this.#known);
      apply(later, change);
      views.push([...later.values()]);
    }
    return views;
  }
}

function isAfter(change: PodChange, revision: number | null): boolean {
  return revision !== null && change.revision !== null && change.revision > revision;
}

function apply(known: Map<string, HpaPod>, { name, pod }: PodChange): void {
  if (pod) known.set(name, pod);
  else known.delete(name);
}

type Samples = Map<string, Map<string, PodMetric>>;

/**
 * The samples that a reader of the metrics API may have got. One answer of the API is of one moment, so all that came with one poll is seen
 * together or not at all. Asked for later and later times only.
 */
export class SampleViews {
  readonly #polls: SampleChange[][] = [];
  readonly #known: Samples = new Map();
  #seen = 0;

  constructor(changes: readonly SampleChange[]) {
    for (const change of changes) {
      const last = this.#polls.at(-1);
      const [first] = last ?? [];
      if (last && first && change.receivedMs - first.receivedMs < RECEIPT_MS / 2) last.push(change);
      else this.#polls.push([change]);
    }
  }

  /** By `resourceKey`, then by pod; valid until they are asked for again. */
  between(fromMs: number, toMs: number): ReadonlyMap<string, PodMetrics>[] {
    let poll = this.#polls[this.#seen];
    while (poll && receivedMs(poll) < fromMs) {
      addPoll(this.#known, poll);
      this.#seen += 1;
      poll = this.#polls[this.#seen];
    }
    const views = [this.#known];
    let last = this.#known;
    // What a poll brings may have been there since the poll before it.
    for (let next = this.#seen; poll && receivedMs(poll) <= toMs + POLL_MS; poll = this.#polls[++next]) {
      last = withPoll(last, poll);
      views.push(last);
    }
    return views;
  }
}

function receivedMs(poll: readonly SampleChange[]): number {
  return poll[0]?.receivedMs ?? 0;
}

function withPoll(known: Samples, poll: readonly SampleChange[]): Samples {
  const next: Samples = new Map();
  for (const [key, samples] of known) next.set(key, new Map(samples));
  addPoll(next, poll);
  return next;
}

function addPoll(known: Samples, poll: readonly SampleChange[]): void {
  for (const { pod, metrics } of poll) {
    for (const [key, samples] of known) if (!metrics?.[key]) samples.delete(pod);
    for (const key in metrics) {
      const metric = metrics[key];
      if (!metric) continue;
      const samples = known.get(key);
      if (samples) samples.set(pod, metric);
      else known.set(key, new Map([[pod, metric]]));
    }
  }
}
