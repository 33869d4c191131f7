/** When the end or the start of a pod can hurt a request, and what to call it. Pure. */
import { seconds } from '../check.ts';
import type { PodEnd } from './pod-ends.ts';
import type { PodStart } from './pod-lives.ts';

/** Between what a client, the harness and a pod call the same moment, milliseconds. */
export const SLACK_MS = 250;
/** For this long after its first place in the endpoints a pod is new. */
export const NEW_MS = 10_000;

/** From when on the end of a pod can hurt a request. */
export function onset({ how, sigtermMs, t0Ms, endedMs }: PodEnd): number {
  if (how === 'asked') return sigtermMs?.[0] ?? endedMs?.[0] ?? Number.POSITIVE_INFINITY;
  return t0Ms[0];
}

/** Until when the end of a pod can hurt a request that it serves; for ever where that was not seen. */
export function lastMs({ goneMs, endedMs }: PodEnd): number {
  return endedMs?.[1] ?? goneMs ?? Number.POSITIVE_INFINITY;
}

/** Within its first ten seconds as an endpoint. */
export function isNew({ firstEndpointMs, readyMs }: PodStart, atMs: number): boolean {
  return atMs >= Math.min(firstEndpointMs, readyMs) - SLACK_MS && atMs <= firstEndpointMs + NEW_MS;
}

/** Words for a reader: who asked the pod, and what became of it. */
export function lifeOf({
  pod,
  how,
  why,
  t0Ms,
  graceMs,
  sigtermMs,
  endedMs,
  exitCode,
  reason,
  killed,
}: PodEnd): string {
  const asked =
    how === 'crashed'
      ? `${pod} ended by itself (${why})`
      : `${pod} was asked to go at ${about(t0Ms)} (${why}, ${how === 'forced' ? 'without grace' : `grace ${seconds(graceMs)}`})`;
  const code = exitCode === null ? '' : ` with exit code ${exitCode}`;
  return [
    asked,
    ...(sigtermMs ? [`SIGTERM ${about(sigtermMs)}`] : []),
    ...(killed ? [`SIGKILL at the end of its grace`] : []),
    endedMs
      ? `ended ${about(endedMs)}${code}${reason === null || reason === 'Completed' ? '' : `, ${reason}`}`
      : 'its end was not seen',
  ].join(', ');
}

function about([fromMs, toMs]: readonly [number, number]): string {
  return toMs - fromMs < 500 ? seconds(toMs) : `${seconds(fromMs)} to ${seconds(toMs)}`;
}
