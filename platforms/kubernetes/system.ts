/** Everything this platform knows of a system before it changes anything: manifests in their namespace, contract, settings, secrets. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import type { Workload } from '../../record/model.ts';
import { ROOT } from '../../record/root.ts';
import { loadContract } from '../manifests/contract.ts';
import type { BuiltFile } from '../manifests/contract.ts';
import { readData, readEnvironment } from '../manifests/environment.ts';
import { containersNamed, findService, findWorkload } from '../manifests/find.ts';
import { badInput, find, nearest } from '../manifests/located.ts';
import type { Container, Deployment } from '../manifests/objects.ts';
import { readManifests, rejectDoubles } from '../manifests/read.ts';
import type { ManifestObject } from '../manifests/read.ts';
import type { Unplayed } from '../manifests/unplayed.ts';
import { describeWorkload, readPodTemplate } from '../manifests/workload.ts';
import type { KindRef } from './cluster.ts';
import { moveObject, textAt } from './rewrite.ts';

export interface ClusterSystem {
  /** Where everything goes, and where the manifests said it would. */
  namespace: string;
  manifestNamespace: string;
  /** The Deployment under test. */
  workload: Workload;
  deployment: Deployment;
  container: Container;
  containerPort: number;
  /** Labels that its pods have. */
  labels: Record<string, string>;
  service: { name: string; port: number };
  /** Containers that the contract names, the workload's first: a defect is switched on in these. */
  contractContainers: readonly string[];
  /** Variables of theirs that hold the address of a store. */
  storeVariables: readonly string[];
  /** What the containers get in them; one that no container has, or that is not known, is not there. */
  storeUrls: Record<string, string>;
  /** By key, and all values. */
  secrets: Record<string, string>;
  sensitive: string[];
  objects: ManifestObject[];
  /** What the cluster's API does not serve and is left out. */
  unplayed: Unplayed[];
}

/** Kinds of the cluster, as discovery tells them. */
export interface ServedKinds {
  kinds: readonly (KindRef & { namespaced: boolean })[];
  /** Groups that did not answer. */
  unknown: readonly string[];
}

/** Kinds without which a system runs all the same, only without that part. */
const DISPENSABLE = [
  'Ingress',
  'HorizontalPodAutoscaler',
  'PodDisruptionBudget',
  'ServiceMonitor',
  'PrometheusRule',
];

export interface SystemOptions {
  systemDir: string;
  overlay: string | undefined;
  /** Another namespace than the manifests'. */
  namespace: string | undefined;
  built: BuiltFile;
}

/**
 * Reads manifests/, the overlay and reference/manifests/ with its overlay (what the reference implementation needs on a cluster
 * beside the guide's own objects), and moves them to `namespace`. Throws UsageError; asks no cluster.
 */
export async function readClusterSystem(options: SystemOptions, served: ServedKinds): Promise<ClusterSystem> {
  const { systemDir, overlay, built } = options;
  const { containers, stores } = await loadContract(path.relative(ROOT, systemDir), built);
  const read = [...readManifests(systemDir, overlay), ...referenceManifests(systemDir, overlay)];
  rejectDoubles(read);
  const manifestNamespace = findWorkload(read, [containers[0]]).deployment.metadata.namespace;
  const namespace = options.namespace ?? manifestNamespace;
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    throw new UsageError(`namespace "${namespace}": expected lower-case letters, digits and dashes`);

  const services = read.filter(({ kind }) => kind === 'Service').map(({ name }) => name);
  const move = { from: manifestNamespace, to: namespace, services };
  const unplayed: Unplayed[] = [];
  const objects = read.flatMap((object) => {
    const kind = servedKind(object, served);
    if (kind === undefined) {
      unplayed.push(leftOut(object));
      return [];
    }
    if (kind.namespaced && options.namespace === undefined) refuseForeign(object, namespace);
    if (object.kind === 'Namespace' && object.name !== manifestNamespace)
      throw badInput(
        nearest(object.node, ['metadata', 'name']),
        object.title,
        'metadata.name',
        `it is another namespace than the workload's, ${manifestNamespace}: a run makes its own alone, and takes it away in the end; leave this one out`,
      );
    return [moveObject(object, move, kind.namespaced)];
  });
  return {
    ...describeSystem(objects, containers, Object.keys(stores), 'whole'),
    namespace,
    manifestNamespace,
    unplayed,
  };
}

