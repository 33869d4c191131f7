import type { Finding } from '../finding.ts';
import { unresolved } from '../references.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'A ConfigMap that is not among the manifests';
export const severity = 'warning';

/** Upstream: makeEnvironmentVariables in kubelet_pods.go: CreateContainerConfigError; a volume: FailedMount. */
export function find({ workloads, configMaps }: ManifestSet): Finding[] {
  const known = configMaps.map(({ manifest }) => manifest);
  return workloads.flatMap((workload) =>
    unresolved(workload, 'ConfigMap', known).map(({ name, place, path }) =>
      finding(
        workload.manifest,
        path,
        `${place} needs the ConfigMap ${name}, which these manifests do not have: unless something else makes it first, no pod starts.`,
        `Add the ConfigMap ${name}, correct the name, or mark it optional.`,
      ),
    ),
  );
}
