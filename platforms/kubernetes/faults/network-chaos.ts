/**
 * NetworkChaos partition, delay and loss between two groups of pods. Its proof makes connections from inside the pods it is aimed at, from
 * their spared neighbours, and to the other end from outside: a dead store is silent too, and is no partition.
 */
import { CannotRun } from '../../platform.ts';
import type { FaultObservation, PreparedFault } from '../../platform.ts';
import type { Deployed } from '../cluster.ts';
import { bandwidthProof } from './bandwidth.ts';
import { chaosLife, chaosObject } from './chaos.ts';
import type { ChaosFile, Effect } from './chaos-file.ts';
import { endpointsOf } from './endpoints.ts';
import { notLookedAt, oneWayLook } from './one-way.ts';
import type { OneWay } from './one-way.ts';
import { allThenNone, firstDeaf } from './pod.ts';
import type { PodFacts } from './pod.ts';
import { probeOf, shown } from './probe.ts';
import type { Contact, PodProbe } from './probe.ts';
import { aimAt } from './targets.ts';
import { reason } from './wait.ts';

/** A port of the other end that is silent for longer does not answer, milliseconds. */
const SILENCE_MS = 1_000;
/** How long a container may be on its way back while what was seen before counts on, milliseconds. */
const RESTART_MS = 10_000;
/** A lost first packet is sent again after this long (RFC 6298, 2.1), so a connection that takes longer lost one, milliseconds. */
const RETRANSMITTED_MS = 900;
/** A loss counts as over when that many connections in a row would all have been spared with at most this chance. */
const CHANCE_OF_LUCK = 0.01;

/** What a look at all connections means. Stateful: a fault begins with all and ends with none. */
type Judge = (aimed: readonly Contact[][]) => { acting: boolean; detail: string };

/** Probes from inside the pods, so it asks the cluster. Throws CannotRun when they cannot be made. */
export async function networkChaos(
  deployed: Deployed,
  file: ChaosFile,
  forMs: number | undefined,
  random: () => number,
): Promise<PreparedFault> {
  const from = aimAt(deployed, file.aim, random, file.name);
  const to = file.target && aimAt(deployed, file.target, random, `${file.name}: target`).pods;
  const object = chaosObject(deployed, file, { pods: from.pods, ...(to && { target: to }) }, forMs);
  const life = chaosLife(deployed, object, [...from.pods, ...(to ?? [])]);
  const directions = file.direction === 'both' ? 'both directions' : `direction ${file.direction}`;
  const whole = from.pods.length + from.spared.length;
  const end = to ? to.map(({ name }) => name).join(', ') : 'everything';
  const detail = `${inWords(file.effect)}, pods -> ${end}, ${directions}, ${from.pods.length} of ${whole} pods`;
  const targets = [...from.pods, ...(to ?? [])].map(({ name }) => name);
  const inject = () => life.inject();
  const heal = () => life.remove();

  if (file.effect.action === 'bandwidth') {
    const senders = {
      to: from.pods,
      from: to ?? [],
      both: [...from.pods, ...(to ?? [])],
    };
    const proof = await bandwidthProof(deployed, senders[file.direction], file.effect.bytesPerS);
    const observe = async (): Promise<FaultObservation> => {
      const seen = await proof();
      return seen.acting ? seen : { ...seen, detail: `${seen.detail}${await life.says()}` };
    };
    return { targets, detail, inject, heal, observe };
  }
  if (!to) throw new CannotRun(`${file.name}: ${file.effect.action} has no target`);

  const endpoints = await endpointsOf(deployed, to);
  if (endpoints.length === 0)
    throw new CannotRun(
      `${file.name}: its target ${end} has no TCP port to connect to, so the fault could not be proven; declare containerPort in its manifest`,
    );
  const slowestMs = file.effect.action === 'delay' ? 4 * file.effect.latencyMs : 0;
  const probes = (pods: readonly PodFacts[]) =>
    Promise.all(pods.map((pod) => probeOf(deployed.cluster, pod, endpoints, slowestMs)));
  const [aimed, spared] = await Promise.all([probes(from.pods), probes(from.spared)]);
  const looks = aimed.map((probe) => lookFrom(deployed, probe));
  const neighbourLooks = spared.map((probe) => lookFrom(deployed, probe));
  const judge = judgeOf(file.effect);
  const otherWay =
    file.effect.action === 'partition' && file.direction !== 'both'
      ? await oneWayLook(deployed, { selected: from.pods, target: to }, file.direction)
      : undefined;
  let way: OneWay | undefined;
  return {
    targets,
    detail,
    inject,
    heal,
    async observe() {
      const [contacts, neighbours, deaf] = await Promise.all([
        Promise.all(looks.map((look) => look())),
        Promise.all(neighbourLooks.map((look) => look())),
        firstDeaf(deployed, to, SILENCE_MS),
      ]);
      const there = contacts.filter((contact) => contact !== undefined);
      const seen = judge(there);
      // An other end that answers nobody looks the same from every pod: then this proves nothing.
      const acting = seen.acting && deaf === undefined;
      let now = way;
      if (acting && otherWay && !now)
        try {
          now = way = await otherWay();
        } catch (error) {
          // A container on its way back is asked again at the next look.
          now = notLookedAt(reason(error));
        }
      const tooMuch = now?.bothCut === true ? `${now.detail}, and one direction was asked for` : undefined;
      const elsewhere = deaf ?? affectedNeighbour(file.effect, spared, neighbours) ?? tooMuch;
      const text = `${seen.detail}${acting && now ? `, ${now.detail}` : ''}${acting ? '' : await life.says()}`;
      return { acting, detail: text, ...(elsewhere !== undefined && { elsewhere }) };
    },
  };
}

