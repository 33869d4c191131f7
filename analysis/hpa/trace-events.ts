/** What of a run's history the trace of an HPA needs: the clock, what was not seen, restarts of the controller, and its parameters. */
import { z } from 'zod';
import type { Event, EventOf, Plan } from '../../record/model.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import { blindGaps } from '../blind.ts';
import type { Clock } from './trace-fields.ts';
import { type Blind, type HpaTrace, WATCHED, type Watched } from './trace.ts';
import type { ControllerParameters } from './types.ts';

/**
 * Times of the API on the run's clock. By one anchor for the whole run, however the clocks drift: the controller compares these times with one
 * another, and what is equal there has to stay so.
 */
export function clockOf(events: readonly Event[]): Clock {
  const started = events.find((event): event is EventOf<'run.started'> => event.kind === 'run.started');
  const anchorMs = started ? started.wallMs - started.at : 0;
  return (text) => {
    const wallMs = typeof text === 'string' ? Date.parse(text) : Number.NaN;
    return Number.isNaN(wallMs) ? null : wallMs - anchorMs;
  };
}

const KINDS: Readonly<Record<Watched, readonly string[]>> = {
  hpa: ['HorizontalPodAutoscaler'],
  pods: ['Pod'],
  metrics: ['PodMetrics'],
  target: ['Deployment', 'StatefulSet'],
  lease: ['Lease'],
};

/** Gaps of the history that touch what an HPA is judged by. */
export function blindStretches(events: readonly Event[]): Blind[] {
  return WATCHED.flatMap((what) =>
    blindGaps(events, KINDS[what]).map(({ fromMs, toMs, why }) => ({ what, fromMs, toMs, why })),
  );
}

const Lease = z.object({
  spec: z.object({
    holderIdentity: z.string().nullish(),
    leaseTransitions: z.number().nullish(),
    acquireTime: z.string().nullish(),
  }),
});

/**
 * Another holder, or the same one anew, is another controller: it remembers nothing of what was before. Where the platform plays the controller
 * itself, it lives as long as the run.
 */
export function restartsOf(
  leases: readonly WatchLine[],
  platform: Plan['platform'],
  clock: Clock,
): Pick<HpaTrace, 'restartsMs' | 'restartsVisible'> {
  const restartsMs: number[] = [];
  let before: string | undefined;
  let lookedMs = 0;
  for (const { object, atMs, name } of leases) {
    const { data } = Lease.safeParse(object);
    if (!data || name !== 'kube-controller-manager') continue;
    const holder = JSON.stringify([data.spec.holderIdentity, data.spec.leaseTransitions]);
    if (before !== undefined && before !== holder) {
      // It may have been a while before anybody looked again.
      const acquiredMs = clock(data.spec.acquireTime);
      if (acquiredMs !== null && acquiredMs > lookedMs && acquiredMs < atMs) restartsMs.push(acquiredMs);
      restartsMs.push(atMs);
    }
    lookedMs = atMs;
    before = holder;
  }
  return { restartsMs, restartsVisible: before !== undefined || platform === 'local' };
}

export type ParameterName = keyof Omit<ControllerParameters, 'version'>;

export interface KnownController {
  parameters: ControllerParameters;
  sources: Record<ParameterName, EventOf<'hpa.controller'>['parameters'][ParameterName]['source']>;
}

/** The controller's parameters in force, with where they are known from; null where the history does not tell them. */
export function controllerOf(events: readonly Event[]): KnownController | null {
  const told = events.findLast(
    (event): event is EventOf<'hpa.controller'> => event.kind === 'hpa.controller',
  );
  if (!told) return null;
  const [major = 1, minor = 0] = told.version.split('.').map(Number);
  const { syncPeriodMs, tolerance, downscaleStabilizationMs, cpuInitializationMs, initialReadinessDelayMs } =
    told.parameters;
  return {
    parameters: {
      version: [major, minor],
      syncPeriodMs: syncPeriodMs.value,
      tolerance: tolerance.value,
      downscaleStabilizationMs: downscaleStabilizationMs.value,
      cpuInitializationMs: cpuInitializationMs.value,
      initialReadinessDelayMs: initialReadinessDelayMs.value,
    },
    sources: {
      syncPeriodMs: syncPeriodMs.source,
      tolerance: tolerance.source,
      downscaleStabilizationMs: downscaleStabilizationMs.source,
      cpuInitializationMs: cpuInitializationMs.source,
      initialReadinessDelayMs: initialReadinessDelayMs.source,
    },
  };
}
