/**
 * The faults as deeds with a proof each. A proof looks at process tables and at connections, never at what this file was
 * told to do: a fault that did not happen must not be believed, and one that touched something else must be seen.
 */
import type { FaultObservation, PreparedFault } from '../platform.ts';
import type { ChaosFault } from './chaos.ts';
import { accepts, postgresHandshake } from './handshake.ts';
import type { Network } from './network.ts';
import type { Effect } from './network/messages.ts';
import type { Pod } from './pod.ts';
import { isRunning } from './process.ts';
import type { Replicas } from './replicas.ts';

/** A handshake on the loopback takes a millisecond; silence for this long is a cut. */
const SILENCE_MS = 500;
const OPEN: Effect = { kind: 'open' };

export interface FaultContext {
  replicas: Replicas;
  network: Network;
  storePort: number;
  /** Where a pod's own link to the store listens; undefined when it has none (any more). */
  linkPort(uid: string): number | undefined;
  signal: AbortSignal;
}

function isAlive(pod: Pod): boolean {
  return pod.process !== undefined && isRunning(pod.process);
}

/** SIGKILL; acting until the replacement is Ready. */
export function podKill(context: FaultContext, targets: readonly Pod[]): PreparedFault {
  const { replicas } = context;
  const victims = targets.map((pod) => ({ pod, port: pod.port, process: pod.process }));
  const bystanders = replicas.ready().filter((pod) => !targets.includes(pod));
  const healthy = () => !replicas.pods.some((pod) => targets.includes(pod)) && replicas.settled();
  return {
    targets: targets.map((pod) => pod.name),
    detail: `pod-kill, SIGKILL without grace, ${targets.length} of ${replicas.pods.length} pods`,
    inject() {
      for (const pod of targets) replicas.kill(pod.uid, 'pod-kill');
      return Promise.resolve();
    },
    heal: () => replicas.until(healthy, 'pod-kill: waiting for the replacement', context.signal),
    async observe() {
      const dead = await Promise.all(
        victims.map(async ({ port, process }) => {
          const running = process !== undefined && isRunning(process);
          return !running && !(await accepts(port, SILENCE_MS)).answered;
        }),
      );
      // Only those that are meant to live: a rollout or a restart of their own is not this fault's doing.
      const watched = bystanders.filter((pod) => replicas.pods.includes(pod) && !pod.terminating);
      const deaf = await firstFailure(watched.map((pod) => [pod.name, accepts(pod.port, SILENCE_MS)]));
      const ready = replicas.ready().length;
      const gone = dead.filter(Boolean).length;
      const acting = gone === victims.length && ready < replicas.options.replicas;
      const detail = `${gone} of ${victims.length} killed processes gone and refusing, ${ready} of ${replicas.options.replicas} replicas ready`;
      return { acting, detail, ...(deaf !== undefined && { elsewhere: deaf }) };
    },
  };
}

/** `kubectl rollout restart`: acting from the first change of the set of pods until only new ones are there, all available. */
export function rolloutRestart(context: FaultContext): PreparedFault {
  const { replicas } = context;
  const before = [...replicas.pods];
  let injected = false;
  return {
    targets: before.map((pod) => pod.name),
    detail: `rollout restart of ${before.length} pods, surge ${replicas.options.maxSurge}, unavailable ${replicas.options.maxUnavailable}`,
    inject() {
      injected = true;
      replicas.restart();
      return Promise.resolve();
    },
    async heal() {
      if (injected) await replicas.until(() => replicas.settled(), 'rollout-restart', context.signal);
    },
    async observe() {
      const oldAlive = before.filter((pod) => replicas.pods.includes(pod) && isAlive(pod)).length;
      const fresh = replicas.pods.filter((pod) => !before.includes(pod));
      const freshReady = fresh.filter((pod) => pod.ready && isAlive(pod)).length;
      const begun = fresh.length > 0 || before.some((pod) => pod.terminating);
      const finished =
        oldAlive === 0 && fresh.length === freshReady && freshReady >= replicas.options.replicas;
      const store = await postgresHandshake(context.storePort, SILENCE_MS);
      return {
        acting: begun && !finished,
        detail: `${oldAlive} old processes alive, ${freshReady} of ${fresh.length} new pods ready`,
        ...(!store.answered && { elsewhere: `the store: ${store.why}` }),
      };
    },
  };
}