/**
 * The settings of the Deployment under test; `objects` are all in one namespace. With `as far as known`, an environment that refers
 * to what could not be read gives no URL of a store, where it is otherwise refused.
 */
export function describeSystem(
  objects: ManifestObject[],
  contractContainers: readonly string[],
  storeVariables: readonly string[],
  environmentIs: 'whole' | 'as far as known',
) {
  const { object, deployment, container } = findWorkload(objects, contractContainers.slice(0, 1));
  const { spec } = deployment;
  const service = findService(objects, spec.template.metadata.labels, object);
  const [servicePort] = service.spec.ports;
  const data = readData(objects);
  const environments = containersNamed(objects, contractContainers).map(
    ({ container: own, node, title }) =>
      () =>
        readEnvironment(own, node, title, data).environment({ name: '', uid: '', namespace: '' }),
  );
  const known = environments.map((read) => (environmentIs === 'whole' ? read() : (orUndefined(read) ?? {})));
  const values = [...data.Secret.values()];
  return {
    workload: describeWorkload(deployment, readPodTemplate(deployment, container)),
    deployment,
    container,
    containerPort: portOf(container, servicePort?.targetPort ?? servicePort?.port, service.object),
    labels: spec.selector.matchLabels,
    service: { name: service.object.name, port: servicePort?.port ?? 0 },
    contractContainers,
    storeVariables,
    storeUrls: Object.fromEntries(
      storeVariables.flatMap((variable) => {
        const url = known.map((environment) => environment[variable]).find((value) => value !== undefined);
        return url === undefined ? [] : [[variable, url]];
      }),
    ),
    secrets: Object.fromEntries(values.flatMap((secret) => Object.entries(secret))),
    sensitive: values.flatMap((secret) => Object.values(secret)),
    objects,
  };
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** With what the overlay of that name in reference/overlays/ makes of them; most overlays have none there. */
function referenceManifests(systemDir: string, overlay: string | undefined): ManifestObject[] {
  const reference = path.join(systemDir, 'reference');
  if (!existsSync(path.join(reference, 'manifests'))) return [];
  const laid = overlay !== undefined && existsSync(path.join(reference, 'overlays', `${overlay}.yaml`));
  return readManifests(reference, laid ? overlay : undefined);
}

/** Undefined for a kind that the cluster does not have and the system can do without. Throws UsageError for any other. */
function servedKind(
  object: ManifestObject,
  { kinds, unknown }: ServedKinds,
): { namespaced: boolean } | undefined {
  const apiVersion = find(object.node, ['apiVersion'])?.value;
  if (typeof apiVersion !== 'string')
    throw badInput(object.node, object.title, 'apiVersion', 'missing; every manifest needs it');
  const found = kinds.find((kind) => kind.kind === object.kind && kind.apiVersion === apiVersion);
  if (found !== undefined) return found;
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  const silent = unknown.some((name) => name === group || name === apiVersion);
  if (DISPENSABLE.includes(object.kind)) return undefined;
  throw badInput(
    nearest(object.node, ['apiVersion']),
    object.title,
    '',
    silent
      ? `the API group of ${apiVersion} does not answer; mend its APIService or take the object out`
      : `the cluster does not serve ${apiVersion} ${object.kind}; install what defines it, or take the object out`,
  );
}

function leftOut({ node, title, kind }: ManifestObject): Unplayed {
  const { file, line } = nearest(node, ['apiVersion']);
  return { file, line, object: title, field: '', why: `the cluster does not serve this version of ${kind}` };
}

/** One namespace is made, watched and removed; what lies in another would be changed where others live. */
function refuseForeign(object: ManifestObject, namespace: string): void {
  const at = ['metadata', 'namespace'];
  const own = textAt(object.node, at);
  if (own === undefined || own === namespace) return;
  throw badInput(
    nearest(object.node, at),
    object.title,
    'metadata.namespace',
    `${own} is another namespace than the workload's, ${namespace}; --namespace moves everything into one`,
  );
}

function portOf(container: Container, port: number | string | undefined, service: ManifestObject): number {
  if (typeof port === 'number') return port;
  const named = container.ports.find(({ name }) => name === port)?.containerPort;
  if (named !== undefined) return named;
  throw badInput(
    nearest(service.node, ['spec', 'ports']),
    service.title,
    'spec.ports[0].targetPort',
    `container ${container.name} has no port named "${port ?? ''}"`,
  );
}
