import type { Finding } from '../finding.ts';
import { budgetsOf, finding, type ManifestSet, replicasOf } from '../set.ts';

export const title = 'Several replicas without a PodDisruptionBudget';
export const severity = 'warning';

/** Kubernetes: Disruptions: without a budget the eviction API grants every eviction at once. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads
    .filter(({ manifest: { kind } }) => kind === 'Deployment' || kind === 'StatefulSet')
    .flatMap((workload) => {
      const { min } = replicasOf(set, workload);
      if (min < 2 || budgetsOf(set, workload).length > 0) return [];
      return [
        finding(
          workload.manifest,
          [],
          `A drain may evict all of its ${min} pods at the same moment: nothing says how many have to stay, and a rolling update's limits do not count there.`,
          `Add a PodDisruptionBudget that selects its pods, e.g. with minAvailable: ${min - 1} or maxUnavailable: 1.`,
        ),
      ];
    });
}
