import type { Finding } from '../finding.ts';
import { references } from '../references.ts';
import { finding, type ManifestSet, together } from '../set.ts';

export const title = 'A key that its ConfigMap or Secret does not have';
export const severity = 'error';

/** Upstream: makeEnvironmentVariables in kubelet_pods.go: "couldn't find key", CreateContainerConfigError. */
export function find({ workloads, configMaps, secrets }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    references(workload).flatMap(({ kind, name, key, place, path }) => {
      const source = (kind === 'ConfigMap' ? configMaps : secrets).find(
        ({ manifest }) => manifest.name === name && together(manifest, workload.manifest),
      );
      if (!source || key === undefined || source.keys.includes(key)) return [];
      return [
        finding(
          workload.manifest,
          path,
          `${place} takes the key ${key} of ${kind} ${name} (${source.manifest.file}:${source.manifest.lineAt([])}), which has ${source.keys.length === 0 ? 'no keys' : source.keys.join(', ')}: the container is never created (CreateContainerConfigError).`,
          `Add ${key} to ${kind} ${name}, or correct the name.`,
        ),
      ];
    }),
  );
}
