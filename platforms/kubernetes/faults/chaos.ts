/**
 * Life of a Chaos Mesh object: made once, read for words, deleted and seen gone. What its status says is bookkeeping: a stressor that
 * died at once still counts as injected there, so no proof is made of it (docs/verdicts.md).
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ApiError } from '../cluster.ts';
import type { Cluster, Deployed, KubeObject, ObjectRef } from '../cluster.ts';
import { RUN_LABEL } from '../labels.ts';
import type { ChaosFile } from './chaos-file.ts';
import { CHAOS_API, readStatus } from './chaos-status.ts';
import type { ChaosStatus } from './chaos-status.ts';
import { assertNoOverlap } from './overlap.ts';
import type { PodFacts } from './pod.ts';
import { reason, until } from './wait.ts';

/**
 * `spec.duration` is the backstop for a harness that dies: Chaos Mesh counts it from the creation of the object and not from the moment
 * it acts, so it must be longer than the fault, milliseconds.
 */
const BACKSTOP_MS = 30_000;
/** Recovering pod by pod may take a while; a deletion that makes no progress this long is stuck, milliseconds. */
const STUCK_AFTER_MS = 15_000;
const GONE_WITHIN_MS = 60_000;
const FORCED_WITHIN_MS = 5_000;
/** Removes the finalizer without recovering (Chaos Mesh, controllers/common/finalizers). */
const FORCE = 'chaos-mesh.chaos-mesh.org/cleanFinalizer';

/** Eight hexadecimal digits that stand for a run in names, where its whole id would be too long. */
export function shortRunId(runId: string): string {
  return createHash('sha256').update(runId).digest('hex').slice(0, 8);
}

/** The object that is sent: the file's effect, aimed at exactly these pods. */
export function chaosObject(
  deployed: Pick<Deployed, 'namespace' | 'runId'>,
  file: ChaosFile,
  aimed: { pods: readonly PodFacts[]; target?: readonly PodFacts[] },
  forMs: number | undefined,
): KubeObject {
  const { namespace, runId } = deployed;
  const these = (pods: readonly PodFacts[]) => ({
    mode: 'all',
    // Chaos Mesh takes `pods` as it stands and asks nothing else; the namespace is what its own access check reads.
    selector: { namespaces: [namespace], pods: { [namespace]: pods.map(({ name }) => name) } },
  });
  const spec: Record<string, unknown> = { ...file.spec, ...these(aimed.pods) };
  delete spec['value'];
  delete spec['duration'];
  if (aimed.target) spec['target'] = these(aimed.target);
  if (forMs !== undefined) spec['duration'] = `${Math.ceil((forMs + BACKSTOP_MS) / 1_000)}s`;
  return {
    apiVersion: CHAOS_API,
    kind: file.kind,
    metadata: { name: `${file.name}-${shortRunId(runId)}`, namespace, labels: { [RUN_LABEL]: runId } },
    spec,
  };
}

export interface ChaosLife {
  /** True from `inject` on. */
  injected(): boolean;
  /** Refuses (CannotRun) where another fault is already aimed at one of the pods; a name that is taken is never overwritten. */
  inject(): Promise<void>;
  /** Deletes the object and waits until it is gone; idempotent. Throws when it stays, or when it could only be torn away. */
  remove(): Promise<void>;
  /** What Chaos Mesh says of it, for people who ask why a fault does not act; empty before `inject`. */
  says(): Promise<string>;
}

export function chaosLife(deployed: Deployed, object: KubeObject, pods: readonly PodFacts[]): ChaosLife {
  const { cluster } = deployed;
  const ref = refOf(object);
  let injected = false;
  let removed = false;
  return {
    injected: () => injected,
    async inject() {
      await assertNoOverlap(deployed, pods);
      injected = true;
      try {
        await cluster.create(object);
      } catch (error) {
        // A refusal made nothing, and the name may be somebody else's. Without an answer, or when the server failed, it may have been made.
        if (error instanceof ApiError && error.status >= 400 && error.status < 500) injected = false;
        throw error;
      }
    },
    async remove() {
      if (!injected || removed) return;
      const torn = await removeChaos(cluster, ref);
      removed = true;
      if (torn.length === 0) return;
      deployed.emit({ kind: 'note', text: torn.join('; ') });
      throw new Error(torn.join('; '));
    },
    async says() {
      if (!injected || removed) return '';
      try {
        const now = await cluster.get(ref);
        return now ? `; Chaos Mesh says: ${inWords(readStatus(now))}` : '; its object is gone';
      } catch (error) {
        return `; ${reason(error)}`;
      }
    },
  };
}

function inWords({ records }: ChaosStatus): string {
  const injected = records.filter(({ phase }) => phase === 'Injected').length;
  const failure = records.find((record) => record.failure !== undefined)?.failure;
  const text = records.length === 0 ? 'no target selected' : `${injected} of ${records.length} injected`;
  return failure === undefined ? text : `${text}, ${failure.slice(0, 300)}`;
}

