import { CONTROLLER_DEFAULTS } from '../../hpa/types.ts';
import { milliOf } from '../../quantity.ts';
import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, targetOf } from '../set.ts';
import { runningContainers, type Workload } from '../workloads.ts';

export const title = 'A memory target that may never scale in';
export const severity = 'warning';

const MI_MILLI = 2 ** 20 * 1_000;

/**
 * From n to n - 1 the controller goes when ceil(usage / target x n) <= n - 1 and usage < target x (1 - tolerance), so the last step, to
 * `minReplicas`, needs usage <= target x min / (min + 1) (replica_calculator.go). CPU falls with the load. Memory mostly does not: a heap keeps
 * what it has grown to, and every pod needs its part at rest. What a pod holds at rest is in no manifest, so this cannot be decided here; the
 * figure below is what has to be measured. The largest proposal wins, so such a metric holds up the scaling in of all the others.
 */
export function find(set: ManifestSet): Finding[] {
  return set.scalers.flatMap((scaler) => {
    const { hpa, min, max } = scaler;
    if (!hpa || max <= min || hpa.behavior?.scaleDown.selectPolicy === 'Disabled') return [];
    const tolerance = hpa.behavior?.scaleDown.tolerance ?? CONTROLLER_DEFAULTS.tolerance;
    const last = Math.max(1, min);
    const share = Math.min(1 - tolerance, last / (last + 1));
    const workload = targetOf(set, scaler);
    return hpa.metrics.flatMap(({ source, name, container, target }, index) => {
      if ((source !== 'Resource' && source !== 'ContainerResource') || name !== 'memory') return [];
      const requestMilli = workload ? memoryRequestMilli(workload, container) : null;
      const mi = (milli: number) => `${Math.floor((milli * share) / MI_MILLI)}Mi`;
      const percent = Math.floor(target.value * share);
      const most =
        target.type !== 'utilization'
          ? mi(target.value)
          : `${percent} % of the request${requestMilli === null ? '' : `, ${mi((requestMilli * target.value) / 100)}`}`;
      return [
        finding(
          scaler.manifest,
          ['spec', 'metrics', index],
          `The step from ${last + 1} to ${last} replicas needs pods that hold at most ${most} on average. Memory is seldom given back when the load goes: pods that hold more at rest keep every replica they once got, whatever the other metrics say.`,
          'Scale on CPU or on a measure of the load. If memory has to stay, measure a pod at rest after full load, and set request and target so that it lies below that figure.',
        ),
      ];
    });
  });
}

function memoryRequestMilli(workload: Workload, only: string | undefined): number | null {
  let sum = 0;
  for (const { container } of runningContainers(workload)) {
    if (only !== undefined && container.name !== only) continue;
    const request = milliOf(container.resources.requests['memory'] ?? container.resources.limits['memory']);
    if (request === null) return null;
    sum += request;
  }
  return sum === 0 ? null : sum;
}
