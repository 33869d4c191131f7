import { milliOf } from '../../quantity.ts';
import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, targetOf, titleOf, together } from '../set.ts';
import { type Container, runningContainers } from '../workloads.ts';

export const title = 'An HPA on a resource that a container does not request';
export const severity = 'error';

/** Upstream: calculatePodRequests in replica_calculator.go: every container and sidecar, or the HPA fails with FailedGetResourceMetric. */
export function find(set: ManifestSet): Finding[] {
  return set.scalers.flatMap((scaler) => {
    const workload = targetOf(set, scaler);
    if (!workload) return [];
    const defaulted = set.limitRanges
      .filter(({ manifest }) => together(manifest, workload.manifest))
      .flatMap(({ limits }) => limits.filter(({ type }) => type === 'Container'));
    return (scaler.hpa?.metrics ?? []).flatMap(({ source, name, container: only, target }) => {
      const ofResource = source === 'Resource' || source === 'ContainerResource';
      if (!ofResource || target.type !== 'utilization') return [];
      // A request of the pod as a whole counts instead, where the cluster has pod-level resources.
      if (source === 'Resource' && milliOf(workload.pod.resources?.requests[name]) !== null) return [];
      if (defaulted.some((limit) => name in limit.defaultRequest || name in limit.default)) return [];
      const running = runningContainers(workload);
      if (only !== undefined && !running.some(({ container }) => container.name === only))
        return [
          finding(
            scaler.manifest,
            ['spec', 'metrics'],
            `Its metric is the ${name} of container ${only}, and ${titleOf(workload.manifest)} has no such container: the HPA reports FailedGetContainerResourceMetric and never scales.`,
            `Name one of: ${running.map(({ container }) => container.name).join(', ')}.`,
          ),
        ];
      return running
        .filter(({ container }) => only === undefined || container.name === only)
        .filter(({ container }) => !requests(container, name))
        .map(({ container, path }) =>
          finding(
            workload.manifest,
            [...path, 'resources'],
            `${titleOf(scaler.manifest)} scales on ${name} in percent of the request, and container ${container.name} requests none: the HPA reports FailedGet${source}Metric and does not scale down, nor up on this metric, while one container lacks it.`,
            `Set resources.requests.${name} in container ${container.name}, or take a metric that needs no request.`,
          ),
        );
    });
  });
}

/** The API server takes the limit for a request that is not there. */
function requests({ resources }: Container, name: string): boolean {
  return milliOf(resources.requests[name] ?? resources.limits[name]) !== null;
}
