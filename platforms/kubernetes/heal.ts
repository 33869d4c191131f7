/**
 * Takes back what a run left in clusters, from its undo journal and the run label alone: first the changes to what was there before, then
 * every labelled object, faults first. Nothing without the label or the run's mark is touched.
 */
import { z } from 'zod';
import type { UndoAction } from '../platform.ts';
import { ApiError } from './cluster.ts';
import type { Cluster, KindRef, KubeObject } from './cluster.ts';
import { refOf, removeChaos, shortRunId, typed } from './faults/chaos.ts';
import { CHAOS_API } from './faults/chaos-status.ts';
import { restore } from './faults/restore.ts';
import { reason, until } from './faults/wait.ts';
import { RUN_LABEL, runSelector } from './labels.ts';
import { groupOf, resourceOf } from './requirements.ts';

/** How long deleted objects may take to go, milliseconds: pods have their grace period, namespaces everything in them. */
const GONE_WITHIN_MS = 60_000;
const NAMESPACE_GONE_WITHIN_MS = 180_000;
/** Of pods in a namespace that the run made and takes away with them. */
const GRACE_AT_THE_END_S = 1;
/** Lists asked for at the same time: a cluster serves many kinds. */
const LISTS_AT_ONCE = 8;

export interface HealedCluster {
  undone: string[];
  /** One line for each thing that could not be taken back, with what to do by hand. */
  left: string[];
}

export type Connect = (target: { context: string; kubeconfig?: string }) => Promise<Cluster>;

/** A journal is a file, and a file can be edited or cut off: nothing in it is believed unread. */
const where = {
  what: z.string(),
  kubeconfig: z.string().exactOptional(),
  context: z.string(),
  server: z.string().exactOptional(),
};
const Action: z.ZodType<UndoAction & { kind: 'cluster' | 'restore' }> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cluster'), ...where, namespace: z.string().exactOptional() }),
  z.object({
    kind: z.literal('restore'),
    ...where,
    ref: z.object({
      apiVersion: z.string(),
      kind: z.string(),
      name: z.string(),
      namespace: z.string().exactOptional(),
    }),
    patch: z.record(z.string(), z.unknown()),
  }),
]);

/** Undoes the `cluster` and `restore` actions of a journal, given newest first, restores before removals. Idempotent: what is gone counts as undone. Never throws. */
export async function healCluster(
  runId: string,
  actions: readonly unknown[],
  connect: Connect,
): Promise<HealedCluster> {
  const healed: HealedCluster = { undone: [], left: [] };
  const read = actions.flatMap((action) => {
    const { data } = Action.safeParse(action);
    if (data) return [data];
    healed.left.push(`an entry of the journal is not understood: ${JSON.stringify(action).slice(0, 200)}`);
    return [];
  });
  const clusters = new Map<string, typeof read>();
  for (const action of read) {
    const key = JSON.stringify([action.context, action.kubeconfig]);
    clusters.set(key, [...(clusters.get(key) ?? []), action]);
  }
  for (const group of clusters.values()) {
    const [first] = group;
    if (!first) continue;
    const { context, kubeconfig } = first;
    let cluster: Cluster | undefined;
    try {
      cluster = await connect({ context, ...(kubeconfig !== undefined && { kubeconfig }) });
      await answers(cluster);
    } catch (error) {
      cluster?.close();
      healed.left.push(
        `cluster ${context} cannot be reached: ${reason(error)}; bring it back and run proofload heal again`,
      );
      continue;
    }
    try {
      const { server } = cluster;
      const here = group.filter((action) => action.server === undefined || action.server === server);
      for (const action of group) if (!here.includes(action)) healed.left.push(elsewhere(action, server));
      for (const action of here) await takeBack(cluster, runId, action, healed);
      const namespaces = here.flatMap((action) =>
        action.kind === 'cluster' && action.namespace !== undefined ? [action.namespace] : [],
      );
      if (here.length > 0) add(healed, await removeRun(cluster, runId, namespaces));
    } finally {
      cluster.close();
    }
  }
  return healed;
}

/** Some clusters keep their version to themselves: a refusal is an answer. */
async function answers(cluster: Cluster): Promise<void> {
  try {
    await cluster.version();
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
  }
}

function elsewhere(
  { what, context, server }: UndoAction & { kind: 'cluster' | 'restore' },
  now: string,
): string {
  return `${what}: context ${context} leads to ${now} now, and led to ${server ?? 'another cluster'} when the run began; point it there again, or, if that cluster is gone, remove the run's undo.jsonl`;
}

/**
 * Takes back the `restore` actions among the open entries of a journal, and nothing else, until `signal` is aborted. `done`: ids of the
 * entries that need nothing more. Idempotent. Never throws.
 */
