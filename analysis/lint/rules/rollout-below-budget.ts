import { availableInRollout, desiredHealthy } from '../amount.ts';
import type { Finding } from '../finding.ts';
import { budgetsOf, finding, type ManifestSet, replicasOf, titleOf } from '../set.ts';

export const title = 'A rolling update that goes below the PodDisruptionBudget';
export const severity = 'warning';

/** Kubernetes: Disruptions: a rolling update is not bound by budgets; its own maxUnavailable is all that holds it. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads
    .filter(({ manifest: { kind } }) => kind === 'Deployment')
    .flatMap((workload) => {
      const { min, max } = replicasOf(set, workload);
      return budgetsOf(set, workload).flatMap(({ manifest, spec }) => {
        const below = [min, max].flatMap((replicas) => {
          const available = availableInRollout(workload, replicas);
          const desired = desiredHealthy(spec, replicas);
          return available !== null && desired !== null && available < desired
            ? [{ replicas, available, desired }]
            : [];
        });
        const [worst] = below;
        if (worst === undefined || worst.replicas < 2) return [];
        return [
          finding(
            workload.manifest,
            ['spec', 'strategy'],
            `At ${worst.replicas} replicas a rolling update may leave ${worst.available} available, and ${titleOf(manifest)} wants ${worst.desired}: budgets do not bind rollouts, and no node can be drained meanwhile.`,
            `Set strategy.rollingUpdate.maxUnavailable to at most ${worst.replicas - worst.desired} (with maxSurge of at least 1).`,
          ),
        ];
      });
    });
}
