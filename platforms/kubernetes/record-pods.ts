/** From the watches of a namespace to the history: lives of the workload's pods, endpoints of its Service, gaps. */
import { z } from 'zod';
import { reasonOf } from '../../record/reason.ts';
import { gapName } from '../../record/watch-log.ts';
import type { Emit } from '../platform.ts';
import { CannotRun } from '../platform.ts';
import type { KubeObject } from './cluster.ts';
import { readyEndpoints } from './endpoint-slice.ts';
import type { Change, WatchedKind } from './observed.ts';
import { PodLives } from './pod-life.ts';
import type { PodHappening, ProbeKill } from './pod-life.ts';
import { readPod } from './pod-shape.ts';
import type { PodObject } from './pod-shape.ts';

export interface RecordOptions {
  emit: Emit;
  nowMs: () => number;
  deployment: string;
  /** Labels that the workload's pods have. */
  labels: Record<string, string>;
  /** The container whose life is the pod's. */
  container: string;
  service: string;
  /** Objects as last heard of. */
  objects: (kind: string) => KubeObject[];
  /** The workload's container runs, for the first time or again. */
  started: (pod: string) => void;
}

/** `POST` of a pod's deletion and the ReplicaSet's own change reach us by two watches: what is asked is what holds then. */
const ReplicaSet = z.object({
  metadata: z.object({
    uid: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
    ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
  }),
  spec: z.object({ replicas: z.number().default(1) }).prefault({}),
});

const KillingEvent = z.object({
  reason: z.literal('Killing'),
  message: z.string(),
  count: z.number().nullish(),
  eventTime: z.string().nullish(),
  lastTimestamp: z.string().nullish(),
  involvedObject: z.object({ uid: z.string(), name: z.string() }),
});
/** kubelet: "Container luminate failed liveness probe, will be restarted". */
const FAILED_PROBE = /^Container (\S+) failed (liveness|startup) probe, will be restarted/;

export class PodRecorder {
  readonly #options: RecordOptions;
  readonly #lives: PodLives;
  readonly #kills = new Map<string, ProbeKill>();
  readonly #toldKills = new Map<string, number>();
  #endpoints: string | undefined;
  /** Until the first lists are complete, what comes is older than the run's own look. */
  #live = false;
  #removing = false;
  /** What was never watched, and why: told at the end, as a gap over the whole run. */
  readonly #unwatched = new Map<string, string>();

  constructor(options: RecordOptions) {
    this.#options = options;
    this.#lives = new PodLives(options.container);
  }

  /** The first lists are complete: from now on things happen. */
  live(): void {
    this.#live = true;
    this.#tellEndpoints();
  }

  /** Pods that go from now on go because the run is over. */
  removing(): void {
    this.#removing = true;
  }

