/**
 * Proof of NetworkChaos bandwidth. A limit cannot be seen from a connection, so there are two other ways. Where the image has `tc`, the
 * kernel is asked for the token bucket on the pod's device: it is in force, whether or not anybody reaches it. Where it has none, the
 * device's byte counter is watched: before the fault the pod sent more than the limit, with it just about that. A pod that sends less than
 * the limit anyway shows nothing, and then nothing is proven; nor by one that falls silent, for a dip in traffic is no limit.
 */
import { CannotRun } from '../../platform.ts';
import type { FaultObservation } from '../../platform.ts';
import type { Deployed } from '../cluster.ts';
import { allThenNone } from './pod.ts';
import type { PodFacts } from './pod.ts';
import { pause, reason } from './wait.ts';

const TC = ['tc', 'qdisc', 'show', 'dev', 'eth0'];
const COUNTER = ['cat', '/proc/net/dev'];
const TIMEOUT_MS = 5_000;
/** A rate is taken over at least this long, milliseconds: buckets let bursts pass. */
const RATE_OVER_MS = 1_000;
/** Headers, retransmissions and the bucket's burst let the counter show a little more than the rate. */
const TOLERANCE = 1.15;
/** A limit that is in force is used: less than this share of it is a lull. */
const LEAST_SHARE = 0.3;
/** Traffic that happens to be as low passes through; a limit holds it there, for so many rates in a row. */
const IN_A_ROW = 3;

/** A look at all pods. Throws CannotRun when a pod has neither tool. */
export async function bandwidthProof(
  deployed: Deployed,
  pods: readonly PodFacts[],
  bytesPerS: number,
): Promise<() => Promise<FaultObservation>> {
  const looks = await Promise.all(
    pods.map(async (pod) => (await tcLook(deployed, pod)) ?? (await counterLook(deployed, pod, bytesPerS))),
  );
  const isActing = allThenNone();
  return async () => {
    const seen = await Promise.all(looks.map((look) => look()));
    const acting = isActing(seen.filter(({ limited }) => limited).length, seen.length);
    return { acting, detail: seen.map(({ detail }) => detail).join('; ') };
  };
}

type Look = () => Promise<{ limited: boolean; detail: string }>;

async function run(deployed: Deployed, pod: PodFacts, command: readonly string[]): Promise<string> {
  const { stdout, exitCode } = await deployed.cluster.exec(
    { namespace: pod.namespace, pod: pod.name, container: pod.containers[0]?.name ?? '' },
    command,
    { timeoutMs: TIMEOUT_MS },
  );
  if (exitCode !== 0) throw new Error(`${command.join(' ')} in ${pod.name} ended with ${exitCode}`);
  return stdout;
}

async function tcLook(deployed: Deployed, pod: PodFacts): Promise<Look | undefined> {
  try {
    await run(deployed, pod, TC);
  } catch {
    return undefined; // no tc in this image; the counter is left
  }
  return async () => {
    // BusyBox' tc names the queue and not its rate.
    const bucket = /\bqdisc tbf\b(?:.*?\brate (\S+))?/.exec(await run(deployed, pod, TC));
    return {
      limited: bucket !== null,
      detail: bucket
        ? `${pod.name}: token bucket${bucket[1] === undefined ? '' : ` of ${bucket[1]}`} on eth0`
        : `${pod.name}: no token bucket on eth0`,
    };
  };
}

async function counterLook(deployed: Deployed, pod: PodFacts, bytesPerS: number): Promise<Look> {
  const sample = async () => {
    const bytes = sentBytes(await run(deployed, pod, COUNTER));
    if (bytes === undefined) throw new Error(`/proc/net/dev of ${pod.name} has no eth0`);
    return { atMs: performance.now(), bytes };
  };
  const rate = (a: { atMs: number; bytes: number }, b: { atMs: number; bytes: number }) =>
    ((b.bytes - a.bytes) / (b.atMs - a.atMs)) * 1_000;
  let first: Awaited<ReturnType<typeof sample>>;
  try {
    first = await sample();
  } catch (error) {
    throw new CannotRun(
      `a limited bandwidth of ${pod.name} could not be proven: its image has neither tc nor cat (${reason(error)})`,
    );
  }
  await pause(RATE_OVER_MS, deployed.signal);
  let last = await sample();
  const before = rate(first, last);
  const highest = bytesPerS * TOLERANCE;
  let current = before;
  let near = 0;
  return async () => {
    const now = await sample();
    if (now.atMs - last.atMs >= RATE_OVER_MS) {
      current = rate(last, now);
      near = current >= bytesPerS * LEAST_SHARE && current <= highest ? near + 1 : 0;
      last = now;
    }
    const [beforeKb, limitKb, nowKb] = [before, bytesPerS, current].map((bytes) => Math.round(bytes / 1_000));
    return {
      limited: before > highest && near >= IN_A_ROW,
      detail:
        before <= highest
          ? `${pod.name} sent ${beforeKb} kB/s before, so a limit of ${limitKb} kB/s does not show (its image has no tc)`
          : `${pod.name} sends ${nowKb} kB/s, before ${beforeKb} kB/s; near the limit of ${limitKb} kB/s for ${near} looks, ${IN_A_ROW} prove it`,
    };
  };
}

/** The ninth number after the name (proc_pid_net(5)). */
export function sentBytes(text: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.trim().startsWith('eth0:'));
  const sent = line?.split(':')[1]?.trim().split(/\s+/)[8];
  return sent === undefined || !/^\d+$/.test(sent) ? undefined : Number(sent);
}
