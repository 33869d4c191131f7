/** Whether the credentials suffice, asked before anything is changed: a run that stops half-way leaves more behind. */
import { UsageError } from '../../record/model.ts';
import type { Access, Cluster } from './cluster.ts';

/** Names rights in a namespace: one for each verb on a resource. */
export function rightsIn(namespace: string) {
  return (api: string, resource: string, verbs: readonly string[], subresource?: string): Access[] =>
    verbs.map((verb) => ({
      verb,
      group: api,
      resource,
      namespace,
      ...(subresource !== undefined && { subresource }),
    }));
}

/** Reviews at a time: a server takes many, but not a burst of fifty. */
const AT_ONCE = 8;

/** What of `wanted` these credentials may not do, in its order. Throws ApiError. */
export async function missingRights(
  cluster: Pick<Cluster, 'may'>,
  wanted: readonly Access[],
): Promise<Access[]> {
  const allowed: boolean[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < wanted.length; i = next++) {
      const access = wanted[i];
      if (access !== undefined) allowed[i] = await cluster.may(access);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, wanted.length) }, worker));
  return wanted.filter((_access, i) => allowed[i] !== true);
}

/**
 * One line with what is missing, and commands by which an administrator grants exactly that: one role for each set of verbs,
 * because `kubectl create role` gives every verb on every resource it names.
 */
export function rightsError(missing: readonly Access[], context: string): UsageError {
  const roles = group(missing, ({ namespace = '', resource, group: api, subresource = '' }) =>
    JSON.stringify([namespace, resource, api, subresource]),
  ).map((rights) => ({
    namespace: rights[0]?.namespace,
    resource: rights[0] === undefined ? '' : resourceOf(rights[0]),
    verbs: [...new Set(rights.map(({ verb }) => verb))].sort().join(','),
  }));
  const lacks = roles.map(
    ({ namespace, resource, verbs }) =>
      `${verbs} ${resource} ${namespace === undefined ? 'everywhere' : `in ${namespace}`}`,
  );
  const commands = group(roles, ({ namespace = '', verbs }) => JSON.stringify([namespace, verbs])).flatMap(
    (same, i) => {
      const { namespace, verbs } = same[0] ?? { namespace: undefined, verbs: '' };
      const role = i === 0 ? 'proofload' : `proofload-${i + 1}`;
      const resources = same.map(({ resource }) => resource).join(',');
      const [kind, place] = namespace === undefined ? ['clusterrole', ''] : ['role', ` -n ${namespace}`];
      return [
        `kubectl create ${kind} ${role} --verb=${verbs} --resource=${resources}${place}`,
        `kubectl create ${kind}binding ${role} --${kind}=${role} --user=USER${place}`,
      ];
    },
  );
  return new UsageError(
    `context ${context} may not ${lacks.join('; ')}. Whoever may grant it runs (USER is what "kubectl auth whoami" says): ${commands.join(' && ')}`,
  );
}

/** `pods/log`, `deployments.apps/scale` */
function resourceOf({ group: api, resource, subresource }: Access): string {
  const name = api === '' ? resource : `${resource}.${api}`;
  return subresource === undefined ? name : `${name}/${subresource}`;
}

function group<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return [...groups.values()];
}
