/**
 * The objects of a rollout or a drain as a cluster's watch log has them, one small state each, in the order in which they changed.
 *
 * Each kind has its own watch, so lines of two kinds may be told the wrong way round. `metadata.resourceVersion` is the revision of the store,
 * one counter for all kinds, and comparable as a number (KEP-5504): by that they are sorted, and a line is given no earlier time than the one before.
 */
import { z } from 'zod';
import type { EventOf } from '../../record/model.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import { blindGaps } from '../blind.ts';
import { seconds } from '../check.ts';
import { MaybeLabelSelector } from '../lint/selector.ts';
import type { RunView } from '../view.ts';

const metadata = z.object({
  uid: z.string(),
  resourceVersion: z.string().optional(),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.number().optional(),
});
const amount = z.union([z.number(), z.string()]).transform(String);

const Pod = z
  .object({
    metadata,
    spec: z.object({ nodeName: z.string().optional() }).prefault({}),
    status: z
      .object({
        phase: z.string().default('Pending'),
        conditions: z
          .array(
            z.object({
              type: z.string(),
              status: z.string(),
              reason: z.string().optional(),
            }),
          )
          .default([]),
      })
      .prefault({}),
  })
  .transform(({ metadata: meta, spec, status: { phase, conditions } }) => ({
    uid: meta.uid,
    labels: meta.labels,
    owner: meta.ownerReferences[0] ?? null,
    /** The API server's picture of a static pod: no drain moves it. */
    mirror: 'kubernetes.io/config.mirror' in meta.annotations,
    node: spec.nodeName ?? null,
    phase,
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    terminating: meta.deletionTimestamp !== undefined,
    graceS: meta.deletionGracePeriodSeconds ?? null,
    /** Of the condition DisruptionTarget: EvictionByEvictionAPI and others; null for a plain delete. */
    disruption:
      conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')?.reason ?? null,
  }));
export type WatchedPod = z.output<typeof Pod> & { name: string };

const Deployment = z
  .object({
    metadata: metadata.extend({ generation: z.number().default(0) }),
    spec: z.object({
      replicas: z.number().default(1),
      minReadySeconds: z.number().default(0),
      strategy: z
        .object({
          type: z.string().default('RollingUpdate'),
          rollingUpdate: z
            .object({ maxSurge: amount.default('25%'), maxUnavailable: amount.default('25%') })
            .prefault({}),
        })
        .prefault({}),
      template: z.unknown(),
    }),
    status: z
      .object({
        observedGeneration: z.number().default(0),
        replicas: z.number().default(0),
        updatedReplicas: z.number().default(0),
        availableReplicas: z.number().default(0),
        conditions: z
          .array(z.object({ type: z.string(), status: z.string(), reason: z.string().optional() }))
          .default([]),
      })
      .prefault({}),
  })
  .transform(({ metadata: meta, spec, status }) => ({
    generation: meta.generation,
    revision: meta.annotations[REVISION] ?? '',
    ...spec,
    template: JSON.stringify(spec.template),
    status,
  }));
export type WatchedDeployment = z.output<typeof Deployment>;
/** Of the rollout that made it: on the Deployment the latest, on each ReplicaSet its own. */
const REVISION = 'deployment.kubernetes.io/revision';

const ReplicaSet = z.object({ metadata }).transform(({ metadata: meta }) => ({
  revision: Number(meta.annotations[REVISION] ?? 0),
  owner: meta.ownerReferences[0]?.name ?? null,
}));
export type WatchedReplicaSet = z.output<typeof ReplicaSet>;

const Budget = z
  .object({
    metadata,
    spec: z.object({ selector: MaybeLabelSelector }).prefault({}),
    status: z
      .object({
        disruptionsAllowed: z.number().default(0),
        desiredHealthy: z.number().optional(),
        expectedPods: z.number().default(0),
      })
      .prefault({}),
  })
  .transform(({ spec, status: { desiredHealthy, ...status } }) => ({
    selector: spec.selector,
    ...status,
    /** Null: its controller has not looked at it yet. */
    desiredHealthy: desiredHealthy ?? null,
  }));
