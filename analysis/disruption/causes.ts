/**
 * Why a request failed: one cause, with the pod and what shows it, or none. The causes and their signs are those that graceful termination
 * in Kubernetes leaves room for (Kubernetes docs, "Pod Lifecycle, Termination of Pods" and "Explore Termination Behavior for Pods And Their
 * Endpoints"): a pod stops while the news of it travels, its connections outlive its place in the endpoints, and its grace period ends.
 * A sign that fits two causes, or a pod that is not known, blames nobody. Pure.
 */
import { seconds } from '../check.ts';
import { type Attributed, type Cause, CLOSED, dipOr, type Failure, type Setting } from './failure.ts';
import { unreached } from './new-connections.ts';
import type { PodEnd } from './pod-ends.ts';
import type { PodLives } from './pod-lives.ts';
import { isNew, lastMs, lifeOf, onset, SLACK_MS } from './pod-times.ts';

/** A process that ends this soon after SIGTERM has not waited for anybody. */
const AT_ONCE_MS = 1_000;
/** No server closes connections that were in use more recently than this. */
const LEAST_IDLE_MS = 1_000;

/** The cause of one failed request, or `unattributed` with what was looked at. */
export function attribute(failure: Failure, setting: Setting): Attributed {
  if (failure.status !== 0) return answered(failure, setting);
  if (failure.connection === 'reused') return broken(failure, setting);
  return unreached(failure, setting);
}

/** A server spoke: 5xx, or an answer that is no success. */
function answered(failure: Failure, setting: Setting): Attributed {
  const { pod, status, fromMs, toMs } = failure;
  if (pod !== null && status >= 500 && !setting.othersFail(fromMs)) {
    const end = setting.lives.ends.find(
      (one) =>
        one.pod === pod &&
        one.how === 'asked' &&
        onset(one) - SLACK_MS <= toMs &&
        fromMs <= lastMs(one) + SLACK_MS,
    );
    if (end)
      return {
        cause: 'dependency-closed-first',
        pod,
        evidence: `HTTP ${status} after SIGTERM; ${lifeOf(end)}`,
      };
    const start = setting.lives.starts.find((one) => one.pod === pod && isNew(one, fromMs));
    if (start)
      return {
        cause: 'ready-too-early',
        pod,
        evidence: `HTTP ${status} ${seconds(fromMs - start.firstEndpointMs)} after ${pod} became an endpoint`,
      };
  }
  return dipOr(
    failure,
    setting,
    `HTTP ${status}${pod === null ? ' from nobody who gives a name' : ` from ${pod}`}`,
  );
}

/** A connection that had worked before was closed, or fell silent. */
function broken(failure: Failure, setting: Setting): Attributed {
  const { pod, code, fromMs, toMs, idleMs } = failure;
  const closed = CLOSED.has(code);
  const symptom = closed ? 'a connection in use was closed' : 'a connection in use fell silent';
  if (pod === null)
    return dipOr(
      failure,
      setting,
      `${symptom}; whose it was is not on record: only an X-Served-By would tell`,
    );
  // Where the pod stayed, what carried an answer after a container had ended belongs to the one that was started in its place.
  const usedMs = idleMs === null ? null : fromMs - idleMs;
  const end = setting.lives.ends.findLast(
    (one) =>
      one.pod === pod &&
      onset(one) - SLACK_MS <= toMs &&
      (one.goneMs !== null || usedMs === null || one.endedMs === null || usedMs <= one.endedMs[1] + SLACK_MS),
  );
  const cause = end && (closed || lastMs(end) <= toMs + SLACK_MS) ? causeOfEnd(end, toMs, setting) : null;
  if (end && cause !== null)
    return { cause, pod, evidence: `${symptom}; ${lifeOf(end)}${onAll(cause, setting)}` };
  if (closed && end === undefined && idleMs !== null && idleMs >= LEAST_IDLE_MS)
    return {
      cause: 'keep-alive-race',
      pod,
      evidence: `${symptom} after ${seconds(idleMs)} without a request; ${pod} went on`,
    };
  return dipOr(
    failure,
    setting,
    `${symptom} at ${seconds(fromMs)}, and nothing is known to have happened to ${pod}`,
  );
}

/** What the end of the pod at the other end of a connection did to it. */
function causeOfEnd(end: PodEnd, toMs: number, { lives }: Setting): Cause | null {
  if (end.how === 'forced') return 'force-deleted';
  if (end.how === 'crashed') return 'oom-or-crash';
  if (end.reason === 'OOMKilled') return 'oom-or-crash';
  if (end.killed && end.endedMs !== null && toMs >= end.endedMs[0] - SLACK_MS)
    return everyoneKilled(lives) ? 'sigterm-ignored' : 'cut-by-sigkill';
  if (end.sigtermMs === null || end.endedMs === null) return null;
  const drainedMs = end.endedMs[0] - end.sigtermMs[1];
  return !end.killed && (end.exitCode === 143 || drainedMs <= AT_ONCE_MS) ? 'not-drained' : 'keep-alive-race';
}

/** One pod that is killed may have been slow. All of them have not heard. */
function everyoneKilled({ ends }: PodLives): boolean {
  const asked = ends.filter(({ how, sigtermMs, endedMs }) => how === 'asked' && sigtermMs && endedMs);
  return asked.length >= 2 && asked.every(({ killed }) => killed);
}

function onAll(cause: Cause, { lives }: Setting): string {
  if (cause !== 'sigterm-ignored') return '';
  return `, as were all ${lives.ends.filter(({ how }) => how === 'asked').length} pods that were asked`;
}