/** Partition or delay on the links between the targets and the store. */
export function linkFault(context: FaultContext, fault: ChaosFault, targets: readonly Pod[]): PreparedFault {
  const { replicas, network } = context;
  const uids = new Set(targets.map((pod) => pod.uid));
  const toTarget = fault.direction === 'from' ? OPEN : fault.effect;
  const fromTarget = fault.direction === 'to' ? OPEN : fault.effect;
  const set = async (to: Effect, from: Effect) => {
    const linked = [...uids].filter((uid) => context.linkPort(uid) !== undefined);
    await Promise.all(linked.map((uid) => network.setEffect(uid, to, from)));
  };
  const latencyMs = fault.effect.kind === 'delay' ? fault.effect.latencyMs : 0;
  const timeoutMs = SILENCE_MS + 4 * latencyMs;
  // Between the first link that shows it and the last one it is neither there nor gone: it begins with all and ends with none.
  let seenOnAll = false;
  const directions = fault.direction === 'both' ? 'both directions' : `direction ${fault.direction}`;
  const effect = fault.effect.kind === 'delay' ? `delay ${latencyMs} ms on` : 'partition';
  return {
    targets: targets.map((pod) => pod.name),
    detail: `${effect} pods -> store, ${directions}, ${targets.length} of ${replicas.pods.length} pods`,
    inject: () => set(toTarget, fromTarget),
    heal: () => set(OPEN, OPEN),
    async observe(): Promise<FaultObservation> {
      const linked = replicas.pods.flatMap((pod) => {
        const port = context.linkPort(pod.uid);
        return port === undefined ? [] : [{ pod, contact: postgresHandshake(port, timeoutMs) }];
      });
      const direct = postgresHandshake(context.storePort, timeoutMs);
      const spared = linked.filter(({ pod }) => !uids.has(pod.uid));
      const aimed = await Promise.all(
        linked.filter(({ pod }) => uids.has(pod.uid)).map(({ contact }) => contact),
      );
      const hit = aimed.filter((contact) =>
        fault.effect.kind === 'delay' ? contact.answered && contact.ms >= latencyMs * 0.5 : !contact.answered,
      ).length;
      const store = await firstFailure([['the store itself', direct]]);
      const others = await firstFailure(
        spared.map(({ pod, contact }) => [`the link of ${pod.name}`, contact]),
        fault.effect.kind === 'delay' ? latencyMs * 0.5 : undefined,
      );
      const all = hit === aimed.length && hit > 0;
      // A store that answers nobody looks the same through every link: then this proves nothing.
      const storeAnswers = store === undefined;
      const elsewhere = store ?? others;
      seenOnAll ||= all && storeAnswers;
      const acting = storeAnswers && (seenOnAll ? hit > 0 : all);
      if (!acting && hit === 0) seenOnAll = false;
      const slowest = Math.max(0, ...aimed.map((contact) => (contact.answered ? contact.ms : 0)));
      const detail = `${hit} of ${aimed.length} targeted links ${fault.effect.kind === 'delay' ? 'slow' : 'silent'}${slowest > 0 ? `, slowest answer ${slowest.toFixed(1)} ms` : ''}`;
      return { acting, detail, ...(elsewhere !== undefined && { elsewhere }) };
    },
  };
}

/** The first that did not answer, or answered as slowly as a target would, in words. */
async function firstFailure(
  contacts: readonly (readonly [string, ReturnType<typeof accepts>])[],
  slowMs = Infinity,
): Promise<string | undefined> {
  for (const [name, pending] of contacts) {
    const contact = await pending;
    if (!contact.answered) return `${name}: ${contact.why}`;
    if (contact.ms >= slowMs) return `${name}: answered after ${contact.ms.toFixed(1)} ms`;
  }
  return undefined;
}
