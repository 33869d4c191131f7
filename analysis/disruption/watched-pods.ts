/**
 * What a cluster's watch log knows of the end of a pod and the history does not: the API server's and the kubelet's own times, which come in
 * whole seconds of the wall clock, and whether the preStop hook failed. Pure.
 *  - t0 = deletionTimestamp - deletionGracePeriodSeconds, as first seen: the kubelet's own last DELETE sets the grace to 0
 *    (API server, registry/rest/delete.go);
 *  - how a container ended stands in the last states before DELETED;
 *  - the kubelet tells a failed hook by an Event, FailedPreStopHook.
 */
import { z } from 'zod';
import type { Interval } from '../faults.ts';
import type { RunView } from '../view.ts';

export interface WatchedEnd {
  t0Ms: Interval;
  graceMs: number;
  preStopFailed: boolean;
  endedMs?: Interval;
  exitCode?: number;
  reason?: string;
}

/** Kubernetes writes whole seconds. */
const RESOLUTION_MS = 1_000;
const SIGKILLED = 137;

const Pod = z.object({
  metadata: z.object({
    uid: z.string(),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.number().optional(),
  }),
  status: z
    .object({
      containerStatuses: z
        .array(
          z.object({
            state: z
              .object({
                terminated: z
                  .object({
                    exitCode: z.number(),
                    reason: z.string().optional(),
                    finishedAt: z.string().nullish(),
                  })
                  .optional(),
              })
              .optional(),
          }),
        )
        .default([]),
    })
    .prefault({}),
});
const HookFailed = z.object({
  reason: z.literal('FailedPreStopHook'),
  involvedObject: z.object({ uid: z.string() }),
});

/** By the pod's uid: of every pod that the log saw being deleted. */
export function watchedEnds({ watch, events }: Pick<RunView, 'watch' | 'events'>): Map<string, WatchedEnd> {
  const onRunClock = runClock(events);
  const ends = new Map<string, WatchedEnd>();
  const failedHooks = new Set<string>();
  for (const { kind, atMs, object } of watch()) {
    if (kind === 'Event') {
      const { data } = HookFailed.safeParse(object);
      if (data) failedHooks.add(data.involvedObject.uid);
    }
    if (kind !== 'Pod') continue;
    const { data } = Pod.safeParse(object);
    if (data?.metadata.deletionTimestamp === undefined) continue;
    const { uid, deletionTimestamp, deletionGracePeriodSeconds = 0 } = data.metadata;
    const graceMs = deletionGracePeriodSeconds * 1_000;
    const t0Ms = second(onRunClock(Date.parse(deletionTimestamp) - graceMs), atMs);
    const end = ends.get(uid) ?? { t0Ms, graceMs, preStopFailed: false };
    ends.set(uid, { ...end, ...howEnded(data, onRunClock, atMs) });
  }
  for (const uid of failedHooks) {
    const end = ends.get(uid);
    if (end) end.preStopFailed = true;
  }
  return ends;
}

function howEnded(
  { status }: z.infer<typeof Pod>,
  onRunClock: (wallMs: number) => number,
  seenMs: number,
): Pick<WatchedEnd, 'endedMs' | 'exitCode' | 'reason'> {
  const ends = status.containerStatuses.flatMap(({ state }) => state?.terminated ?? []);
  if (ends.length === 0 || ends.length < status.containerStatuses.length) return {};
  const worst =
    ends.find(({ exitCode }) => exitCode === SIGKILLED) ??
    ends.find(({ exitCode }) => exitCode !== 0) ??
    ends[0];
  if (worst === undefined) return {};
  const { exitCode, reason, finishedAt } = worst;
  return {
    exitCode,
    ...(reason !== undefined && { reason }),
    ...(finishedAt !== undefined &&
      finishedAt !== null && { endedMs: second(onRunClock(Date.parse(finishedAt)), seenMs) }),
  };
}

/** A time in whole seconds, told at `seenMs`: it cannot be later than that. Where clocks disagree, the telling is what is known. */
function second(fromMs: number, seenMs: number): Interval {
  return fromMs <= seenMs
    ? [fromMs, Math.min(fromMs + RESOLUTION_MS, seenMs)]
    : [seenMs - RESOLUTION_MS, seenMs];
}

/** From the wall clock to the run's, by the last look at both before that moment. */
function runClock(events: RunView['events']): (wallMs: number) => number {
  const looks = events.filter((event) => event.kind === 'run.started' || event.kind === 'clock');
  return (wallMs) => {
    const look = looks.findLast((one) => one.wallMs <= wallMs) ?? looks[0];
    return look ? wallMs - (look.wallMs - look.at) : wallMs;
  };
}
