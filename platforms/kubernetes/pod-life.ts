/**
 * From the states of one Pod, as a watch tells them, to the events of its life. Pure. Rules of the kubelet and the API server:
 *  - a deletion is accepted at `deletionTimestamp - deletionGracePeriodSeconds` and SIGKILL comes a grace period later; the kubelet's
 *    own last DELETE sets the grace to 0, so what counts is what was seen first;
 *  - exit code 137 with another reason than OOMKilled is SIGKILL. Times have a resolution of a second, so a kill counts as "grace
 *    expired" from one second before the end of the grace period on;
 *  - the last state before DELETED is the only place that tells how a container ended.
 */
import type { EventOf } from '../../record/model.ts';
import { conditionOf, isReady, isTerminating } from './pod-shape.ts';
import type { ContainerStatus, PodObject, Terminated } from './pod-shape.ts';

export type PodHappening = Omit<EventOf<'pod'>, 'at' | 'kind' | 'pod' | 'uid'>;

/** A container that the kubelet kills because its own probe failed; from the Event that says so. */
export interface ProbeKill {
  probe: 'liveness' | 'startup';
  /** Of the Event, milliseconds since the Unix epoch. */
  wallMs: number;
}

export interface PodFacts {
  /** It was there before this run looked: what happened to it earlier is not told. */
  before: boolean;
  /** Why a pod without a grace of 0 and without an eviction is deleted, in the words of the history. */
  whyDeleted(pod: PodObject): string;
  probeKill(uid: string, container: string): ProbeKill | undefined;
}

/** Kubernetes writes whole seconds. */
const RESOLUTION_MS = 1_000;
const SIGKILLED = 137;

interface Memory {
  base: Map<string, number>;
  started: Map<string, number>;
  exits: Set<string>;
  /** Why each container ended last, by its name. */
  whys: Map<string, string>;
  running: boolean;
  ready: boolean;
  /** Of the deletion as first seen. */
  asked?: { t0Ms: number; graceMs: number };
  ended: boolean;
  gone: boolean;
}

/** `unseen` says why the end of a pod that was running is not known: it must not be taken for a good one. */
export interface Seen {
  happenings: PodHappening[];
  unseen?: string;
}

/** Lives of the pods of one workload. `main` = the container whose life is the pod's. */
export class PodLives {
  readonly #main: string;
  readonly #memories = new Map<string, Memory>();

  constructor(main: string) {
    this.#main = main;
  }

