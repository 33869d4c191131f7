/**
 * Evictions, and nodes that are emptied, walked change by change. Upstream: registry/core/pod/storage/eviction.go and
 * pkg/controller/disruption: an eviction is granted while the budget's disruptionsAllowed = currentHealthy - desiredHealthy is above 0,
 * healthy meaning Ready and not on its way out. Nothing else asks a budget: no rollout, no scale-down, no delete, no kill.
 */
import { budgetSelects } from '../lint/selector.ts';
import type { RunView } from '../view.ts';
import { type Change, changes, type WatchedBudget, type WatchedPod } from './watched.ts';

/** Of a pod that was healthy, under a budget; evicting another one takes nothing from it. */
export interface Eviction {
  atMs: number;
  pod: string;
  node: string | null;
  budget: string;
  /** Healthy pods of the budget that were left. */
  healthy: number;
  desired: number;
  /** The last one that something else took before it. */
  otherLoss: { pod: string; atMs: number } | null;
}

/** What a budget said at a moment. */
interface BudgetState extends WatchedBudget {
  name: string;
  /** Since when it has allowed nothing; null: it allows. */
  closedSinceMs: number | null;
}

/** From the cordon of a node to its end. */
export interface Emptying {
  node: string;
  fromMs: number;
  /** Null: still cordoned when the record ends. */
  toMs: number | null;
  /** Pods that no drain may leave there, at its end: those of no DaemonSet, no static ones, none that have ended. */
  left: { pod: string; terminating: boolean; budget: BudgetState | null }[];
  /** Pods without a node at its end. */
  pending: string[];
}

export interface Evictions {
  /** Pods under no budget, or not healthy, are not among them. */
  guarded: Eviction[];
  /** All that were evicted. */
  count: number;
  emptied: Emptying[];
  /** Budgets on record. */
  budgets: string[];
}

/** All of the run, until it began to take itself down. */
export function evictions(view: Pick<RunView, 'watch' | 'events'>): Evictions {
  const walk = new Walk();
  for (const change of changes(view)) walk.take(change);
  return walk.result();
}

class Walk {
  readonly #pods = new Map<string, WatchedPod>();
  readonly #budgets = new Map<string, BudgetState>();
  readonly #seen = new Set<string>();
  readonly #losses: { pod: WatchedPod; atMs: number }[] = [];
  readonly #cordons = new Map<string, number>();
  readonly #guarded: Eviction[] = [];
  readonly #emptied: Emptying[] = [];
  #count = 0;

  take(change: Change): void {
    if (change.kind === 'Pod') this.#takePod(change);
    else if (change.kind === 'PodDisruptionBudget') this.#takeBudget(change);
    else if (change.kind === 'Node') this.#takeNode(change);
  }

  result(): Evictions {
    const open = [...this.#cordons].map(([node, fromMs]) => this.#emptying(node, fromMs, null));
    return {
      guarded: this.#guarded,
      count: this.#count,
      emptied: [...this.#emptied, ...open],
      budgets: [...this.#seen],
    };
  }

  #takePod({ uid, now, atMs }: Change & { kind: 'Pod' }): void {
    const before = this.#pods.get(uid);
    if (now === null) this.#pods.delete(uid);
    else this.#pods.set(uid, now);
    if (!before) return;
    // One without a grace period is gone at once, and what it was last seen with tells.
    const leaves = !before.terminating && (now === null || now.terminating);
    const evicted = leaves && (now ?? before).disruption === BY_EVICTION;
    if (evicted) this.#count += 1;
    if (!isHealthy(before) || (now !== null && isHealthy(now))) return;
    if (evicted) this.#guard(before, atMs);
    else this.#losses.push({ pod: before, atMs });
  }

  #guard({ name: pod, node, labels }: WatchedPod, atMs: number): void {
    for (const { name, selector, desiredHealthy } of this.#budgets.values()) {
      if (desiredHealthy === null || !budgetSelects(selector, labels)) continue;
      const healthy = [...this.#pods.values()].filter(
        (other) => isHealthy(other) && budgetSelects(selector, other.labels),
      ).length;
      const loss = this.#losses.findLast((other) => budgetSelects(selector, other.pod.labels));
      this.#guarded.push({
        atMs,
        pod,
        node,
        budget: name,
        healthy,
        desired: desiredHealthy,
        otherLoss: loss ? { pod: loss.pod.name, atMs: loss.atMs } : null,
      });
    }
  }

  #takeBudget({ name, now, atMs }: Change & { kind: 'PodDisruptionBudget' }): void {
    this.#seen.add(name);
    const sinceMs = this.#budgets.get(name)?.closedSinceMs ?? atMs;
    if (now === null) this.#budgets.delete(name);
    else
      this.#budgets.set(name, { ...now, name, closedSinceMs: now.disruptionsAllowed > 0 ? null : sinceMs });
  }

  #takeNode({ name, now, atMs }: Change & { kind: 'Node' }): void {
    const fromMs = this.#cordons.get(name);
    if (now?.unschedulable === true) this.#cordons.set(name, fromMs ?? atMs);
    else if (fromMs !== undefined) {
      this.#emptied.push(this.#emptying(name, fromMs, atMs));
      this.#cordons.delete(name);
    }
  }

  #emptying(node: string, fromMs: number, toMs: number | null): Emptying {
    const all = [...this.#pods.values()];
    const left = all
      .filter((pod) => pod.node === node && !hasEnded(pod) && !pod.mirror && pod.owner?.kind !== 'DaemonSet')
      .map(({ name, terminating, labels }) => {
        const budget = [...this.#budgets.values()].find(({ selector }) => budgetSelects(selector, labels));
        return { pod: name, terminating, budget: budget ?? null };
      });
    const pending = all.filter((pod) => pod.node === null && !pod.terminating).map(({ name }) => name);
    return { node, fromMs, toMs, left, pending };
  }
}

const BY_EVICTION = 'EvictionByEvictionAPI';

function isHealthy(pod: WatchedPod): boolean {
  return pod.ready && !pod.terminating && !hasEnded(pod);
}

function hasEnded({ phase }: WatchedPod): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}
