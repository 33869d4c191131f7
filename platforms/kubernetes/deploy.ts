/**
 * A system's objects onto the cluster, in the order in which each finds what it needs: namespace, settings, Services, then what the
 * workload depends on, then the workload and what acts on it.
 */
import { CannotRun } from '../platform.ts';
import type { Emit } from '../platform.ts';
import { isReady, readPod } from './pod-shape.ts';
import { selectsLabels } from '../manifests/find.ts';
import type { ManifestObject } from '../manifests/read.ts';
import { ApiError } from './cluster.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import type { Observed } from './observed.ts';
import { checkImages } from './preflight.ts';
import { explain, hopeless, isUp, readyWithinMs } from './ready.ts';
import { readyEndpoints } from './endpoint-slice.ts';
import {
  podSpecOf,
  serviceAliases,
  toKubeObject,
  withDefect,
  withHostAliases,
  withRunLabel,
} from './rewrite.ts';
import type { HostAlias } from './rewrite.ts';
import type { ClusterSystem } from './system.ts';

export interface Deployment {
  cluster: Cluster;
  system: ClusterSystem;
  runId: string;
  defect: string | undefined;
  observed: Observed;
  emit: Emit;
  signal: AbortSignal;
}

/** What must be there before a pod is, and what needs the workload to be there. All other kinds come in between. */
const BEFORE = [
  ['CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'ResourceQuota', 'LimitRange'],
  ['ServiceAccount', 'Role', 'ClusterRole'],
  ['RoleBinding', 'ClusterRoleBinding'],
  ['ConfigMap', 'Secret', 'PersistentVolume', 'PersistentVolumeClaim', 'NetworkPolicy'],
  ['Service'],
];
const AFTER = [['HorizontalPodAutoscaler'], ['PodDisruptionBudget'], ['Ingress']];
/** Kinds whose pods are waited for. */
const AWAITED = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** The namespace with the run's label; it must not be there, or the run would take over what is not its own. */
export async function createNamespace({ cluster, system, runId }: Deployment): Promise<void> {
  const { namespace } = system;
  const manifest = system.objects.find(({ kind, name }) => kind === 'Namespace' && name === namespace);
  const object = manifest
    ? toKubeObject(manifest)
    : { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  try {
    await cluster.create(withRunLabel(object, runId));
  } catch (error) {
    if (error instanceof ApiError && error.reason === 'AlreadyExists')
      throw new CannotRun(
        `namespace ${namespace} was made by somebody else a moment ago; use --namespace another`,
      );
    throw refused(error, manifest);
  }
}

/** Resolves when every workload is available and the Service leads to all ready pods of the one under test. */
export async function deploySystem(deployment: Deployment): Promise<void> {
  const { cluster, system, observed, emit, runId, signal } = deployment;
  const manifests = system.objects.filter(
    ({ kind, name }) => kind !== 'Namespace' || name !== system.namespace,
  );
  const inStage = (stage: 'before' | 'between' | 'after') =>
    manifests.filter((manifest) => stageOf(manifest) === stage).sort((a, b) => rankOf(a) - rankOf(b));

  const applied: KubeObject[] = [];
  for (const manifest of inStage('before')) applied.push(await apply(deployment, manifest, []));
  const services = applied.filter(({ kind }) => kind === 'Service');
  const aliases = (await hasDns(cluster)) ? [] : serviceAliases(services, system.namespace);
  if (aliases.length > 0)
    emit({
      kind: 'note',
      text: `the cluster has no DNS (no Service kube-system/kube-dns): pods get the addresses of ${aliases.map(({ hostnames }) => hostnames[0]).join(', ')} as hostAliases`,
    });

  const between = inStage('between');
  const workloads = between.map(toKubeObject).filter((object) => podSpecOf(object) !== undefined);
  await checkImages({ cluster, observed, workloads, namespace: system.namespace, runId, signal });
  // What the workload needs (its store) is up before it starts, or its first restarts would be the order's doing.
  const isTested = ({ kind, name }: ManifestObject) => kind === 'Deployment' && name === system.workload.name;
  for (const group of [between.filter((each) => !isTested(each)), between.filter(isTested)]) {
    for (const manifest of group) applied.push(await apply(deployment, manifest, aliases));
    for (const { kind, name } of group) if (AWAITED.includes(kind)) await untilUp(deployment, kind, name);
  }
  for (const manifest of inStage('after')) await apply(deployment, manifest, []);
  await untilInService(deployment);
}

async function apply(
  { cluster, system, runId, defect }: Deployment,
  manifest: ManifestObject,
  aliases: readonly HostAlias[],
): Promise<KubeObject> {
  const labelled = withHostAliases(withRunLabel(toKubeObject(manifest), runId), aliases);
  const object = defect === undefined ? labelled : withDefect(labelled, system.contractContainers, defect);
  try {
    return await cluster.apply(object);
  } catch (error) {
    throw refused(error, manifest);
  }
}

/** The API's own words, with the place of the manifest that it refused. */
function refused(error: unknown, manifest: ManifestObject | undefined): unknown {
  if (!(error instanceof ApiError)) return error;
  const place =
    manifest === undefined ? '' : `${manifest.node.file}:${manifest.node.line}: ${manifest.title}: `;
  const words =
    error.reason === 'Invalid' ? 'the API server refuses it as invalid' : 'the API server did not take it';
  return new CannotRun(`${place}${words}: ${error.message}`, { cause: error });
}

async function hasDns(cluster: Cluster): Promise<boolean> {
  try {
    return (
      (await cluster.get({
        apiVersion: 'v1',
        kind: 'Service',
        namespace: 'kube-system',
        name: 'kube-dns',
      })) !== null
    );
  } catch (error) {
    // Who may not look there works on somebody's cluster, and those have it.
    if (error instanceof ApiError && error.status === 403) return true;
    throw error;
  }
}

async function untilUp(deployment: Deployment, kind: string, name: string): Promise<void> {
  const { observed, system, signal, cluster } = deployment;
  const now = () => observed.objects(kind).find(({ metadata }) => metadata.name === name);
  const manifest = system.objects.find((each) => each.kind === kind && each.name === name);
  const timeoutMs = manifest === undefined ? 0 : readyWithinMs(toKubeObject(manifest));
  const ownPods = () => podsOf(deployment, now());
  try {
    await observed.until(
      () => {
        const object = now();
        if (object !== undefined && isUp(object)) return true;
        const why = ownPods()
          .map(hopeless)
          .find((words) => words !== undefined);
        if (why !== undefined) throw new CannotRun(why);
        return undefined;
      },
      { timeoutMs, signal, late: () => `not available after ${Math.round(timeoutMs / 1_000)} s` },
    );
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error;
    const why = await explain(cluster, system.namespace, ownPods(), observed.objects('Event'));
    throw new CannotRun(`${kind} ${name}: ${error.message}: ${why}`, { cause: error });
  }
}

/** Pods that a workload's selector chooses. */
function podsOf({ observed }: Deployment, workload: KubeObject | undefined): KubeObject[] {
  const spec: unknown = workload?.['spec'];
  const selector = Object(Reflect.get(Object(spec), 'selector'));
  const labels = Object.entries(Object(Reflect.get(selector, 'matchLabels'))).map(([key, value]) => [
    key,
    String(value),
  ]);
  const matchLabels: Record<string, string> = Object.fromEntries(labels);
  return observed.objects('Pod').filter((pod) => selectsLabels(matchLabels, pod.metadata.labels ?? {}));
}

/** Endpoints follow readiness within a second or two; longer means that nothing moves them. */
const ENDPOINTS_WITHIN_MS = 30_000;

/** Every ready pod of the workload, at least as many as it has replicas, is in the endpoints of the Service. */
export async function untilInService({
  observed,
  system,
  signal,
}: Pick<Deployment, 'observed' | 'system' | 'signal'>) {
  const ready = () =>
    observed
      .objects('Pod')
      .filter((pod) => selectsLabels(system.labels, pod.metadata.labels ?? {}))
      .map(readPod)
      .filter(isReady)
      .map(({ metadata }) => metadata.name);
  const endpoints = () => readyEndpoints(observed.objects('EndpointSlice'), system.service.name);
  await observed.until(
    () => {
      const there = endpoints();
      const own = ready();
      return own.length >= system.workload.replicas && own.every((name) => there.includes(name))
        ? true
        : undefined;
    },
    {
      timeoutMs: ENDPOINTS_WITHIN_MS,
      signal,
      late: () =>
        `Service ${system.service.name}: ${ready().length} of ${system.workload.replicas} pods are ready and ${endpoints().length} are in its endpoints after ${ENDPOINTS_WITHIN_MS / 1_000} s; does its selector match them?`,
    },
  );
}

function stageOf({ kind }: ManifestObject): 'before' | 'between' | 'after' {
  if (BEFORE.some((kinds) => kinds.includes(kind))) return 'before';
  return AFTER.some((kinds) => kinds.includes(kind)) ? 'after' : 'between';
}

function rankOf({ kind }: ManifestObject): number {
  return [...BEFORE, ...AFTER].findIndex((kinds) => kinds.includes(kind));
}