  see(type: 'ADDED' | 'MODIFIED' | 'DELETED', pod: PodObject, facts: PodFacts): Seen {
    const happenings: PodHappening[] = [];
    let memory = this.#memories.get(pod.metadata.uid);
    if (memory?.gone === true) return { happenings };
    if (memory === undefined) {
      memory = firstSight(pod, facts.before);
      this.#memories.set(pod.metadata.uid, memory);
      happenings.push({ state: 'created' });
    }
    happenings.push(...this.#containers(pod, memory, facts), ...readiness(pod, memory));
    if (isTerminating(pod) || type === 'DELETED') happenings.push(...terminating(pod, memory, facts));
    if (memory.asked !== undefined) happenings.push(...this.#end(pod, memory));
    if (type !== 'DELETED') return { happenings };

    memory.gone = true;
    // Without a grace period from the start, nobody waited for its end, and the API cannot tell what became of its processes.
    const atOnce = memory.asked?.graceMs === 0;
    if (memory.ended || !memory.running || atOnce) happenings.push({ state: 'deleted' });
    else {
      if (memory.ready) happenings.push({ state: 'unready', why: 'it is gone' });
      return {
        happenings,
        unseen: `pod ${pod.metadata.name} was running when last heard of and is gone; how it ended was not seen`,
      };
    }
    return { happenings };
  }

  /** Starts, and the ends of containers that nobody asked the pod for. */
  #containers(pod: PodObject, memory: Memory, facts: PodFacts): PodHappening[] {
    const found: PodHappening[] = [];
    for (const status of pod.status.containerStatuses) {
      const { name, state, lastState } = status;
      const main = name === this.#main;
      const last = lastState.terminated;
      if (last !== undefined) found.push(...crashed(pod, status, last, memory, facts, main));
      const restarts = status.restartCount - (memory.base.get(name) ?? 0);
      if (state.running !== undefined && restarts > (memory.started.get(name) ?? -1)) {
        memory.started.set(name, restarts);
        const why = memory.whys.get(name);
        if (main || restarts > 0)
          found.push({
            state: 'started',
            restarts: Math.max(0, restarts),
            ...(restarts > 0 && why && { why }),
          });
      }
      if (main)
        memory.running = state.running !== undefined || (memory.running && state.terminated === undefined);
      if (state.terminated !== undefined && memory.asked === undefined && !isTerminating(pod))
        found.push(...crashed(pod, status, state.terminated, memory, facts, main));
    }
    return found;
  }

  /** The end of a pod that was asked to go: when all its containers have ended. */
  #end(pod: PodObject, memory: Memory): PodHappening[] {
    const statuses = pod.status.containerStatuses;
    const ends = statuses.flatMap(({ state }) => (state.terminated === undefined ? [] : [state.terminated]));
    if (memory.ended || statuses.length === 0 || ends.length < statuses.length) return [];
    memory.ended = true;
    const own = statuses.find(({ name }) => name === this.#main)?.state.terminated ?? ends[0];
    if (own === undefined || memory.exits.has(keyOf(own))) return [];
    const found: PodHappening[] = [];
    const killed = ends.filter((end) => end.exitCode === SIGKILLED && end.reason !== 'OOMKilled');
    if (killed.length > 0) {
      const graceExpired = killed.some((end) => expired(end, memory.asked));
      const why = graceExpired
        ? `still there ${(memory.asked?.graceMs ?? 0) / 1_000} s after the deletion`
        : 'killed early, by somebody else';
      found.push({ state: 'sigkill', graceExpired, why });
    }
    found.push({
      state: 'exited',
      ...howEnded(own),
      ...(own.reason === 'OOMKilled' && { why: 'OOMKilled' }),
    });
    return found;
  }
}

function firstSight(pod: PodObject, before: boolean): Memory {
  const statuses = before ? pod.status.containerStatuses : [];
  return {
    base: new Map(statuses.map(({ name, restartCount }) => [name, restartCount])),
    started: new Map(),
    whys: new Map(),
    exits: new Set(
      statuses.flatMap(({ lastState }) =>
        lastState.terminated === undefined ? [] : [keyOf(lastState.terminated)],
      ),
    ),
    running: false,
    ready: false,
    ended: false,
    gone: false,
  };
}

function readiness(pod: PodObject, memory: Memory): PodHappening[] {
  const ready = isReady(pod);
  if (ready === memory.ready) return [];
  memory.ready = ready;
  if (ready) return [{ state: 'ready' }];
  const condition = conditionOf(pod, 'Ready');
  const why = condition?.message ?? condition?.reason;
  return [{ state: 'unready', ...(why !== undefined && why !== '' && { why }) }];
}

function terminating(pod: PodObject, memory: Memory, facts: PodFacts): PodHappening[] {
  if (memory.asked !== undefined) return [];
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  const graceMs = deletionGracePeriodSeconds * 1_000;
  const t0Ms = deletionTimestamp === undefined ? Date.now() : Date.parse(deletionTimestamp) - graceMs;
  memory.asked = { t0Ms, graceMs };
  const disrupted = conditionOf(pod, 'DisruptionTarget');
  const eviction = disrupted?.status === 'True' ? disrupted.reason : undefined;
  const why =
    eviction === 'EvictionByEvictionAPI'
      ? 'eviction'
      : (eviction ?? (graceMs === 0 && memory.running ? killedOrRemoved(pod, facts) : facts.whyDeleted(pod)));
  return [{ state: 'terminating', why }];
}

/** Without a grace period there is no question to answer in time (checks/stops-within-grace.ts). */
function killedOrRemoved(pod: PodObject, facts: PodFacts): string {
  const why = facts.whyDeleted(pod);
  return why === 'remove' ? why : 'pod-kill';
}

/** A container that ended though its pod was to stay. */
function crashed(
  pod: PodObject,
  { name }: ContainerStatus,
  end: Terminated,
  memory: Memory,
  facts: PodFacts,
  main: boolean,
): PodHappening[] {
  const key = keyOf(end);
  if (memory.exits.has(key)) return [];
  memory.exits.add(key);
  const probe = facts.probeKill(pod.metadata.uid, name);
  const why = whyEnded(end, probe?.probe, suffix(name, main));
  memory.whys.set(name, why);
  const exited: PodHappening = { state: 'exited', ...howEnded(end), why };
  if (probe === undefined || end.exitCode !== SIGKILLED || end.reason === 'OOMKilled') return [exited];
  const asked = { t0Ms: probe.wallMs, graceMs: pod.spec.terminationGracePeriodSeconds * 1_000 };
  return [{ state: 'sigkill', graceExpired: expired(end, asked), why }, exited];
}

function whyEnded({ exitCode, reason }: Terminated, probe: string | undefined, of: string): string {
  if (probe !== undefined) return `${probe}${of}`;
  return `crash (${reason === 'OOMKilled' ? reason : `exit ${exitCode}`})${of}`;
}

function suffix(container: string, main: boolean): string {
  return main ? '' : ` of container ${container}`;
}

function expired({ finishedAt }: Terminated, asked: { t0Ms: number; graceMs: number } | undefined): boolean {
  if (asked === undefined || asked.graceMs === 0 || finishedAt === undefined || finishedAt === null)
    return false;
  return Date.parse(finishedAt) - asked.t0Ms >= asked.graceMs - RESOLUTION_MS;
}

const SIGNALS: Record<number, string> = {
  129: 'SIGHUP',
  130: 'SIGINT',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  143: 'SIGTERM',
};

/** The runtime reports a signal as 128 + its number. */
function howEnded({ exitCode }: Terminated): Pick<PodHappening, 'exitCode' | 'signal'> {
  return { exitCode, signal: SIGNALS[exitCode] ?? null };
}

/** The same end is told twice, as the state and then as the last state. */
function keyOf({ containerID, startedAt, finishedAt, exitCode }: Terminated): string {
  return containerID ?? `${startedAt ?? ''} ${finishedAt ?? ''} ${exitCode}`;
}
