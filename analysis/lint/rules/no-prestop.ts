import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, servicesOf, titleOf } from '../set.ts';
import { preStopOf } from '../termination.ts';

export const title = 'No preStop: the application itself must go on listening after SIGTERM';
export const severity = 'info';

/** Kubernetes: Pod Lifecycle: endpoints change and SIGTERM comes at the same time, without an order. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    const [service] = servicesOf(set, workload);
    if (!service || workload.pod.containers.some((container) => preStopOf(container) !== null)) return [];
    return [
      finding(
        workload.manifest,
        workload.podPath,
        `SIGTERM comes while ${titleOf(service.manifest)} may still lead new requests here, for a second or more: an application that closes its listener at once refuses them.`,
        'See it go on accepting for some seconds after SIGTERM, or add preStop.sleep.',
      ),
    ];
  });
}