  changed(kind: WatchedKind, type: Change, object: KubeObject): void {
    try {
      if (kind.kind === 'Pod') this.#pod(type, readPod(object));
      if (kind.kind === 'EndpointSlice' && this.#live) this.#tellEndpoints();
      if (kind.kind === 'Event') this.#event(type, object);
    } catch (error) {
      const nowMs = this.#options.nowMs();
      const why = reasonOf(error);
      this.#options.emit({ kind: 'gap', what: gapName(kind.kind), fromMs: nowMs, toMs: nowMs, why });
    }
  }

  /** An optional kind that cannot be watched. Without Events a failed probe cannot be told from other causes, so that is more than a note. */
  unwatched(kind: WatchedKind, why: string): void {
    if (kind.kind === 'Event') this.#unwatched.set(gapName(kind.kind), why);
    else {
      const lost = kind.kind === 'Lease' ? ", so restarts of the HPA's controller are not visible" : '';
      this.#options.emit({ kind: 'note', text: `${kind.kind} objects are not watched${lost}: ${why}` });
    }
  }

  /** The run is over and taken down. Idempotent. */
  ended(): void {
    const { emit, nowMs } = this.#options;
    for (const [what, why] of this.#unwatched) emit({ kind: 'gap', what, fromMs: 0, toMs: nowMs(), why });
    this.#unwatched.clear();
  }

  gap(kind: WatchedKind, fromMs: number, toMs: number, why: string): void {
    this.#options.emit({ kind: 'gap', what: gapName(kind.kind), fromMs, toMs, why });
  }

  #pod(type: Change, pod: PodObject): void {
    if (!isOurs(pod, this.#options.labels)) return;
    const { emit, started, nowMs } = this.#options;
    const { name, uid } = pod.metadata;
    const { happenings, unseen } = this.#lives.see(type, pod, {
      before: !this.#live,
      whyDeleted: (gone) => this.#whyDeleted(gone),
      probeKill: (of, container) => this.#kills.get(`${of} ${container}`),
    });
    for (const happening of happenings) {
      if (happening.state === 'exited') this.#kills.delete(`${uid} ${this.#options.container}`);
      emit({ kind: 'pod', pod: name, uid, ...happening });
      if (isStart(happening)) started(name);
    }
    const now = nowMs();
    if (unseen !== undefined) emit({ kind: 'gap', what: 'pods', fromMs: now, toMs: now, why: unseen });
  }

  /** `rollout` when its ReplicaSet is on its way out, `scale-down` when that is to have fewer pods than it has. */
  #whyDeleted(pod: PodObject): string {
    if (this.#removing) return 'remove';
    const owner = pod.metadata.ownerReferences.find(({ kind }) => kind === 'ReplicaSet');
    const sets = this.#options.objects('ReplicaSet').map((object) => ReplicaSet.parse(object));
    const own = sets.find(({ metadata }) => metadata.uid === owner?.uid);
    if (own === undefined) return 'deletion';
    const family = sets.filter(({ metadata }) =>
      metadata.ownerReferences.some(
        ({ kind, name }) => kind === 'Deployment' && name === this.#options.deployment,
      ),
    );
    const newest = Math.max(...family.map(revisionOf));
    if (revisionOf(own) < newest) return 'rollout';
    const siblings = this.#options
      .objects('Pod')
      .map(readPod)
      .filter(
        ({ metadata }) =>
          metadata.deletionTimestamp === undefined &&
          metadata.uid !== pod.metadata.uid &&
          metadata.ownerReferences.some(({ uid }) => uid === own.metadata.uid),
      ).length;
    return siblings >= own.spec.replicas ? 'scale-down' : 'deletion';
  }

  #tellEndpoints(): void {
    const { emit, service, objects } = this.#options;
    const ready = readyEndpoints(objects('EndpointSlice'), service);
    const told = ready.join(' ');
    if (told === this.#endpoints) return;
    this.#endpoints = told;
    emit({ kind: 'endpoints', service, ready });
  }

  /**
   * A probe that failed for good: the kubelet says so before it runs the hook and sends SIGTERM, so the time the container takes
   * counts from here, hook included, as its grace period does.
   */
  #event(type: Change, object: KubeObject): void {
    const event = KillingEvent.safeParse(object);
    if (type === 'DELETED' || !event.success || !this.#live) return;
    const { message, count, eventTime, lastTimestamp, involvedObject } = event.data;
    const [, container, probe] = FAILED_PROBE.exec(message) ?? [];
    if (container === undefined || (probe !== 'liveness' && probe !== 'startup')) return;
    const told = this.#toldKills.get(object.metadata.name) ?? 0;
    if ((count ?? 1) <= told) return;
    this.#toldKills.set(object.metadata.name, count ?? 1);
    const pod = this.#options
      .objects('Pod')
      .map(readPod)
      .find(({ metadata }) => metadata.uid === involvedObject.uid);
    if (pod === undefined || !isOurs(pod, this.#options.labels)) return;
    const stamp = eventTime ?? lastTimestamp;
    const wallMs = stamp === undefined || stamp === null ? Date.now() : Date.parse(stamp);
    this.#kills.set(`${involvedObject.uid} ${container}`, { probe, wallMs });
    if (container === this.#options.container)
      this.#options.emit({
        kind: 'pod',
        pod: involvedObject.name,
        uid: involvedObject.uid,
        state: 'sigterm',
        why: probe,
      });
  }
}

function isStart({ state }: PodHappening): boolean {
  return state === 'started';
}

function isOurs(pod: PodObject, labels: Record<string, string>): boolean {
  const pairs = Object.entries(labels);
  if (pairs.length === 0) throw new CannotRun('a workload without labels has no pods of its own');
  return pairs.every(([key, value]) => pod.metadata.labels[key] === value);
}

function revisionOf({ metadata }: z.infer<typeof ReplicaSet>): number {
  return Number(metadata.annotations['deployment.kubernetes.io/revision'] ?? 0);
}
