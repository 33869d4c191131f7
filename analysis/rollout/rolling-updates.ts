/**
 * Rolling updates of one Deployment, walked change by change. Upstream: pkg/controller/deployment (rolling.go, ResolveFenceposts,
 * DeploymentComplete). During one,
 *  - pods that are not on their way out are at most replicas + maxSurge (percentages round up),
 *  - available pods (Ready for minReadySeconds, not on their way out) are at least replicas - maxUnavailable (percentages round down);
 *    both 0 counts as 1 unavailable;
 *  - it is over when the Deployment says so of its latest generation and the last pod of an older ReplicaSet is gone.
 * An HPA may change `replicas` meanwhile: the bounds follow at once downwards, and upwards as far as pods have been available since.
 */
import { rollingBounds } from '../amount.ts';
import type { RunView } from '../view.ts';
import {
  type Change,
  changes,
  type WatchedDeployment,
  type WatchedPod,
  type WatchedReplicaSet,
} from './watched.ts';

/** Why a pod stopped being available. Only the first two are the rollout's or the program's own. */
type Loss = 'told to go' | 'no longer ready' | 'evicted' | 'killed';

export interface Dip {
  atMs: number;
  pod: string;
  how: Loss;
  available: number;
  floor: number;
}
export interface Excess {
  fromMs: number;
  /** The last moment at which there were too many. */
  toMs: number;
  pods: number;
  ceiling: number;
}
export interface RollingUpdate {
  fromMs: number;
  /** Null: not over when the record ends. */
  doneMs: number | null;
  /** When the Deployment itself called it complete; old pods may still be ending. */
  completeMs: number | null;
  /** When the controller gave it up (ProgressDeadlineExceeded). */
  stalledMs: number | null;
  /** Of the strategy Recreate, which promises nothing. */
  recreate: boolean;
  dips: Dip[];
  excesses: Excess[];
  fewestAvailable: number;
  /** Pods that were seen to be available when it began, where those were fewer than its floor. */
  beganShort: { available: number; floor: number } | null;
  mostPods: number;
  /** At its end. */
  replicas: number;
  floor: number;
  ceiling: number;
  /** Pods of older ReplicaSets that are left. */
  oldPods: string[];
}

/**
 * The Deployment controller counts what its ReplicaSets are told to have, and their controllers create and delete pods on their own time, so for
 * some moments there may be one more than it has counted.
 */
const SETTLE_MS = 2_000;
/** The controller counts minReadySeconds from the kubelet's own time, which comes in whole seconds and before it is told here. */
const READY_SLACK_MS = 2_000;

/** In the order of their beginning; one that a new one overtook ends there, not done. */
export function rollingUpdates(view: Pick<RunView, 'watch' | 'events'>, deployment: string): RollingUpdate[] {
  const walk = new Walk(deployment);
  for (const change of changes(view)) walk.take(change);
  return walk.updates.map((update) => ({
    ...update,
    excesses: update.excesses.filter(({ fromMs, toMs }) => toMs - fromMs > SETTLE_MS),
  }));
}

interface LivePod extends WatchedPod {
  readySinceMs: number | null;
}

class Walk {
  readonly updates: RollingUpdate[] = [];
  readonly #name: string;
  readonly #pods = new Map<string, LivePod>();
  readonly #replicaSets = new Map<string, WatchedReplicaSet>();
  #deployment: WatchedDeployment | null = null;
  /** The update that is going on. */
  #update: RollingUpdate | null = null;
  /** As many as have been available since the bound went up: before that nobody can be missed. */
  #armed = 0;
  /** The one that lasts: more pods than this moment's ceiling and those of the last SETTLE_MS. */
  #excess: Excess | null = null;
  #ceilings: { atMs: number; ceiling: number }[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  take(change: Change): void {
    if (change.kind === 'Deployment' && change.name === this.#name)
      this.#takeDeployment(change.atMs, change.now);
    else if (change.kind === 'ReplicaSet') {
      if (change.now === null) this.#replicaSets.delete(change.name);
      else if (change.now.owner === this.#name) this.#replicaSets.set(change.name, change.now);
    } else if (change.kind === 'Pod') this.#takePod(change);
    else return;
    this.#look(change.atMs);
  }

  #takeDeployment(atMs: number, now: WatchedDeployment | null): void {
    const before = this.#deployment;
    this.#deployment = now;
    if (now === null) this.#update = null;
    if (before === null || now === null) return;
    // Values of variables are not in the log, so a change of one is seen by its revision alone.
    const changed = before.template !== now.template;
    const revised = before.revision !== '' && before.revision !== now.revision && this.#update === null;
    if (!changed && !revised) return;
    const { floor, ceiling } = boundsOf(now);
    this.#update = {
      fromMs: atMs,
      doneMs: null,
      completeMs: null,
      stalledMs: null,
      recreate: now.strategy.type === 'Recreate',
      dips: [],
      excesses: [],
      fewestAvailable: Number.POSITIVE_INFINITY,
      beganShort: null,
      mostPods: 0,
      replicas: now.replicas,
      floor,
      ceiling,
      oldPods: [],
    };
    const available = this.#available(atMs);
    if (available < floor) this.#update.beganShort = { available, floor };
    this.#armed = 0;
    this.#excess = null;
    this.updates.push(this.#update);
  }

