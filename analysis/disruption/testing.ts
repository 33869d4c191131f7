/** Hand-written lives of pods for tests: a rollout of three pods as the local platform tells it, and as a cluster does. */
import type { Event, EventOf } from '../../record/model.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import { podEvent as pod } from '../testing.ts';

export interface Going {
  pod: string;
  why?: string;
  t0Ms: number;
  sigtermMs?: number;
  endedMs?: number;
  exitCode?: number;
  killed?: boolean;
}

/** The end of one pod in the history, deleted when it has ended. */
export function going({
  pod: name,
  why = 'rollout',
  t0Ms,
  sigtermMs,
  endedMs,
  exitCode = 0,
  killed,
}: Going): Event[] {
  return [
    pod(t0Ms, name, 'terminating', why),
    ...(sigtermMs === undefined ? [] : [pod(sigtermMs, name, 'sigterm', why)]),
    ...(killed && endedMs !== undefined
      ? [{ ...pod(endedMs, name, 'sigkill', why), graceExpired: true }]
      : []),
    ...(endedMs === undefined
      ? []
      : [{ ...pod(endedMs, name, 'exited', why), exitCode }, pod(endedMs, name, 'deleted', why)]),
  ];
}

/** A new pod, from its start to its place in the endpoints. */
export function coming(name: string, startedMs: number, readyMs: number): Event[] {
  return [
    pod(startedMs, name, 'created', ''),
    pod(startedMs, name, 'started', ''),
    pod(readyMs, name, 'ready', ''),
  ];
}

export function endpoints(at: number, ...ready: string[]): EventOf<'endpoints'> {
  return { at, kind: 'endpoints', service: 's', ready };
}

export function watched(atMs: number, kind: string, object: Record<string, unknown>): WatchLine {
  return { atMs, type: 'MODIFIED', kind, name: 'n', object };
}