export async function restoreOpen(
  runId: string,
  open: readonly { id: number; action: UndoAction }[],
  connect: Connect,
  signal: AbortSignal,
): Promise<HealedCluster & { done: number[] }> {
  const healed = { undone: [], left: [], done: [] as number[] };
  for (const { id, action } of open) {
    if (action.kind !== 'restore') continue;
    const { context, kubeconfig, what } = action;
    const one: HealedCluster = { undone: [], left: [] };
    let cluster: Cluster | undefined;
    try {
      if (signal.aborted) throw new Error('no time was left for it');
      cluster = await connect({ context, ...(kubeconfig !== undefined && { kubeconfig }) });
      if (action.server !== undefined && action.server !== cluster.server)
        one.left.push(elsewhere(action, cluster.server));
      else await takeBack(cluster, runId, action, one);
    } catch (error) {
      one.left.push(`${what}: ${reason(error)}; run proofload heal`);
    } finally {
      cluster?.close();
    }
    if (one.left.length === 0) healed.done.push(id);
    add(healed, one);
  }
  return healed;
}

function isPod({ kind, apiVersion }: KubeObject): boolean {
  return kind === 'Pod' && apiVersion === 'v1';
}

export function add(healed: HealedCluster, { undone, left }: HealedCluster): void {
  healed.undone.push(...undone);
  healed.left.push(...left);
}

async function takeBack(
  cluster: Cluster,
  runId: string,
  action: UndoAction & { kind: 'cluster' | 'restore' },
  healed: HealedCluster,
): Promise<void> {
  if (action.kind !== 'restore') return;
  try {
    if ((await restore(cluster, runId, action.ref, action.patch)) === 'restored')
      healed.undone.push(action.what);
  } catch (error) {
    healed.left.push(
      `${action.what}: ${reason(error)}; kubectl patch ${typed(action.ref)} --type=merge -p '${JSON.stringify(action.patch)}'`,
    );
  }
}

/**
 * Removes every object with the run's label: faults, then all others, namespaces last, each until it is gone. Where a kind may not be
 * listed in all namespaces it is looked for in `namespaces`. Idempotent. Never throws.
 */
export async function removeRun(
  cluster: Cluster,
  runId: string,
  namespaces: readonly string[] = [],
): Promise<HealedCluster> {
  const healed: HealedCluster = { undone: [], left: [] };
  try {
    const objects = await labelled(cluster, runId, namespaces, healed);
    const isChaos = ({ apiVersion }: KubeObject) => apiVersion === CHAOS_API;
    const isNamespace = ({ kind, apiVersion }: KubeObject) => kind === 'Namespace' && apiVersion === 'v1';
    const ownNamespaces = objects.filter(isNamespace);
    const chaos = objects.filter(isChaos);
    await Promise.all(chaos.map((object) => removeFault(cluster, object, healed)));
    await removeRules(cluster, runId, [...chaos, ...ownNamespaces], healed);
    // Pods last: whoever owns them would make others.
    const rest = objects
      .filter((object) => !isChaos(object) && !isNamespace(object))
      .toSorted((a, b) => Number(isPod(a)) - Number(isPod(b)));
    const own = new Set(ownNamespaces.map(({ metadata }) => metadata.name));
    await removeAll(cluster, rest, GONE_WITHIN_MS, healed, own);
    await removeAll(cluster, ownNamespaces, NAMESPACE_GONE_WITHIN_MS, healed);
  } catch (error) {
    healed.left.push(
      `cluster ${cluster.context}: ${reason(error)}; run proofload heal again, or look with kubectl get all -A -l ${runSelector(runId)}`,
    );
  }
  return healed;
}

async function labelled(
  cluster: Cluster,
  runId: string,
  namespaces: readonly string[],
  healed: HealedCluster,
): Promise<KubeObject[]> {
  const { kinds, unknown } = await cluster.deletableKinds();
  const left = kinds.slice();
  const found: KubeObject[] = [];
  const refused: string[] = [];
  const worker = async () => {
    for (let kind = left.shift(); kind !== undefined; kind = left.shift()) {
      try {
        const objects = await listEverywhere(cluster, kind, runId, namespaces);
        // The selector is asked of the server; that it was heeded is looked at here, since deletion follows.
        found.push(...objects.filter(({ metadata }) => metadata.labels?.[RUN_LABEL] === runId));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 403) refused.push(kind.kind);
        else if (error.status !== 404 && error.status !== 405)
          healed.left.push(
            `${kind.kind} objects of the run could not be looked for: ${error.message}; run proofload heal again`,
          );
      }
    }
  };
  await Promise.all(Array.from({ length: LISTS_AT_ONCE }, worker));
  if (refused.length > 0)
    healed.left.push(
      `these credentials may not list ${refused.join(', ')}; if the run made any: kubectl get ${refused.join(',').toLowerCase()} -A -l ${runSelector(runId)}`,
    );
  if (unknown.length > 0) healed.left.push(`${unanswered(unknown)}; run proofload heal again when they do`);
  return found;
}

/**
 * All namespaces where that is allowed, else those given. What is of no namespace cannot be asked for there: a run makes of it only what it
 * may delete (checked before it starts), so without that right there is none, and a Namespace is asked for by its name. Throws ApiError.
 */