  #takePod({ uid, now, atMs }: Change & { kind: 'Pod' }): void {
    const before = this.#pods.get(uid);
    if (now === null) this.#pods.delete(uid);
    else {
      const readySinceMs = now.ready ? (before?.readySinceMs ?? atMs) : null;
      this.#pods.set(uid, { ...now, readySinceMs });
    }
    if (!before || !this.#isOurs(before) || !this.#update || this.#update.recreate) return;
    const [had, has] = [before, this.#pods.get(uid)].map(
      (pod) => pod !== undefined && this.#isAvailable(pod, atMs),
    );
    const available = this.#available(atMs);
    if (!had || has || available >= this.#armed) return;
    const how = lossOf(before, now);
    this.#update.dips.push({ atMs, pod: before.name, how, available, floor: this.#armed });
  }

  /** What holds at this moment, after every change. */
  #look(atMs: number): void {
    const [update, deployment] = [this.#update, this.#deployment];
    if (update === null || deployment === null) return;
    const { floor, ceiling } = boundsOf(deployment);
    const available = this.#available(atMs);
    const pods = [...this.#pods.values()].filter((pod) => this.#isOurs(pod) && isActive(pod)).length;
    this.#armed = Math.min(floor, Math.max(this.#armed, available));
    update.replicas = deployment.replicas;
    update.floor = floor;
    update.ceiling = ceiling;
    update.fewestAvailable = Math.min(update.fewestAvailable, available);
    update.mostPods = Math.max(update.mostPods, pods);
    if (!update.recreate) this.#lookAtExcess(update, atMs, pods, ceiling);
    this.#lookAtEnd(update, deployment, atMs);
  }

  #lookAtExcess(update: RollingUpdate, atMs: number, pods: number, ceiling: number): void {
    this.#ceilings = [...this.#ceilings.filter((one) => one.atMs >= atMs - SETTLE_MS), { atMs, ceiling }];
    const allowed = Math.max(...this.#ceilings.map((one) => one.ceiling));
    if (pods <= allowed) {
      if (this.#excess) this.#excess.toMs = atMs;
      this.#excess = null;
    } else if (this.#excess) {
      this.#excess.toMs = atMs;
      this.#excess.pods = Math.max(this.#excess.pods, pods);
    } else {
      this.#excess = { fromMs: atMs, toMs: atMs, pods, ceiling: allowed };
      update.excesses.push(this.#excess);
    }
  }

  #lookAtEnd(update: RollingUpdate, deployment: WatchedDeployment, atMs: number): void {
    const { status, generation, replicas } = deployment;
    const newest = Math.max(0, ...[...this.#replicaSets.values()].map(({ revision }) => revision));
    update.oldPods = [...this.#pods.values()]
      .filter((pod) => this.#isOurs(pod) && this.#replicaSets.get(pod.owner?.name ?? '')?.revision !== newest)
      .map(({ name }) => name);
    const stalled = status.conditions.some(
      ({ type, status: state, reason }) =>
        type === 'Progressing' && state === 'False' && reason === 'ProgressDeadlineExceeded',
    );
    if (stalled) update.stalledMs ??= atMs;
    const complete =
      status.observedGeneration >= generation &&
      status.updatedReplicas === replicas &&
      status.replicas === replicas &&
      status.availableReplicas === replicas;
    // The status of the generation before it says the same.
    if (complete && deployment.revision === String(newest)) update.completeMs ??= atMs;
    if (update.completeMs === null || update.oldPods.length > 0) return;
    update.doneMs = atMs;
    this.#update = null;
  }

  #available(atMs: number): number {
    return [...this.#pods.values()].filter((pod) => this.#isOurs(pod) && this.#isAvailable(pod, atMs)).length;
  }

  #isAvailable(pod: LivePod, atMs: number): boolean {
    const waitMs = Math.max(0, (this.#deployment?.minReadySeconds ?? 0) * 1_000 - READY_SLACK_MS);
    return isActive(pod) && pod.readySinceMs !== null && atMs - pod.readySinceMs >= waitMs;
  }

  #isOurs({ owner }: WatchedPod): boolean {
    return owner?.kind === 'ReplicaSet' && this.#replicaSets.has(owner.name);
  }
}

function isActive({ terminating, phase }: WatchedPod): boolean {
  return !terminating && phase !== 'Succeeded' && phase !== 'Failed';
}

function lossOf(before: WatchedPod, now: WatchedPod | null): Loss {
  if ((now ?? before).disruption !== null) return 'evicted';
  if (now === null) return 'killed';
  if (!now.terminating) return now.phase === 'Failed' ? 'killed' : 'no longer ready';
  return now.graceS === 0 || before.terminating ? 'killed' : 'told to go';
}

function boundsOf({ replicas, strategy }: WatchedDeployment): { floor: number; ceiling: number } {
  if (strategy.type === 'Recreate') return { floor: 0, ceiling: replicas };
  // The API server lets nothing in that is no amount.
  const bounds = rollingBounds(strategy.rollingUpdate, replicas) ?? { maxSurge: 0, maxUnavailable: 1 };
  return {
    floor: Math.max(0, replicas - bounds.maxUnavailable),
    ceiling: replicas + bounds.maxSurge,
  };
}
