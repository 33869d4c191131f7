import type { Finding } from '../finding.ts';
import { unresolved } from '../references.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'A Secret that is not among the manifests';
export const severity = 'info';

/** SealedSecret, ExternalSecret and Certificate make a Secret, mostly of their own name; one kept elsewhere is good practice, so this is no warning. */
export function find({ workloads, all }: ManifestSet): Finding[] {
  const makers = all.filter(({ kind }) => kind.endsWith('Secret') || kind === 'Certificate');
  return workloads.flatMap((workload) =>
    unresolved(workload, 'Secret', makers).map(({ name, place, path }) =>
      finding(
        workload.manifest,
        path,
        `${place} needs the Secret ${name}, which these manifests do not have: no pod starts before somebody has made it, and its keys could not be compared.`,
        'Make it first (kubectl create secret), and say so where the manifests are described.',
      ),
    ),
  );
}
