import type { Finding } from '../finding.ts';
import { selects } from '../selector.ts';
import { availableInRollout } from '../amount.ts';
import { finding, type ManifestSet, replicasOf } from '../set.ts';

export const title = 'One node for each replica';
export const severity = 'info';

/** Kubernetes: "Assigning Pods to Nodes": a required anti-affinity leaves a pod Pending rather than break it. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    const terms = workload.pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    const index = terms.findIndex(
      ({ topologyKey, labelSelector }) =>
        topologyKey === 'kubernetes.io/hostname' && selects(labelSelector, workload.labels),
    );
    const { max } = replicasOf(set, workload);
    if (index < 0 || max < 2) return [];
    const surge =
      workload.manifest.kind === 'Deployment' && availableInRollout(workload, max) === max ? 1 : 0;
    return [
      finding(
        workload.manifest,
        [...workload.podPath, 'affinity'],
        `${max} replicas${surge > 0 ? ' and one more during a rolling update' : ''} need ${max + surge} nodes that take them, and one more while a node is drained; on fewer, pods stay Pending.`,
        'Count the nodes, or use preferredDuringScheduling or topologySpreadConstraints.',
      ),
    ];
  });
}
