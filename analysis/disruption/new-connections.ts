/** Why a new connection came to nothing. Pure. */
import { seconds } from '../check.ts';
import {
  type Attributed,
  type Cause,
  CLOSED,
  dipOr,
  type Failure,
  type Setting,
  TIMEOUT,
} from './failure.ts';
import type { PodEnd } from './pod-ends.ts';
import type { PodStart } from './pod-lives.ts';
import { isNew, lastMs, lifeOf, onset, SLACK_MS } from './pod-times.ts';

/** kube-proxy and its like hear of a change and act on it within this, normally (iptables min-sync is 1 s). */
const PROPAGATION_MS = 2_000;
/** Nobody keeps the address of a pod for longer. */
const STALE_MS = 30_000;
const DIAL_TIMEOUT = 1211;
const REFUSED = 1212;
/** EHOSTUNREACH and the like. */
const NO_ROUTE = new Set([1210, 1213]);

/** No connection, or a new one that was closed before any answer: nobody says which pod it was meant for, only the time does. */
export function unreached(failure: Failure, setting: Setting): Attributed {
  const { code, connection, fromMs, toMs } = failure;
  const { lives } = setting;
  const isRefused = code === REFUSED || CLOSED.has(code);
  const isSilent = connection === 'none' && (code === DIAL_TIMEOUT || code === TIMEOUT || NO_ROUTE.has(code));
  const symptom = isRefused
    ? 'a new connection was refused'
    : isSilent
      ? 'a new connection could not be made'
      : 'no answer on a new connection';
  if (!isRefused && !isSilent) return dipOr(failure, setting, symptom);
  if (lives.fewestReady(fromMs, toMs) === 0)
    return { cause: 'capacity-dip', pod: null, evidence: `${symptom}; no pod was ready` };
  const onTheirWay = [
    ...lives.ends.flatMap((end) => leaving(end, failure, isRefused)),
    ...(setting.hasReadinessProbe || !isRefused ? [] : arriving(lives.starts, fromMs)),
  ];
  const suspects = onTheirWay.length > 0 ? onTheirWay : lives.ends.flatMap((end) => gone(end, failure));
  const causes = new Set(suspects.map(({ cause }) => cause));
  const [first] = suspects;
  if (first === undefined)
    return dipOr(failure, setting, `${symptom} at ${seconds(fromMs)}, and no pod was on its way out or in`);
  const words = suspects.map((one) => one.words).join('; or ');
  if (causes.size > 1)
    return {
      cause: 'unattributed',
      pod: null,
      evidence: `${symptom}; ${[...causes].join(' or ')}: ${words}`,
    };
  return {
    cause: first.cause,
    pod: suspects.length === 1 ? first.pod : null,
    evidence: `${symptom}; ${words}`,
  };
}

interface Suspect {
  cause: Cause;
  pod: string;
  words: string;
}

/** A pod that is asked to go, or has gone, while the news of it normally still travels. */
function leaving(end: PodEnd, { fromMs, toMs }: Failure, isRefused: boolean): Suspect[] {
  if (toMs < onset(end) - SLACK_MS || fromMs > routedUntilMs(end)) return [];
  const { pod, how, reason } = end;
  const words = `${lifeOf(end)}${end.preStopFailed ? ', its preStop hook failed' : ''}`;
  if (how === 'forced') return [{ cause: 'force-deleted', pod, words }];
  if (how === 'crashed' || reason === 'OOMKilled') return [{ cause: 'oom-or-crash', pod, words }];
  // Whoever still has its address refuses; silence is what is left where the address is gone, too.
  return isRefused ? [{ cause: 'listener-closed-before-endpoints', pod, words }] : gone(end, { fromMs });
}

/** A pod that is no more, and whose address somebody may still hold: a slow node, a load balancer, a client's own cache. */
function gone(end: PodEnd, { fromMs }: Pick<Failure, 'fromMs'>): Suspect[] {
  const { pod, goneMs } = end;
  if (goneMs === null || fromMs < goneMs - SLACK_MS || fromMs > goneMs + STALE_MS) return [];
  return [{ cause: 'stale-route', pod, words: `${lifeOf(end)}; it was gone since ${seconds(goneMs)}` }];
}

/** A pod that nobody asked whether it was ready. */
function arriving(starts: readonly PodStart[], atMs: number): Suspect[] {
  return starts
    .filter((start) => isNew(start, atMs))
    .map(({ pod, firstEndpointMs }) => ({
      cause: 'ready-too-early',
      pod,
      words: `${pod} was an endpoint since ${seconds(firstEndpointMs)} and has no readiness probe`,
    }));
}

function routedUntilMs(end: PodEnd): number {
  return (end.leftEndpointsMs ?? lastMs(end)) + PROPAGATION_MS;
}
