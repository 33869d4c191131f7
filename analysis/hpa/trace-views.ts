/**
 * What a reader of the API may have had before it at a moment: pods from their watch, samples from the metrics API. The record tells when a
 * change was received here, not when the controller had it, so there are several views.
 */
import { type PodChange, RECEIPT_MS, type SampleChange } from './trace.ts';
import type { HpaPod, PodMetric, PodMetrics } from './types.ts';

/** A new value of PodMetrics is seen at the latest this long after it could be asked for: the period of the polls and an answer, ms. */
const POLL_MS = 6_000;

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
