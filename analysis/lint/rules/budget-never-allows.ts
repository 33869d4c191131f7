import { desiredHealthy } from '../amount.ts';
import type { Finding } from '../finding.ts';
import { budgetsOf, finding, type ManifestSet, replicasOf, scalersOf, titleOf } from '../set.ts';

export const title = 'A PodDisruptionBudget that allows no eviction';
export const severity = 'warning';

/** Kubernetes: "Specifying a Disruption Budget": disruptionsAllowed = currentHealthy - desiredHealthy. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads
    .filter(({ manifest: { kind } }) => kind === 'Deployment' || kind === 'StatefulSet')
    .flatMap((workload) => {
      const { min } = replicasOf(set, workload);
      const [scaler] = scalersOf(set, workload);
      return budgetsOf(set, workload).flatMap(({ manifest, spec }) => {
        const desired = desiredHealthy(spec, min);
        if (min < 1 || desired === null || desired < min) return [];
        const key = spec.minAvailable === undefined ? 'maxUnavailable' : 'minAvailable';
        const when = scaler ? ` at the ${min} replicas that ${titleOf(scaler.manifest)} goes down to` : '';
        return [
          finding(
            manifest,
            ['spec', key],
            `It wants ${desired} of the ${min} pods of ${titleOf(workload.manifest)} healthy, so no eviction is ever granted${when}: a drain of their nodes waits for ever.`,
            min === 1
              ? 'Run two replicas, or go without the budget and accept the gap.'
              : `Leave room for one: minAvailable: ${min - 1} or maxUnavailable: 1.`,
          ),
        ];
      });
    });
}
