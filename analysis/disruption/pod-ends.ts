/**
 * The ends of a pod's containers as far as requests feel them: when it was asked to go, got SIGTERM, left the endpoints and ended. From the
 * history, which both platforms write, and from the watch log of a cluster, which knows the API server's own times (watched-pods.ts).
 * Rules: Kubernetes docs, "Pod Lifecycle, Termination of Pods"; kubelet, kuberuntime_container.go (killContainer). A point in time that is
 * not known exactly is an interval. Pure.
 */
import type { EventOf } from '../../record/model.ts';
import type { Interval } from '../faults.ts';
import type { RunView } from '../view.ts';
import type { WatchedEnd } from './watched-pods.ts';

export interface PodEnd {
  pod: string;
  uid: string;
  /** asked: to go within its grace period. forced: killed at once, by a deletion without grace. crashed: by itself, nobody asked. */
  how: 'asked' | 'forced' | 'crashed';
  /** Who asked, in the words of the history: `rollout`, `scale-down`, `eviction`, `liveness`, `pod-kill`, `crash`. */
  why: string;
  /** When it was asked; of a crash, when it ended. */
  t0Ms: Interval;
  graceMs: number;
  preStopFailed: boolean;
  /** Null = none was sent. */
  sigtermMs: Interval | null;
  /** Null = not seen. */
  endedMs: Interval | null;
  /** The pod itself is gone, its address with it. Null = it stayed, or that was not seen. */
  goneMs: number | null;
  /** The endpoints were told to be without it. Null = they never were. */
  leftEndpointsMs: number | null;
  exitCode: number | null;
  /** In the runtime's words, `OOMKilled`. */
  reason: string | null;
  /** SIGKILL, because the grace period was over. */
  killed: boolean;
}

type PodEvent = EventOf<'pod'>;

/** From the end of a process to the event that tells it, on a busy machine: the event is the upper bound. */
const TOLD_WITHIN_MS = 250;
/** From the accepted deletion to the kubelet's own start, normally. */
const KUBELET_MS = 1_000;
/** Kubernetes Events and statuses may be told this much later. */
const STATUS_WITHIN_MS = 3_000;
/** What takes the system down when the run is over is no disturbance. */
const REMOVED = /^remove\b/;
const BY_PROBE = /^(liveness|startup)\b/;

/** Of one pod, from all of its events in the order of time. */
export function endsOf(
  events: readonly PodEvent[],
  view: Pick<RunView, 'plan'>,
  watched: ReadonlyMap<string, WatchedEnd>,
  endpoints: readonly EventOf<'endpoints'>[],
): PodEnd[] {
  const asked = events.findIndex(({ state }) => state === 'terminating');
  const before = asked < 0 ? events : events.slice(0, asked);
  const restarts = before.flatMap((exit, index) =>
    exit.state === 'exited' ? [restartOf(exit, before.slice(0, index), view, endpoints)] : [],
  );
  const first = events[asked];
  if (first === undefined || REMOVED.test(first.why ?? '')) return restarts;
  return [...restarts, deletionOf(first, events.slice(asked), view, watched.get(first.uid), endpoints)];
}

