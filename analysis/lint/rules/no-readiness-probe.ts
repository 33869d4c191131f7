import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, servicesOf, titleOf } from '../set.ts';

export const title = 'Pods behind a Service without a readiness probe';
export const severity = 'warning';

/** Kubernetes: Pod Lifecycle, "Container probes": without one a container is ready as soon as it runs. */
export function find(set: ManifestSet): Finding[] {
  return set.workloads.flatMap((workload) => {
    const [service] = servicesOf(set, workload);
    if (!service || workload.pod.containers.some(({ readinessProbe }) => readinessProbe)) return [];
    return [
      finding(
        workload.manifest,
        workload.podPath,
        `${titleOf(service.manifest)} leads requests to a pod as soon as its process has started, before it listens: every rollout and every scale-up refuses some.`,
        'Add a readinessProbe that asks what a request needs.',
      ),
    ];
  });
}