async function listEverywhere(
  cluster: Cluster,
  { apiVersion, kind, namespaced }: KindRef & { namespaced: boolean },
  runId: string,
  namespaces: readonly string[],
): Promise<KubeObject[]> {
  const labelSelector = runSelector(runId);
  try {
    return await cluster.list({ apiVersion, kind }, { labelSelector });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403 || namespaces.length === 0) throw error;
    const found: KubeObject[] = [];
    if (namespaced) {
      for (const namespace of namespaces)
        found.push(...(await cluster.list({ apiVersion, kind }, { namespace, labelSelector })));
      return found;
    }
    const right = { verb: 'delete', group: groupOf(apiVersion), resource: resourceOf(kind) };
    if (!(await cluster.may(right))) return [];
    if (kind !== 'Namespace') throw error;
    for (const name of namespaces) {
      const object = await cluster.get({ apiVersion, kind, name });
      if (object !== null) found.push(object);
    }
    return found;
  }
}

export function unanswered(groups: readonly string[]): string {
  return `${groups.join(', ')} did not answer, so objects of these groups were not looked for`;
}

async function removeFault(cluster: Cluster, object: KubeObject, healed: HealedCluster): Promise<void> {
  const ref = refOf(object);
  try {
    const torn = await removeChaos(cluster, ref);
    healed.undone.push([typed(ref), ...torn].join('; '));
  } catch (error) {
    healed.left.push(`${typed(ref)}: ${reason(error)}; kubectl delete ${typed(ref)}`);
  }
}

const Rules = z.object({
  spec: z.object({
    iptables: z.array(z.object({ source: z.string() })).nullish(),
    ipsets: z.array(z.object({ source: z.string() })).nullish(),
    tcs: z.array(z.object({ source: z.string() })).nullish(),
  }),
});

/** A torn fault leaves its rules in PodNetworkChaos objects, which carry no label: those that hold nothing but rules of this run go too. */
async function removeRules(
  cluster: Cluster,
  runId: string,
  near: readonly KubeObject[],
  healed: HealedCluster,
): Promise<void> {
  const namespaces = new Set(
    near.map(({ kind, metadata }) => (kind === 'Namespace' ? metadata.name : metadata.namespace)),
  );
  const kind = { apiVersion: CHAOS_API, kind: 'PodNetworkChaos' };
  for (const namespace of namespaces) {
    if (namespace === undefined) continue;
    try {
      const own = (await cluster.list(kind, { namespace })).filter((object) => {
        const spec = Rules.safeParse(object).data?.spec;
        const rules = [...(spec?.iptables ?? []), ...(spec?.ipsets ?? []), ...(spec?.tcs ?? [])];
        return rules.length > 0 && rules.every(({ source }) => source.endsWith(`-${shortRunId(runId)}`));
      });
      await removeAll(cluster, own, GONE_WITHIN_MS, healed);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) continue; // no Chaos Mesh here
      healed.left.push(
        `PodNetworkChaos in ${namespace}: ${reason(error)}; look with kubectl get podnetworkchaos`,
      );
    }
  }
}

/** Deletes, then waits for all together. What its owner deletes first is as well. In a namespace of `own` nobody is served any more: pods go at once. */
async function removeAll(
  cluster: Cluster,
  objects: readonly KubeObject[],
  timeoutMs: number,
  healed: HealedCluster,
  own: ReadonlySet<string> = new Set(),
): Promise<void> {
  const waiting = new Map<string, KubeObject>();
  for (const object of objects) {
    const { uid, namespace = '' } = object.metadata;
    try {
      await cluster.remove(refOf(object), {
        ...(uid !== undefined && { uid }),
        ...(isPod(object) && own.has(namespace) && { graceSeconds: GRACE_AT_THE_END_S }),
      });
      waiting.set(typed(refOf(object)), object);
    } catch (error) {
      // 409: another object of that name by now, which is not this run's.
      if (error instanceof ApiError && error.status === 409) continue;
      healed.left.push(`${typed(refOf(object))}: ${reason(error)}; kubectl delete ${typed(refOf(object))}`);
    }
  }
  const failures = new Map<string, string>();
  const allGone = async () => {
    for (const [name, object] of waiting) {
      try {
        const now = await cluster.get(refOf(object));
        failures.delete(name);
        if (now !== null && now.metadata.uid === object.metadata.uid) {
          waiting.set(name, now);
          continue;
        }
        waiting.delete(name);
        healed.undone.push(name);
      } catch (error) {
        failures.set(name, reason(error));
      }
    }
    return waiting.size === 0;
  };
  await until(allGone, { timeoutMs, everyMs: 500 });
  for (const [name, object] of waiting)
    healed.left.push(
      `${name} does not go (${failures.get(name) ?? whyNot(object)}); look with kubectl get ${name} -o yaml and run proofload heal again`,
    );
}

const Conditions = z.object({
  status: z.object({
    conditions: z.array(z.object({ status: z.string(), message: z.string().default('') })),
  }),
});

function whyNot(object: KubeObject): string {
  const conditions = Conditions.safeParse(object).data?.status.conditions ?? [];
  const said = conditions.filter(({ status, message }) => status === 'True' && message !== '');
  const finalizers = object.metadata.finalizers ?? [];
  return (
    said.map(({ message }) => message.slice(0, 200)).join('; ') ||
    (finalizers.length > 0 ? `finalizers ${finalizers.join(', ')}` : 'no reason given')
  );
}
