/**
 * Which of two directions is cut. A connection needs both, so it fails in either case; but a first packet that arrives leaves a half-open
 * connection at the other end (SYN_RECV in /proc/net/tcp, proc_pid_net(5)), and one that is dropped on its way leaves nothing.
 */
import type { Deployed } from '../cluster.ts';
import { portOf } from './pod.ts';
import type { PodFacts } from './pod.ts';
import { probeOf } from './probe.ts';
import type { Endpoint } from './probe.ts';
import { reason } from './wait.ts';

const TIMEOUT_MS = 5_000;
/**
 * Where an answer is dropped in the pod itself, its kernel gives the half-open connection up after a second (inet_rtx_syn_ack fails), and has it
 * again when the first packet comes again: after 1 s and 3 s (RFC 6298). So it is looked for while that goes on, milliseconds.
 */
const KNOCKING_MS = 3_000;
/** enum in the kernel's include/net/tcp_states.h. */
const SYN_RECV = '03';

export interface OneWay {
  /** In words, what is known of the direction that was not asked for. */
  detail: string;
  /** It is cut as well. */
  bothCut: boolean;
}

/** Whether a table in the form of /proc/net/tcp or tcp6 holds a half-open connection from `ip` (IPv4) to the local `port`. */
export function isHalfOpen(table: string, ip: string, port: number): boolean {
  const address = ip
    .split('.')
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .toReversed() // as a little-endian machine prints it
    .join('')
    .toUpperCase();
  const localPort = port.toString(16).padStart(4, '0').toUpperCase();
  return table.split('\n').some((line) => {
    const [, local = '', remote = '', state] = line.trim().split(/\s+/);
    // An IPv4 address in tcp6 is the end of a longer one.
    return state === SYN_RECV && local.endsWith(`:${localPort}`) && remote.split(':')[0]?.endsWith(address);
  });
}

/**
 * Looks, between one pod of each end, whether first packets of the direction that was not asked for still arrive; to be asked while
 * connections fail. Where the pods cannot be asked its words say why.
 */
export async function oneWayLook(
  deployed: Deployed,
  ends: { selected: readonly PodFacts[]; target: readonly PodFacts[] },
  cut: 'to' | 'from',
): Promise<() => Promise<OneWay>> {
  const unknown = (why: string) => () => Promise.resolve(notLookedAt(why));
  const [sender, receiver] =
    cut === 'to'
      ? [ends.target[0], firstListening(deployed, ends.selected)]
      : [ends.selected[0], firstListening(deployed, ends.target)];
  if (sender?.ip === undefined || receiver === undefined) return unknown('no pod there declares a port');
  const { ip } = sender;
  try {
    const probe = await probeOf(deployed.cluster, sender, [receiver.endpoint], KNOCKING_MS);
    await tableOf(deployed, receiver.pod);
    return async () => {
      const state = { arrives: false, ended: false };
      const knocking = probe.connect().finally(() => (state.ended = true));
      knocking.catch(() => undefined); // awaited below
      while (!state.arrives && !state.ended) {
        const table = await tableOf(deployed, receiver.pod);
        state.arrives = isHalfOpen(table, ip, receiver.endpoint.port);
      }
      const [contact] = await knocking;
      const arrives = state.arrives || contact?.connected === true;
      const packets = `first packets from ${sender.name} to ${receiver.pod.name}`;
      return {
        detail: arrives ? `${packets} arrive, so one direction alone is cut` : `${packets} do not arrive`,
        bothCut: !arrives,
      };
    };
  } catch (error) {
    return unknown(reason(error));
  }
}

/** The other direction is not known, and that is said. */
export function notLookedAt(why: string): OneWay {
  return {
    detail: `whether the other way is open could not be looked at: ${why.slice(0, 300)}`,
    bothCut: false,
  };
}

function firstListening(
  deployed: Deployed,
  pods: readonly PodFacts[],
): { pod: PodFacts; endpoint: Endpoint } | undefined {
  for (const pod of pods) {
    const port = portOf(deployed, pod);
    if (pod.ip !== undefined && port !== undefined) return { pod, endpoint: { host: pod.ip, port } };
  }
  return undefined;
}

/** Sockets of the pod's network. Throws where they cannot be read. */
async function tableOf({ cluster }: Deployed, pod: PodFacts): Promise<string> {
  const target = { namespace: pod.namespace, pod: pod.name, container: pod.containers[0]?.name ?? '' };
  // Without IPv6 the second is not there; then `cat` says so and prints the first.
  const command = ['cat', '/proc/net/tcp', '/proc/net/tcp6'];
  const { stdout, stderr } = await cluster.exec(target, command, { timeoutMs: TIMEOUT_MS });
  if (!stdout.includes('local_address'))
    throw new Error(`/proc/net/tcp of ${pod.name} cannot be read: ${stderr.trim().slice(0, 200)}`);
  return stdout;
}