function inWords(effect: Effect): string {
  if (effect.action === 'delay') return `delay ${effect.latencyMs} ms`;
  if (effect.action === 'loss') return `loss of ${effect.share * 100} % of packets`;
  if (effect.action === 'bandwidth') return `bandwidth ${Math.round(effect.bytesPerS / 1_000)} kB/s`;
  return effect.action;
}

/**
 * A look from one pod. Undefined when the pod is gone: a fault ends with the network it was in. The network outlives a container that is
 * being restarted and cannot be asked, so what was last seen counts on for a while. Throws what the cluster said when that is over.
 */
function lookFrom(deployed: Deployed, probe: PodProbe): () => Promise<Contact[] | undefined> {
  let last: { contacts: Contact[]; atMs: number } | undefined;
  return async () => {
    if (!deployed.pods().some(({ metadata }) => metadata.uid === probe.pod.uid)) return undefined;
    try {
      const contacts = await probe.connect();
      last = { contacts, atMs: performance.now() };
      return contacts;
    } catch (error) {
      if (last && performance.now() - last.atMs <= RESTART_MS) return last.contacts;
      throw error;
    }
  };
}

function judgeOf(effect: Effect): Judge {
  const isActing = allThenNone();
  const count = (aimed: readonly Contact[][], hit: (contact: Contact) => boolean) => {
    const pairs = aimed.flat();
    return { hit: pairs.filter(hit).length, of: pairs.length };
  };
  if (effect.action === 'delay')
    return (aimed) => {
      const { hit, of } = count(aimed, (contact) => isSlow(effect, contact));
      const slowestMs = Math.max(0, ...aimed.flat().map(({ ms }) => ms));
      return {
        acting: isActing(hit, of),
        detail: `${hit} of ${of} connections slow, slowest ${slowestMs} ms`,
      };
    };
  if (effect.action === 'loss') {
    const enough = effect.share >= 1 ? 1 : Math.ceil(Math.log(CHANCE_OF_LUCK) / Math.log(1 - effect.share));
    let clean = enough;
    return (aimed) => {
      const { hit, of } = count(aimed, (contact) => isLost(contact));
      clean = hit > 0 ? 0 : clean + of;
      return {
        acting: of > 0 && clean < enough,
        detail: `${hit} of ${of} connections lost a packet, ${clean} in a row did not`,
      };
    };
  }
  return (aimed) => {
    const { hit, of } = count(aimed, ({ connected }) => !connected);
    const first = aimed.flat().find(({ connected }) => connected);
    return {
      acting: isActing(hit, of),
      detail: `${hit} of ${of} connections silent${first ? `, ${shown(first.endpoint)} answers` : ''}`,
    };
  };
}

const isSlow = (effect: { latencyMs: number }, { connected, ms }: Contact) =>
  connected && ms >= effect.latencyMs * 0.5;
const isLost = ({ connected, ms }: Contact) => !connected || ms >= RETRANSMITTED_MS;

/** A spared pod whose every connection shows the effect. One lost packet is no proof against a fault. */
function affectedNeighbour(
  effect: Effect,
  spared: readonly PodProbe[],
  contacts: readonly (Contact[] | undefined)[],
): string | undefined {
  const i = contacts.findIndex(
    (of) =>
      of !== undefined &&
      of.every((contact) => (effect.action === 'delay' ? isSlow(effect, contact) : !contact.connected)),
  );
  return i < 0
    ? undefined
    : `${spared[i]?.pod.name}, which it is not aimed at, shows the same as its targets`;
}
