/**
 * Deployment, ReplicaSet and endpoints controller in one: keeps the replicas, replaces what is gone, rolls from one
 * generation to the next, and says which pods are in the endpoints.
 */
import type { Pod } from './pod.ts';
import { sleep } from './process.ts';
import { rolloutStep } from './rollout.ts';

export interface ReplicaOptions {
  replicas: number;
  maxSurge: number;
  maxUnavailable: number;
  minReadyMs: number;
  /** A rollout or a replacement that makes no progress for this long has failed (progressDeadlineSeconds). */
  progressDeadlineMs: number;
  graceMs: number;
  /** Makes and starts a pod; `changed` is to be called after every change of its state. */
  create(generation: number, changed: () => void): Pod;
  /** Called whenever the set of ready pods changed. */
  onEndpoints(ready: Pod[]): void;
}

export class Replicas {
  readonly options: ReplicaOptions;
  /** Every pod that is not deleted, also the terminating ones. */
  pods: Pod[] = [];
  generation = 1;
  readonly #listeners = new Set<() => void>();
  #running = false;
  #busy = false;
  #again = false;
  #endpoints = '';

  constructor(options: ReplicaOptions) {
    this.options = options;
  }

  start(): void {
    this.#running = true;
    this.changed();
  }

  /** Like `kubectl rollout restart`: pods of a new generation take the place of all others. */
  restart(): void {
    this.generation += 1;
    this.changed();
  }

  /** Like the scale subresource. Surge and unavailability may be shares of the replicas, so they change along. */
  scaleTo(replicas: number, bounds: Pick<ReplicaOptions, 'maxSurge' | 'maxUnavailable'>): void {
    Object.assign(this.options, { replicas, ...bounds });
    this.changed();
  }

  /** Grace 0: no hook, no SIGTERM; the replacement does not wait for anything. */
  kill(uid: string, why: string): void {
    const pod = this.pods.find((candidate) => candidate.uid === uid);
    void pod?.terminate({ why, graceMs: 0, hook: false });
  }

  /** Ends everything; nothing is replaced any more. */
  async remove(graceMs: number): Promise<void> {
    this.#running = false;
    await Promise.all(this.pods.map((pod) => pod.terminate({ why: 'remove', graceMs, hook: false })));
  }

  ready(): Pod[] {
    return this.pods.filter((pod) => pod.ready && !pod.terminating);
  }

  /** All replicas are there, of the newest generation and available, and nothing else is. */
  settled(): boolean {
    const { pods, options } = this;
    return (
      pods.length === options.replicas &&
      pods.every((pod) => pod.generation === this.generation && this.#available(pod))
    );
  }

  /**
   * Waits for a condition that only pod changes can bring about. Rejects when nothing changed for the progress deadline;
   * resolves early when the signal is aborted.
   */
  async until(condition: () => boolean, what: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !condition()) {
      const change = new AbortController();
      const wake = () => change.abort();
      this.#listeners.add(wake);
      await sleep(this.options.progressDeadlineMs, AbortSignal.any([signal, change.signal]));
      this.#listeners.delete(wake);
      if (signal.aborted || change.signal.aborted) continue;
      const waiting = this.pods
        .filter((pod) => !pod.ready)
        .map((pod) => `${pod.name}: ${pod.lastTrouble || 'not ready'}`);
      throw new Error(
        `${what}: no progress for ${this.options.progressDeadlineMs / 1000} s (progressDeadlineSeconds); ${waiting.join('; ')}`,
      );
    }
  }

  /** After every change of a pod: publishes the endpoints first, then creates and deletes what is due. */
  changed(): void {
    this.#again = true;
    if (this.#busy) return; // the loop below is under way further up the stack
    this.#busy = true;
    try {
      while (this.#again) {
        this.#again = false;
        this.pods = this.pods.filter((pod) => !pod.deleted);
        this.#publish();
        if (this.#running) this.#reconcile();
      }
    } finally {
      this.#busy = false;
    }
    for (const listener of this.#listeners) listener();
  }

  #publish(): void {
    const ready = this.ready();
    const key = ready.map((pod) => pod.uid).join(' ');
    if (key === this.#endpoints) return;
    this.#endpoints = key;
    this.options.onEndpoints(ready);
    if (this.options.minReadyMs > 0) setTimeout(() => this.changed(), this.options.minReadyMs + 1).unref();
  }

  #reconcile(): void {
    const staying = this.pods.filter((pod) => !pod.terminating);
    const fresh = staying.filter((pod) => pod.generation === this.generation);
    const old = staying.filter((pod) => pod.generation !== this.generation);
    const isAvailable = (pod: Pod) => this.#available(pod);
    const oldAvailable = old.filter(isAvailable);
    const oldUnavailable = old.filter((pod) => !isAvailable(pod));
    const step = rolloutStep({
      replicas: this.options.replicas,
      maxSurge: this.options.maxSurge,
      maxUnavailable: this.options.maxUnavailable,
      newPods: fresh.length,
      newAvailable: fresh.filter(isAvailable).length,
      oldAvailable: oldAvailable.length,
      oldUnavailable: oldUnavailable.length,
    });
    for (let i = 0; i < step.create; i++)
      this.pods.push(this.options.create(this.generation, () => this.changed()));
    const leaving = [
      ...oldUnavailable.slice(0, step.deleteOldUnavailable),
      ...oldAvailable.slice(0, step.deleteOldAvailable),
    ];
    for (const pod of leaving)
      void pod.terminate({ why: 'rollout', graceMs: this.options.graceMs, hook: true });
    for (const pod of leastNeeded(fresh).slice(0, Math.max(0, fresh.length - this.options.replicas)))
      void pod.terminate({ why: 'scale-down', graceMs: this.options.graceMs, hook: true });
  }

  #available(pod: Pod): boolean {
    return pod.ready && !pod.terminating && performance.now() - pod.readySinceMs >= this.options.minReadyMs;
  }
}

/** In the order in which a ReplicaSet gives pods up: first those that are not ready, then those that became ready last (ActivePodsWithRanks). */
function leastNeeded(pods: readonly Pod[]): Pod[] {
  return pods.toSorted((a, b) => Number(a.ready) - Number(b.ready) || b.readySinceMs - a.readySinceMs);
}
