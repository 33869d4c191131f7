import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, servicesOf, together } from '../set.ts';

export const title = 'A Service that selects no pods of these manifests';
export const severity = 'warning';

/** Kubernetes: Service: without a selector the endpoints are somebody's own, so that is not asked. */
export function find(set: ManifestSet): Finding[] {
  return set.services.flatMap(({ manifest, spec }) => {
    const pairs = Object.entries(spec.selector);
    const beside = set.workloads.filter((workload) => together(workload.manifest, manifest));
    const matched = beside.some((workload) =>
      servicesOf(set, workload).some((service) => service.manifest === manifest),
    );
    if (pairs.length === 0 || spec.type === 'ExternalName' || beside.length === 0 || matched) return [];
    const selector = pairs.map(([key, value]) => `${key}=${value}`).join(', ');
    return [
      finding(
        manifest,
        ['spec', 'selector'],
        `No pod template here has the labels ${selector}: unless another set brings such pods, every connection to it is refused.`,
        'Correct the selector or the labels, or lint both sets together.',
      ),
    ];
  });
}
