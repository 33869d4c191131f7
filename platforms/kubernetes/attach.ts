/**
 * `--attach`: the system was there before. Its settings come from the live objects, its secrets from the live Secrets, or, where these
 * credentials may not read them, from the environment of this process:
 *   PROOFLOAD_<VARIABLE>     a store's address, as the pods have it in this variable (`stores` of the contract), for the read-back
 *   PROOFLOAD_SECRET_<KEY>   what a key of a Secret holds, in capitals and with underscores: PROOFLOAD_SECRET_JWT_SECRET for jwt-secret
 */
import { UsageError } from '../../record/model.ts';
import type { ManifestObject } from '../manifests/read.ts';
import { ApiError } from './cluster.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import { toKubeObject, toManifest } from './rewrite.ts';
import { describeSystem } from './system.ts';
import type { ClusterSystem } from './system.ts';

const PREFIX = 'PROOFLOAD_';
const SECRET_PREFIX = `${PREFIX}SECRET_`;

/** The system as it runs. Throws UsageError when its Deployment or its Service is not there. */
export async function attachTo(
  cluster: Cluster,
  system: ClusterSystem,
  environment: NodeJS.ProcessEnv,
): Promise<ClusterSystem> {
  const { namespace } = system;
  const objects: ManifestObject[] = [];
  for (const object of system.objects) {
    const live = await liveOf(cluster, object);
    if (live !== null) objects.push(toManifest(live, `${cluster.context}:${namespace}/${object.title}`, 0));
    else if (
      object.title === `Deployment ${system.workload.name}` ||
      object.title === `Service ${system.service.name}`
    )
      throw new UsageError(
        `${object.title} is not in namespace ${namespace} of ${cluster.context}: there is nothing to attach to; correct --namespace, or leave --attach out to deploy it`,
      );
  }
  const described = describeSystem(
    objects,
    system.contractContainers,
    system.storeVariables,
    'as far as known',
  );
  const given = Object.keys(system.secrets).flatMap((key) => {
    const value = environment[secretVariable(key)];
    return value === undefined ? [] : [[key, value] as const];
  });
  const givenUrls = system.storeVariables.flatMap((variable) => {
    const url = environment[`${PREFIX}${variable}`];
    return url === undefined ? [] : [[variable, url] as const];
  });
  const storeUrls = { ...described.storeUrls, ...Object.fromEntries(givenUrls) };
  return {
    ...system,
    ...described,
    storeUrls,
    secrets: { ...described.secrets, ...Object.fromEntries(given) },
    sensitive: [
      ...described.sensitive,
      ...given.map(([, value]) => value),
      ...Object.values(storeUrls).flatMap((url) => [url, ...passwordOf(url)]),
    ],
  };
}

export function secretVariable(key: string): string {
  return `${SECRET_PREFIX}${key.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}

export function passwordOf(url: string): string[] {
  const password = URL.canParse(url) ? new URL(url).password : '';
  return password === '' ? [] : [password, decodeURIComponent(password)];
}

/** Null also where these credentials may not read it: most of them need not. */
async function liveOf(cluster: Cluster, object: ManifestObject): Promise<KubeObject | null> {
  const { apiVersion, kind, metadata } = toKubeObject(object);
  const { name, namespace } = metadata;
  try {
    return await cluster.get({ apiVersion, kind, name, ...(namespace !== undefined && { namespace }) });
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return null;
    throw error;
  }
}
