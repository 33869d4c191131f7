/** What must hold of a cluster before anything on it is changed. Everything here only reads. */
import { UsageError } from '../../record/model.ts';
import type { FaultUse } from '../platform.ts';
import { badInput, nearest } from '../manifests/located.ts';
import type { Located } from '../manifests/located.ts';
import type { ManifestObject } from '../manifests/read.ts';
import type { Access, Cluster, KindRef } from './cluster.ts';
import { CHAOS_API } from './faults/chaos-status.ts';
import { LISTED_KINDS } from './faults/overlap.ts';
import { RUN_LABEL } from './labels.ts';
import { textAt } from './rewrite.ts';
import { rightsIn } from './rights.ts';
import type { ServedKinds } from './system.ts';

/**
 * Exec and port-forward over WebSockets: the handshake is a GET, and from 1.35 on `create` is asked for as well (kube-apiserver,
 * AuthorizePodWebsocketUpgradeCreatePermission).
 */
const TUNNEL = ['get', 'create'];

export interface FaultFile {
  use: FaultUse;
  /** The chaos object in the run's namespace; undefined for a verb. */
  node: Located | undefined;
}

const CHAOS_MESH =
  'install Chaos Mesh (https://chaos-mesh.org/docs/production-installation-using-helm/) or leave the fault out';

/** Kind to resource as API servers name them, but for what Chaos Mesh calls the same in both (client-go, meta.UnsafeGuessKindToResource). */
export function resourceOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith('chaos') || lower === 'endpoints') return lower;
  if (lower.endsWith('s')) return `${lower}es`;
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** Every right the run will use, so that none turns out to be missing in the middle of it. */
export function wantedRights(options: {
  namespace: string;
  /** What is to be created; none when attached to what is there. */
  objects: readonly ManifestObject[];
  served: ServedKinds;
  faults: readonly FaultFile[];
  attach: boolean;
}): Access[] {
  const { namespace, objects, served, faults, attach } = options;
  const inside = rightsIn(namespace);
  const everywhere = (group: string, resource: string, verbs: string[]): Access[] =>
    verbs.map((verb) => ({ verb, group, resource }));
  const follow = ['list', 'watch'];

  const wanted: Access[] = [
    ...inside('', 'pods', ['get', ...follow]),
    ...inside('', 'pods', ['get'], 'log'),
    ...inside('apps', 'deployments', ['get', ...follow]),
    ...inside('apps', 'replicasets', follow),
    ...inside('discovery.k8s.io', 'endpointslices', follow),
    ...inside('', 'services', ['get', 'list']),
    // Pods and the store are reached that way where their addresses do not answer, which only a connection tells.
    ...inside('', 'pods', TUNNEL, 'portforward'),
  ];
  if (!attach) {
    // Applying is a patch, and a create where there is nothing yet.
    const make = ['get', 'create', 'patch', 'delete'];
    wanted.push(
      ...everywhere('', 'namespaces', ['get', 'create', 'delete']),
      ...inside('', 'pods', ['create', 'delete']),
    );
    for (const object of objects) {
      if (object.kind === 'Namespace') continue;
      const apiVersion = textAt(object.node, ['apiVersion']) ?? '';
      const group = groupOf(apiVersion);
      const kind = served.kinds.find((each) => each.kind === object.kind && each.apiVersion === apiVersion);
      const resource = resourceOf(object.kind);
      wanted.push(
        ...(kind?.namespaced === false ? everywhere(group, resource, make) : inside(group, resource, make)),
      );
    }
  }
  // Before a fault hits pods it is made sure that no other one is aimed at them.
  const looks = LISTED_KINDS.filter((name) =>
    served.kinds.some(({ apiVersion, kind }) => kind === name && apiVersion === CHAOS_API),
  ).flatMap((name) => inside(groupOf(CHAOS_API), resourceOf(name), ['list']));
  for (const { use, node } of faults) {
    if (use.fault === 'drain')
      wanted.push(
        ...looks,
        ...everywhere('', 'nodes', ['get', 'patch', ...follow]),
        ...inside('', 'pods', ['create'], 'eviction'),
        // The lease that keeps two runs from emptying nodes at the same time.
        ...rightsIn('default')('coordination.k8s.io', 'leases', ['get', 'create', 'patch', 'delete']),
      );
    else if (use.fault === 'rollout-restart') wanted.push(...inside('apps', 'deployments', ['patch']));
    else if ('surge' in use.fault)
      wanted.push(
        ...inside('autoscaling', 'horizontalpodautoscalers', ['list']),
        ...inside('metrics.k8s.io', 'pods', ['list']),
      );
    else if ('scaleTo' in use.fault)
      wanted.push(
        ...inside('apps', 'deployments', ['patch'], 'scale'),
        // The mark that says which run changed it.
        ...inside('apps', 'deployments', ['patch']),
      );
    else {
      const kind = (node && textAt(node, ['kind'])) ?? '';
      wanted.push(
        ...looks,
        ...inside(groupOf(CHAOS_API), resourceOf(kind), ['get', 'list', 'create', 'patch', 'delete']),
      );
      // What such a fault does is seen from inside the pods it is aimed at.
      if (kind !== 'PodChaos') wanted.push(...inside('', 'pods', TUNNEL, 'exec'));
    }
  }
  const keys = wanted.map((access) => JSON.stringify(access));
  return wanted.filter((_, i) => keys.indexOf(keys[i] ?? '') === i);
}