export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    ...(namespace !== undefined && { namespace }),
  };
}

/** `networkchaos.chaos-mesh.org/x -n demo`, as a person types it after `kubectl delete`. */
export function typed({ apiVersion, kind, name, namespace }: ObjectRef): string {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
  return `${kind.toLowerCase()}${group}/${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}

/**
 * Deletes a chaos object and waits until it is gone. One that hangs on its finalizer is torn away, and the pods it names, whose network
 * may still carry its rules, are deleted; what that means is returned in words, nothing for an ordinary end.
 * Throws ApiError as `Cluster.remove` does, and Error when even that does not remove it.
 */
export async function removeChaos(cluster: Cluster, ref: ObjectRef): Promise<string[]> {
  if ((await cluster.remove(ref)) === 'absent') return [];
  const seen: { gone: boolean; last: KubeObject | null; phases: string } = {
    gone: false,
    last: null,
    phases: '',
  };
  let changedMs = performance.now();
  const goneOrStuck = async () => {
    const now = await cluster.get(ref);
    seen.gone = now === null;
    if (now === null) return true;
    const phases = readStatus(now)
      .records.map(({ phase }) => phase)
      .join();
    if (phases !== seen.phases) changedMs = performance.now();
    Object.assign(seen, { last: now, phases });
    return performance.now() - changedMs >= STUCK_AFTER_MS;
  };
  await until(goneOrStuck, { timeoutMs: GONE_WITHIN_MS });
  if (seen.gone) return [];
  return tearAway(cluster, ref, seen.last);
}

const Named = z.object({
  spec: z.object({ selector: z.object({ pods: z.record(z.string(), z.array(z.string())) }) }),
});

async function tearAway(cluster: Cluster, ref: ObjectRef, last: KubeObject | null): Promise<string[]> {
  const records = last === null ? [] : readStatus(last).records;
  const dirty = records.filter(({ phase }) => phase !== 'Not Injected');
  const dirtyPods = [...new Set(dirty.map(({ pod }) => pod))];
  const own = await ownPods(cluster, ref, last, dirty);
  const waitedFor = () =>
    until(async () => (await cluster.get(ref)) === null, { timeoutMs: FORCED_WITHIN_MS });
  const change = async (metadata: Record<string, unknown>) => {
    // It may go at the very moment it is changed.
    if ((await cluster.get(ref)) !== null) await cluster.patch(ref, { metadata });
  };
  await change({ annotations: { [FORCE]: 'forced' } });
  if (!(await waitedFor())) await change({ finalizers: null });
  if (!(await waitedFor()))
    throw new Error(
      `${ref.kind} ${ref.name} does not go, not even without its finalizer: kubectl delete ${typed(ref)}`,
    );
  const failure = dirty.find((record) => record.failure !== undefined)?.failure;
  const torn = [
    `${ref.kind} ${ref.name} hung on its finalizer and was torn away without recovery${failure === undefined ? '' : ` (${failure.slice(0, 300)})`}`,
  ];
  for (const [pod, uid] of own) torn.push(await deletePod(cluster, pod, uid));
  // The other end is often a store, and deleting it could delete what it stores: that is not for a program to decide.
  const others = dirtyPods.filter((pod) => !own.has(pod));
  if (others.length > 0)
    torn.push(`${others.join(', ')} may still carry its rules: look with kubectl describe podnetworkchaos`);
  return torn;
}

/**
 * Uids, by `namespace/name`, of the pods that may be deleted: those the object itself names in its own namespace. Its status alone is not
 * enough: whoever may write a status could have any pod deleted by it.
 */
async function ownPods(
  cluster: Cluster,
  ref: ObjectRef,
  last: KubeObject | null,
  dirty: ChaosStatus['records'],
): Promise<Map<string, string>> {
  const { namespace } = ref;
  const named = Named.safeParse(last).data?.spec.selector.pods[namespace ?? ''] ?? [];
  const found = new Map<string, string>();
  for (const name of new Set(named)) {
    const pod = `${namespace}/${name}`;
    if (!dirty.some((record) => record.side === 'selector' && record.pod === pod)) continue;
    const now = await cluster
      .get({ apiVersion: 'v1', kind: 'Pod', name, ...(namespace !== undefined && { namespace }) })
      .catch(() => null); // it is named in the words then
    if (now?.metadata.uid !== undefined) found.set(pod, now.metadata.uid);
  }
  return found;
}

/** The pod of that uid: one of the same name that came since carries no rules. */
async function deletePod(cluster: Cluster, pod: string, uid: string): Promise<string> {
  const [namespace = '', name = ''] = pod.split('/');
  try {
    await cluster.remove({ apiVersion: 'v1', kind: 'Pod', namespace, name }, { uid });
    return `its target ${pod} was deleted, because its network may still carry the rules`;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return `its target ${pod} was replaced meanwhile`;
    return `its target ${pod} could not be deleted (${reason(error)}): kubectl delete pod ${name} -n ${namespace}`;
  }
}
