/** How long a controller that does everything right may take, at the most. */
import { steadyPath, type Workload } from './rest-points.ts';
import type { ControllerParameters } from './types.ts';

/** cAdvisor looks at a container every 10 to 20 s while it is busy, every 15 to 30 s while nothing changes (dynamic housekeeping). */
const HOUSEKEEPING_MS = { busy: 20_000, idle: 30_000 };
/** From the start of a scrape to its answer, as a rule. */
const SCRAPE_MS = 1_000;

/**
 * From a step of the load until a sync has seen nothing but what is after it, milliseconds: two points of cAdvisor's that lie after the step,
 * a scrape that has both, and a sync. A pod that became Ready takes as long from then on.
 */
export function fullySeenMs(
  metricsPeriodMs: number,
  { syncPeriodMs }: Pick<ControllerParameters, 'syncPeriodMs'>,
  before: keyof typeof HOUSEKEEPING_MS,
): number {
  const scrapes = 1 + Math.ceil(HOUSEKEEPING_MS.busy / metricsPeriodMs);
  return HOUSEKEEPING_MS[before] + scrapes * metricsPeriodMs + SCRAPE_MS + syncPeriodMs;
}

/**
 * From the end of the load until the last step down to the minimum, milliseconds: the load is seen gone, its last recommendation leaves the
 * window, and each step waits for its period and a sync. One step more than the shortest way takes is allowed for: the first ones may be small
 * while the samples still hold some of the load. With scaleDown disabled there is no step to wait for.
 */
export function scaledBackMs(
  workload: Workload,
  parameters: Omit<ControllerParameters, 'version'>,
  metricsPeriodMs: number,
): number {
  const { max, behavior } = workload.spec;
  const { syncPeriodMs } = parameters;
  const windowMs = behavior?.scaleDown.stabilizationMs ?? parameters.downscaleStabilizationMs;
  const periodsMs = behavior?.scaleDown.policies.map(({ periodMs }) => periodMs) ?? [];
  const steps = steadyPath(max, 0, workload).length - 1;
  const firstMs = fullySeenMs(metricsPeriodMs, parameters, 'busy') + windowMs + syncPeriodMs;
  return firstMs + steps * (Math.max(0, ...periodsMs) + syncPeriodMs);
}
