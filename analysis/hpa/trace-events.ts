/** What of a run's history the trace of an HPA needs: the clock, what was not seen, restarts of the controller, and its parameters. */
import { z } from 'zod';
import type { Event, EventOf } from '../../record/model.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import type { Blind, HpaTrace, Watched } from './trace.ts';
import type { ControllerParameters } from './types.ts';

type Clock = (text: string | null | undefined) => number | null;

/** Times of the API on the run's clock, by the anchor in its first event. */
export function clockOf(events: readonly Event[]): Clock {
  const started = events.find((event): event is EventOf<'run.started'> => event.kind === 'run.started');
  const anchorMs = started ? started.wallMs - started.at : 0;
  return (text) => {
    const wallMs = typeof text === 'string' ? Date.parse(text) : Number.NaN;
    return Number.isNaN(wallMs) ? null : wallMs - anchorMs;
  };
}

const WATCHED: readonly [RegExp, Watched][] = [
  [/HorizontalPodAutoscaler/, 'hpa'],
  [/PodMetrics/, 'metrics'],
  [/^pods watch$|\bPod\b/, 'pods'],
  [/Deployment|StatefulSet/, 'target'],
  [/Lease/, 'lease'],
];
/** The log is full: nothing that comes after is in it. */
const ALL = /^watch\.jsonl$/;

/** Gaps of the history that touch what an HPA is judged by. */
export function blindStretches(events: readonly Event[]): Blind[] {
  return events.flatMap((event): Blind[] => {
    if (event.kind !== 'gap') return [];
    const { fromMs, toMs, why } = event;
    const kinds = WATCHED.filter(([pattern]) => ALL.test(event.what) || pattern.test(event.what));
    return kinds.map(([, what]) => ({ what, fromMs, toMs, why }));
  });
}

const Lease = z.object({
  spec: z.object({
    holderIdentity: z.string().nullish(),
    leaseTransitions: z.number().nullish(),
    renewTime: z.string().nullish(),
  }),
});

/** Another holder, or the same one anew, is another controller: it remembers nothing of what was before. */
export function restartsOf(
  leases: readonly WatchLine[],
  events: readonly Event[],
): Pick<HpaTrace, 'restartsMs' | 'restartsVisible'> {
  const restartsMs: number[] = [];
  let before: string | undefined;
  for (const { object, atMs, name } of leases) {
    const { data } = Lease.safeParse(object);
    if (!data || name !== 'kube-controller-manager') continue;
    const holder = JSON.stringify([data.spec.holderIdentity, data.spec.leaseTransitions]);
    if (before !== undefined && before !== holder) restartsMs.push(atMs);
    before = holder;
  }
  // Where the controller is a part of the platform itself, it cannot restart without the platform.
  const isPlayed =
    events.some(({ kind }) => kind === 'hpa.controller') && leases.length === 0 && isLocal(events);
  return { restartsMs, restartsVisible: before !== undefined || isPlayed };
}

function isLocal(events: readonly Event[]): boolean {
  return events.some((event) => event.kind === 'note' && event.text.startsWith('rehearsal'));
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
