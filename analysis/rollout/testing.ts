/** A cluster's watch log written by hand: each call is one change, in the order in which the store took it. */
import type { WatchLine } from '../../record/watch-log.ts';

const NAME = 'told';

export interface PodWords {
  ready?: boolean;
  node?: string;
  /** Its ReplicaSet; a DaemonSet or none where that is the question. */
  set?: string;
  owner?: string;
  phase?: string;
  /** Seconds of grace: it has been told to go. */
  grace?: number;
  /** Reason of its condition DisruptionTarget. */
  disruption?: string;
}

export class WatchLog {
  readonly lines: WatchLine[] = [];
  readonly #known = new Set<string>();
  #revision = 100;

  deployment(atMs: number, words: DeploymentWords): this {
    const { replicas = 3, template = 'v1', generation = 1, revision = 1, status = {} } = words;
    const { maxSurge = 1, maxUnavailable = 0, strategy = 'RollingUpdate', minReadySeconds } = words;
    const { observed = generation, total = replicas, updated = total, available = total, stalled } = status;
    return this.#write(atMs, 'Deployment', NAME, {
      metadata: { generation, annotations: { 'deployment.kubernetes.io/revision': String(revision) } },
      spec: {
        replicas,
        ...(minReadySeconds !== undefined && { minReadySeconds }),
        strategy: { type: strategy, rollingUpdate: { maxSurge, maxUnavailable } },
        template: { image: template },
      },
      status: {
        observedGeneration: observed,
        replicas: total,
        updatedReplicas: updated,
        availableReplicas: available,
        conditions: stalled
          ? [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]
          : [],
      },
    });
  }

  replicaSet(atMs: number, name: string, revision: number): this {
    return this.#write(atMs, 'ReplicaSet', name, {
      metadata: {
        annotations: { 'deployment.kubernetes.io/revision': String(revision) },
        ownerReferences: [{ kind: 'Deployment', name: NAME }],
      },
    });
  }

  pod(atMs: number, name: string, words: PodWords = {}): this {
    return this.#write(atMs, 'Pod', name, podOf(words));
  }

  podGone(atMs: number, name: string, words: PodWords = {}): this {
    return this.#write(atMs, 'Pod', name, podOf({ grace: 0, ...words }), 'DELETED');
  }

  /** What its controller says at that moment. */
  budget(atMs: number, desired: number, allowed: number, expected = 3): this {
    return this.#write(atMs, 'PodDisruptionBudget', 'told-budget', {
      metadata: {},
      spec: { selector: { matchLabels: { app: NAME } } },
      status: { desiredHealthy: desired, disruptionsAllowed: allowed, expectedPods: expected },
    });
  }

  node(atMs: number, name: string, unschedulable: boolean): this {
    return this.#write(atMs, 'Node', name, { metadata: {}, spec: unschedulable ? { unschedulable } : {} });
  }

  #write(
    atMs: number,
    kind: string,
    name: string,
    { metadata, ...rest }: { metadata: Record<string, unknown> } & Record<string, unknown>,
    type: WatchLine['type'] = this.#known.has(`${kind} ${name}`) ? 'MODIFIED' : 'ADDED',
  ): this {
    this.#revision += 1;
    this.#known.add(`${kind} ${name}`);
    const object = {
      kind,
      metadata: { name, uid: `${kind}-${name}`, resourceVersion: String(this.#revision), ...metadata },
      ...rest,
    };
    this.lines.push({ atMs, type, kind, name, object });
    return this;
  }
}

export interface DeploymentWords {
  replicas?: number;
  /** A change of it begins a rolling update. */
  template?: string;
  generation?: number;
  revision?: number;
  maxSurge?: number | string;
  maxUnavailable?: number | string;
  minReadySeconds?: number;
  strategy?: string;
  status?: { observed?: number; total?: number; updated?: number; available?: number; stalled?: boolean };
}

function podOf({
  ready = false,
  node = 'n1',
  set = 'old',
  owner = 'ReplicaSet',
  phase = 'Running',
  grace,
  disruption,
}: PodWords) {
  const conditions = [
    { type: 'Ready', status: ready ? 'True' : 'False' },
    ...(disruption === undefined ? [] : [{ type: 'DisruptionTarget', status: 'True', reason: disruption }]),
  ];
  return {
    metadata: {
      labels: { app: NAME },
      ownerReferences: [{ kind: owner, name: set }],
      ...(grace !== undefined && {
        deletionTimestamp: '2026-01-01T00:00:00Z',
        deletionGracePeriodSeconds: grace,
      }),
    },
    spec: node === '' ? {} : { nodeName: node },
    status: { phase, conditions },
  };
}
