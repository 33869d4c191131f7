import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, servicesOf, titleOf } from '../set.ts';
import type { Workload } from '../workloads.ts';

export const title = 'A Service over pods of different programs';
export const severity = 'warning';

/** Kubernetes: Service: every ready pod that the selector matches gets its share. Two versions of one image side by side are meant so. */
export function find(set: ManifestSet): Finding[] {
  return set.services.flatMap(({ manifest }) => {
    const [first, ...others] = set.workloads
      .filter(({ manifest: { kind } }) => kind !== 'Job' && kind !== 'CronJob')
      .filter((workload) => servicesOf(set, workload).some((service) => service.manifest === manifest));
    const strange = first && others.find((other) => !alike(first, other));
    if (!first || !strange) return [];
    return [
      finding(
        manifest,
        ['spec', 'selector'],
        `It leads requests to ${titleOf(first.manifest)} and to ${titleOf(strange.manifest)} alike, which run different things.`,
        'Select by a label that only one of them has.',
      ),
    ];
  });
}

function alike(a: Workload, b: Workload): boolean {
  const images = ({ pod }: Workload) =>
    pod.containers.map(({ image = '' }) => image.replace(/[:@][^/]*$/, '')).join();
  return a.manifest.kind === b.manifest.kind && images(a) === images(b);
}