/** Of a pod that was deleted; `events` from the deletion on. */
function deletionOf(
  first: PodEvent,
  events: readonly PodEvent[],
  { plan }: Pick<RunView, 'plan'>,
  watched: WatchedEnd | undefined,
  endpoints: readonly EventOf<'endpoints'>[],
): PodEnd {
  const { pod, uid } = first;
  const { graceMs: plannedMs, preStopMs } = plan.workload;
  const find = (wanted: PodEvent['state']) => events.find(({ state }) => state === wanted);
  const t0Ms: Interval = watched?.t0Ms ?? [first.at, first.at];
  const graceMs = watched?.graceMs ?? plannedMs;
  const forced = graceMs === 0 || first.why === 'pod-kill';
  const exited = find('exited');
  const gone = find('deleted');
  const preStopFailed = watched?.preStopFailed ?? false;
  const endedMs =
    watched?.endedMs ?? endOf(exited, plan.platform) ?? (forced && gone ? [t0Ms[0], gone.at] : null);
  const sigterm = find('sigterm');
  const hookMs = preStopFailed ? 0 : Math.min(preStopMs, graceMs);
  const estimated: Interval = [t0Ms[0] + hookMs, t0Ms[1] + hookMs + KUBELET_MS];
  return {
    pod,
    uid,
    how: forced ? 'forced' : 'asked',
    why: first.why ?? 'deletion',
    t0Ms,
    graceMs: forced ? 0 : graceMs,
    preStopFailed,
    // Only the local platform sends the signal itself.
    sigtermMs: forced
      ? null
      : sigterm
        ? [sigterm.at, sigterm.at]
        : plan.platform === 'local'
          ? null
          : estimated,
    endedMs,
    goneMs: gone?.at ?? null,
    leftEndpointsMs: leftEndpoints(pod, t0Ms[0], endpoints),
    exitCode: watched?.exitCode ?? exited?.exitCode ?? null,
    reason: watched?.reason ?? null,
    killed: !forced && events.some(({ state, graceExpired }) => state === 'sigkill' && graceExpired === true),
  };
}

/** A container that ended in a pod that stayed: its own probe stopped it, or it crashed. */
function restartOf(
  exit: PodEvent,
  before: readonly PodEvent[],
  { plan }: Pick<RunView, 'plan'>,
  endpoints: readonly EventOf<'endpoints'>[],
): PodEnd {
  const life = before.slice(before.findLastIndex(({ state }) => state === 'started') + 1);
  const stop = life.find(({ state, why }) => state === 'sigterm' && BY_PROBE.test(why ?? ''));
  const endedMs = endOf(exit, plan.platform) ?? [exit.at, exit.at];
  const why = exit.why ?? 'crash';
  const { graceMs, preStopMs } = plan.workload;
  const isLocal = plan.platform === 'local';
  const common = {
    pod: exit.pod,
    uid: exit.uid,
    why,
    graceMs: stop ? graceMs : 0,
    preStopFailed: false,
    endedMs,
    goneMs: null,
    leftEndpointsMs: leftEndpoints(exit.pod, endedMs[0], endpoints),
    exitCode: exit.exitCode ?? null,
    reason: /\bOOMKilled\b/.test(why) ? 'OOMKilled' : null,
    killed: life.some(({ state, graceExpired }) => state === 'sigkill' && graceExpired === true),
  };
  if (!stop) return { ...common, how: 'crashed', t0Ms: endedMs, sigtermMs: null };
  // The local platform tells the signal, a cluster the decision, which comes before the hook.
  const t0Ms: Interval = isLocal
    ? [stop.at - preStopMs, stop.at - preStopMs]
    : [stop.at - STATUS_WITHIN_MS, stop.at];
  const sigtermMs: Interval = isLocal
    ? [stop.at, stop.at]
    : [t0Ms[0] + preStopMs, t0Ms[1] + preStopMs + KUBELET_MS];
  return { ...common, how: 'asked', t0Ms, sigtermMs };
}

function endOf(exit: PodEvent | undefined, platform: RunView['plan']['platform']): Interval | null {
  if (exit === undefined) return null;
  return [exit.at - (platform === 'local' ? TOLD_WITHIN_MS : STATUS_WITHIN_MS), exit.at];
}

function leftEndpoints(
  pod: string,
  fromMs: number,
  endpoints: readonly EventOf<'endpoints'>[],
): number | null {
  const before = endpoints.findLast(({ at }) => at <= fromMs);
  if (before && !before.ready.includes(pod)) return fromMs;
  return endpoints.find(({ at, ready }) => at > fromMs && !ready.includes(pod))?.at ?? null;
}
