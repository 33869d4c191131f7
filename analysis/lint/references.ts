/** Where a pod names a ConfigMap or a Secret: `env`, `envFrom` and volumes. */
import type { Manifest, Path } from './finding.ts';
import { together } from './set.ts';
import type { Workload } from './workloads.ts';

export interface Reference {
  kind: 'ConfigMap' | 'Secret';
  name: string;
  /** One key of it, where only that is asked for. */
  key?: string;
  /** Whose it is, in words: `env X of container c`. */
  place: string;
  path: Path;
}

/** Every reference that is not optional: the pod does not start without it. */
export function references({ pod, podPath }: Workload): Reference[] {
  const containers = [
    ...pod.containers.map((container, index) => ({ container, at: [...podPath, 'containers', index] })),
    ...pod.initContainers.map((container, index) => ({
      container,
      at: [...podPath, 'initContainers', index],
    })),
  ];
  const inContainers = containers.flatMap(({ container, at }) => [
    ...container.env.flatMap(({ name: variable, valueFrom }, index) => {
      const where = { place: `env ${variable} of container ${container.name}`, path: [...at, 'env', index] };
      return needed(valueFrom?.configMapKeyRef, valueFrom?.secretKeyRef, where);
    }),
    ...container.envFrom.flatMap(({ configMapRef, secretRef }, index) => {
      const where = { place: `envFrom of container ${container.name}`, path: [...at, 'envFrom', index] };
      return needed(configMapRef, secretRef, where);
    }),
  ]);
  const volumes = pod.volumes.flatMap(({ configMap, secret }, index): Reference[] => {
    const path = [...podPath, 'volumes', index];
    const place = 'a volume';
    if (configMap?.name !== undefined && !configMap.optional)
      return [{ kind: 'ConfigMap', name: configMap.name, place, path }];
    return secret?.secretName !== undefined && !secret.optional
      ? [{ kind: 'Secret', name: secret.secretName, place, path }]
      : [];
  });
  return [...inContainers, ...volumes];
}

interface Ref {
  name?: string | undefined;
  key?: string | undefined;
  optional?: boolean | undefined;
}

function needed(
  configMap: Ref | undefined,
  secret: Ref | undefined,
  where: Pick<Reference, 'place' | 'path'>,
): Reference[] {
  const refs = [
    { kind: 'ConfigMap', ref: configMap },
    { kind: 'Secret', ref: secret },
  ] as const;
  return refs.flatMap(({ kind, ref }) =>
    ref?.name === undefined || ref.optional
      ? []
      : [{ kind, name: ref.name, ...(ref.key !== undefined && { key: ref.key }), ...where }],
  );
}

/** The first reference to each object of a kind that none of `known` makes. */
export function unresolved(
  workload: Workload,
  kind: Reference['kind'],
  known: readonly Manifest[],
): Reference[] {
  const all = references(workload).filter((reference) => reference.kind === kind);
  return all.filter(
    ({ name }, index) =>
      all.findIndex((other) => other.name === name) === index &&
      !known.some((manifest) => manifest.name === name && together(manifest, workload.manifest)),
  );
}
