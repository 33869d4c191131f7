import { CONTROLLER_DEFAULTS } from '../../hpa/types.ts';
import { milliOf } from '../../quantity.ts';
import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, targetOf, titleOf } from '../set.ts';
import { runningContainers, type Workload } from '../workloads.ts';

export const title = 'An HPA target that the limits keep out of reach';
export const severity = 'error';

/** Usage ends at the limit, so utilisation ends at limit / request; nothing happens up to target x (1 + tolerance) (replica_calculator.go). */
export function find(set: ManifestSet): Finding[] {
  return set.scalers.flatMap((scaler) => {
    const workload = targetOf(set, scaler);
    if (!workload || !scaler.hpa || scaler.max <= scaler.min) return [];
    const tolerance = scaler.hpa.behavior?.scaleUp.tolerance ?? CONTROLLER_DEFAULTS.tolerance;
    return scaler.hpa.metrics.flatMap(({ source, name, container, target }, index) => {
      if ((source !== 'Resource' && source !== 'ContainerResource') || target.type !== 'utilization')
        return [];
      const most = mostPercent(workload, name, container);
      const needed = target.value * (1 + tolerance);
      if (most === null || most > needed) return [];
      return [
        finding(
          scaler.manifest,
          ['spec', 'metrics', index],
          `${titleOf(workload.manifest)} can use at most ${most} % of its ${name} request (limit / request), and the HPA adds replicas only above ${Number(needed.toFixed(1))} % (target ${target.value} % and the tolerance of ${tolerance * 100} %): it never scales out on ${name}.`,
          `Raise the ${name} limit above ${needed.toFixed(0)} % of the request, lower the request, or lower averageUtilization below ${Math.floor(most / (1 + tolerance))}.`,
        ),
      ];
    });
  });
}

/** As the controller counts it: a whole number of percent of all containers' requests. Null: not bounded, or not known. */
function mostPercent(workload: Workload, name: string, only: string | undefined): number | null {
  if (workload.pod.resources) return null;
  let limitMilli = 0;
  let requestMilli = 0;
  for (const { container } of runningContainers(workload)) {
    if (only !== undefined && container.name !== only) continue;
    const limit = milliOf(container.resources.limits[name]);
    const request = milliOf(container.resources.requests[name]) ?? limit;
    if (limit === null || request === null) return null;
    limitMilli += limit;
    requestMilli += request;
  }
  return requestMilli === 0 ? null : Math.trunc((limitMilli * 100) / requestMilli);
}
