import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, scalersOf, titleOf } from '../set.ts';

export const title = 'spec.replicas of a workload that an HPA scales';
export const severity = 'warning';

/** Kubernetes: Horizontal Pod Autoscaling, "Migrating Deployments and StatefulSets to horizontal autoscaling". */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    const { manifest, controller } = workload;
    const [scaler] = scalersOf(set, workload);
    if (controller.replicas === undefined || !scaler) return [];
    return [
      finding(
        manifest,
        ['spec', 'replicas'],
        `${titleOf(scaler.manifest)} scales it between ${scaler.min} and ${scaler.max}, and every apply of this file sets it back to ${controller.replicas}: under load that takes away what the HPA has added.`,
        'Remove spec.replicas from the manifest. Where it is applied already, kubectl apply edit-last-applied first, or the missing field counts as 1 once.',
      ),
    ];
  });
}