export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

/** The namespace must be free: what runs there already belongs to somebody. Throws UsageError. */
export async function checkNamespaceFree(cluster: Cluster, namespace: string): Promise<void> {
  const found = await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
  if (found === null) return;
  const run = found.metadata.labels?.[RUN_LABEL];
  if (run === undefined)
    throw new UsageError(
      `namespace ${namespace} exists in ${cluster.context} and is not from proofload: use --namespace another, or --attach to test what runs there`,
    );
  throw new UsageError(
    found.metadata.deletionTimestamp === undefined
      ? `namespace ${namespace} in ${cluster.context} belongs to run ${run}: wait for its end, take it down with "proofload heal", or use --namespace another`
      : `namespace ${namespace} in ${cluster.context}, of run ${run}, is still being removed: wait, or use --namespace another`,
  );
}

/** What is of no namespace would be taken over by force: it must not be there. Throws UsageError with file and line. */
export async function checkClusterScoped(
  cluster: Cluster,
  objects: readonly ManifestObject[],
  served: ServedKinds,
): Promise<void> {
  for (const object of objects) {
    const ref = kindRefOf(object.node);
    const kind = served.kinds.find((each) => each.kind === ref.kind && each.apiVersion === ref.apiVersion);
    if (object.kind === 'Namespace' || kind?.namespaced !== false) continue;
    if ((await cluster.get({ ...ref, name: object.name })) === null) continue;
    throw badInput(
      object.node,
      object.title,
      '',
      `exists in ${cluster.context} already and is of no namespace; take it out of the manifests, or use another cluster`,
    );
  }
}

/** Every kind of chaos object must be served. Throws UsageError that says how to install it. */
export async function checkChaosServed(cluster: Cluster, faults: readonly FaultFile[]): Promise<void> {
  for (const { node } of faults) {
    if (node === undefined) continue;
    const kind = kindRefOf(node);
    if (await cluster.serves(kind)) continue;
    throw badInput(
      nearest(node, ['kind']),
      kind.kind,
      '',
      `${cluster.context} does not serve ${kind.apiVersion}: ${CHAOS_MESH}`,
    );
  }
}

/** A load that is to move an HPA needs one, and metrics-server. Throws UsageError. */
export async function checkScalable(
  cluster: Cluster,
  objects: readonly ManifestObject[],
  faults: readonly FaultUse[],
): Promise<void> {
  const surge = faults.find(({ fault }) => typeof fault === 'object' && 'surge' in fault);
  if (surge === undefined) return;
  if (!objects.some(({ kind }) => kind === 'HorizontalPodAutoscaler'))
    throw new UsageError(
      `disturbance ${surge.name}: the manifests have no HorizontalPodAutoscaler that more load could move; add one, or leave it out`,
    );
  if (await cluster.serves({ apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics' })) return;
  throw new UsageError(
    `disturbance ${surge.name}: ${cluster.context} does not serve metrics.k8s.io/v1beta1, so its HPA has nothing to decide by: install metrics-server (https://github.com/kubernetes-sigs/metrics-server#installation), or leave the disturbance out`,
  );
}

function kindRefOf(node: Located): KindRef {
  return { apiVersion: textAt(node, ['apiVersion']) ?? '', kind: textAt(node, ['kind']) ?? '' };
}