export type WatchedBudget = z.output<typeof Budget>;

const Node = z
  .object({ spec: z.object({ unschedulable: z.boolean().default(false) }).prefault({}) })
  .transform(({ spec }) => spec);
export type WatchedNode = z.output<typeof Node>;

/** An object as it is from this moment on; `now` null: it is gone, or could not be read. */
export type Change = { atMs: number; name: string } & (
  | { kind: 'Pod'; now: WatchedPod | null; uid: string }
  | { kind: 'Deployment'; now: WatchedDeployment | null }
  | { kind: 'ReplicaSet'; now: WatchedReplicaSet | null }
  | { kind: 'PodDisruptionBudget'; now: WatchedBudget | null }
  | { kind: 'Node'; now: WatchedNode | null }
);

/** Every change until the run began to take itself down. */
export function changes({ watch, events }: Pick<RunView, 'watch' | 'events'>): Change[] {
  const endMs =
    events.find((event) => event.kind === 'phase' && event.phase === 'undo')?.at ?? Number.POSITIVE_INFINITY;
  const read: { change: Change; revision: number }[] = [];
  for (const line of watch()) {
    if (line.atMs >= endMs) break;
    const change = changeOf(line);
    if (change) read.push({ change, revision: revisionOf(line) });
  }
  if (read.every(({ revision }) => Number.isSafeInteger(revision)))
    read.sort((a, b) => a.revision - b.revision);
  let lastMs = 0;
  return read.map(({ change }) => {
    lastMs = Math.max(lastMs, change.atMs);
    return { ...change, atMs: lastMs };
  });
}

function revisionOf({ object }: WatchLine): number {
  const { data } = z.object({ metadata: z.object({ resourceVersion: z.string() }) }).safeParse(object);
  return data === undefined ? Number.NaN : Number(data.metadata.resourceVersion);
}

function changeOf({ atMs, type, kind, name, object }: WatchLine): Change | null {
  const gone = type === 'DELETED';
  if (kind === 'Pod') {
    const { data } = Pod.safeParse(object);
    return data ? { atMs, kind, name, uid: data.uid, now: gone ? null : { name, ...data } } : null;
  }
  if (kind === 'Deployment')
    return { atMs, kind, name, now: gone ? null : (Deployment.safeParse(object).data ?? null) };
  if (kind === 'ReplicaSet')
    return { atMs, kind, name, now: gone ? null : (ReplicaSet.safeParse(object).data ?? null) };
  if (kind === 'PodDisruptionBudget')
    return { atMs, kind, name, now: gone ? null : (Budget.safeParse(object).data ?? null) };
  return kind === 'Node'
    ? { atMs, kind, name, now: gone ? null : (Node.safeParse(object).data ?? null) }
    : null;
}

/** Stretches in which one of these kinds was not watched, or the log was not written, that touch a time. */
export function blindStretches(
  { events }: Pick<RunView, 'events'>,
  kinds: readonly Change['kind'][],
  [fromMs, toMs]: readonly [number, number],
): EventOf<'gap'>[] {
  return blindGaps(events, kinds).filter((gap) => gap.toMs >= fromMs && gap.fromMs <= toMs);
}

/** Of all stretches the longest, in words. Null: there is none. */
export function blindWords(stretches: readonly EventOf<'gap'>[]): string | null {
  const [longest] = stretches.toSorted((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs));
  if (!longest) return null;
  const { what, fromMs, toMs, why } = longest;
  const times = stretches.length === 1 ? '' : `, the longest of ${stretches.length} gaps`;
  return `${what}: nothing was seen from ${seconds(fromMs)} to ${seconds(toMs)}${times} (${why})`;
}
