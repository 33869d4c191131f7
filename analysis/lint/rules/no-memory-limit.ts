import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, together } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A container without a memory limit';
export const severity = 'info';

/** Kubernetes: "Node-pressure Eviction". A CPU limit is not asked for: it throttles, and a missing one harms nobody beyond its request. */
export function find({ workloads, limitRanges }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) => {
    const defaulted = limitRanges.some(
      ({ manifest, limits }) =>
        together(manifest, workload.manifest) && limits.some((limit) => 'memory' in limit.default),
    );
    if (defaulted || workload.pod.resources?.limits['memory'] !== undefined) return [];
    return runningContainers(workload)
      .filter(({ container }) => container.resources.limits['memory'] === undefined)
      .map(({ container, path }) =>
        finding(
          workload.manifest,
          [...path, 'resources'],
          `Container ${container.name} may take the node's memory; when that runs out, the kernel or the kubelet chooses who dies, and it may be a neighbour.`,
          'Set resources.limits.memory to what it needs under full load, with room.',
        ),
      );
  });
}
