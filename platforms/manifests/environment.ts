/** A container's environment from its manifest: literals, ConfigMaps, Secrets and the downward API. */
import { ConfigMap, Secret } from './objects.ts';
import type { Container } from './objects.ts';
import { badInput, nearest, parseLocated } from './located.ts';
import type { Located } from './located.ts';
import type { ManifestObject } from './read.ts';
import { leftOut } from './unplayed.ts';
import type { Unplayed } from './unplayed.ts';

type Data = Record<string, string>;
export interface DataObjects {
  ConfigMap: Map<string, Data>;
  Secret: Map<string, Data>;
}

/** The data of every ConfigMap and Secret by name. */
export function readData(objects: readonly ManifestObject[]): DataObjects {
  const found: DataObjects = { ConfigMap: new Map(), Secret: new Map() };
  for (const { kind, name, node, title } of objects) {
    if (kind === 'ConfigMap') found.ConfigMap.set(name, parseLocated(ConfigMap, node, title).data);
    if (kind !== 'Secret') continue;
    const secret = parseLocated(Secret, node, title);
    const decoded = Object.entries(secret.data).map(([key, value]) => {
      if (/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value))
        return [key, Buffer.from(value, 'base64').toString('utf8')];
      throw badInput(
        nearest(node, ['data', key]),
        title,
        `data.${key}`,
        'not base64; encode it or use stringData',
      );
    });
    found.Secret.set(name, { ...Object.fromEntries(decoded), ...secret.stringData });
  }
  return found;
}

/** What a pod fills in for the downward API. */
export interface PodFacts {
  name: string;
  uid: string;
  namespace: string;
}

const FIELDS: Record<string, (pod: PodFacts) => string> = {
  'metadata.name': (pod) => pod.name,
  'metadata.uid': (pod) => pod.uid,
  'metadata.namespace': (pod) => pod.namespace,
  'status.podIP': () => '127.0.0.1',
  'status.hostIP': () => '127.0.0.1',
  'spec.nodeName': () => 'local',
};

/**
 * Resolves `envFrom` and `env` in order, `$(NAME)` included. Returns a function, because the downward API differs by pod.
 * Throws UsageError where a cluster would hold the pod in CreateContainerConfigError.
 */
export function readEnvironment(
  container: Container,
  node: Located,
  object: string,
  data: DataObjects,
): { environment: (pod: PodFacts) => Data; unplayed: Unplayed[] } {
  const unplayed: Unplayed[] = [];
  const steps: ((env: Data, pod: PodFacts) => void)[] = [];

  for (const [i, from] of container.envFrom.entries()) {
    for (const [kind, ref] of [
      ['ConfigMap', from.configMapRef],
      ['Secret', from.secretRef],
    ] as const) {
      if (ref === undefined) continue;
      const values = data[kind].get(ref.name);
      if (values === undefined && !ref.optional)
        throw badInput(
          nearest(node, ['envFrom', i]),
          object,
          `envFrom[${i}]`,
          `there is no ${kind} "${ref.name}"; add it to the manifests`,
        );
      const prefixed = Object.entries(values ?? {}).map(([key, value]) => [`${from.prefix}${key}`, value]);
      steps.push((env) => Object.assign(env, Object.fromEntries(prefixed)));
    }
  }

  for (const [i, variable] of container.env.entries()) {
    const place = nearest(node, ['env', i]);
    const from = variable.valueFrom;
    if (from === undefined) {
      steps.push((env) => {
        env[variable.name] = expand(variable.value ?? '', env);
      });
      continue;
    }
    for (const [kind, ref] of [
      ['ConfigMap', from.configMapKeyRef],
      ['Secret', from.secretKeyRef],
    ] as const) {
      if (ref === undefined) continue;
      const value = data[kind].get(ref.name)?.[ref.key];
      if (value === undefined && !ref.optional)
        throw badInput(
          place,
          object,
          `env ${variable.name}`,
          `there is no key "${ref.key}" in a ${kind} "${ref.name}"; add it to the manifests`,
        );
      if (value !== undefined) steps.push((env) => void (env[variable.name] = value));
    }
    const fieldPath = from.fieldRef?.fieldPath;
    if (fieldPath === undefined) continue;
    const fact = FIELDS[fieldPath];
    if (fact === undefined)
      unplayed.push(
        leftOut(
          place,
          object,
          `env ${variable.name}`,
          `${fieldPath} has no value here; the variable stays unset`,
        ),
      );
    else steps.push((env, pod) => void (env[variable.name] = fact(pod)));
  }

  const environment = (pod: PodFacts) => {
    const env: Data = {};
    for (const step of steps) step(env, pod);
    return env;
  };
  return { environment, unplayed };
}

/** `$(NAME)` of a variable defined before; `$$(NAME)` is the escaped form; an unknown name stays as it is. */
function expand(value: string, env: Data): string {
  return value.replace(/\$(\$?)\(([^()]*)\)/g, (all, escaped: string, name: string) =>
    escaped === '$' ? `$(${name})` : (env[name] ?? all),
  );
}
