import type { Finding } from '../finding.ts';
import { budgetsOf, finding, type ManifestSet, titleOf } from '../set.ts';

export const title = 'Two PodDisruptionBudgets for the same pods';
export const severity = 'error';

/** Upstream: registry/core/pod/storage/eviction.go: more than one matching budget is answered 500. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    const [first, ...others] = budgetsOf(set, workload);
    if (!first) return [];
    return others.map(({ manifest }) =>
      finding(
        manifest,
        ['spec', 'selector'],
        `It selects the pods of ${titleOf(workload.manifest)}, as does ${titleOf(first.manifest)} (${first.manifest.file}:${first.manifest.lineAt([])}): the API server answers every eviction of them with 500, and drains fail.`,
        'Keep one budget, or make the selectors disjoint.',
      ),
    );
  });
}
