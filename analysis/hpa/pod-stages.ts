/** A pod's way from its object to service, and what kept it from a node, by when each was seen. */
import { z } from 'zod';
import type { WatchLine } from '../../record/watch-log.ts';
import { Conditions } from './trace-fields.ts';

const Pod = z.object({
  status: z
    .object({
      phase: z.string().nullish(),
      conditions: Conditions,
    })
    .nullish(),
});

export interface PodStages {
  name: string;
  createdMs: number;
  scheduledMs: number | null;
  startedMs: number | null;
  readyMs: number | null;
  /** No node had room: from when on, until it was scheduled or gone (null = it never was), and the scheduler's words. */
  unschedulable: { fromMs: number; toMs: number | null; why: string } | null;
}

/** Stages of the pods of these names that came to be after `fromMs`, each by the receipt of the first line that shows it. */
export function podStages(
  lines: Iterable<WatchLine>,
  names: ReadonlySet<string>,
  fromMs: number,
): Map<string, PodStages> {
  const found = new Map<string, PodStages>();
  const old = new Set<string>();
  for (const { kind, name, object, atMs, type } of lines) {
    if (kind !== 'Pod' || !names.has(name)) continue;
    if (atMs <= fromMs) old.add(name);
    if (old.has(name)) continue;
    const pod = found.get(name) ?? {
      name,
      createdMs: atMs,
      scheduledMs: null,
      startedMs: null,
      readyMs: null,
      unschedulable: null,
    };
    found.set(name, pod);
    const status = Pod.safeParse(object).data?.status;
    const scheduled = status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    const isReady = status?.conditions?.some(
      (condition) => condition.type === 'Ready' && condition.status === 'True',
    );
    if (scheduled?.status === 'True') pod.scheduledMs ??= atMs;
    if (status?.phase === 'Running') pod.startedMs ??= atMs;
    if (isReady) pod.readyMs ??= atMs;
    if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable')
      pod.unschedulable ??= { fromMs: atMs, toMs: null, why: scheduled.message ?? '' };
    if (pod.unschedulable && (scheduled?.status === 'True' || type === 'DELETED'))
      pod.unschedulable.toMs ??= atMs;
  }
  return found;
}
