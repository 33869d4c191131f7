/** A Prometheus with the system's own rules in a pod beside the system: brought up, reached from here, and taken away. */
import { reasonOf } from '../../record/reason.ts';
import { CannotRun } from '../platform.ts';
import type { PrometheusRequest, StartedPrometheus } from '../platform.ts';
import { prometheusVersion } from '../prometheus-version.ts';
import { abortError } from './aborted.ts';
import type { Deployed } from './cluster.ts';
import { createdObjects } from './created-objects.ts';
import { until } from './faults/wait.ts';
import { observe } from './observed.ts';
import type { Observed } from './observed.ts';
import { isReady, isTerminating, readPod } from './pod-shape.ts';
import type { PodObject } from './pod-shape.ts';
import { imageOutcome } from './preflight.ts';
import { PROMETHEUS, PROMETHEUS_PORT, prometheusObjects } from './prometheus-objects.ts';
import { hostOf } from './reach.ts';
import { explain, hopeless } from './ready.ts';
import { relayTo } from './receiver-relay.ts';

/** Placing the pod, and a pull of 120 MB. */
const READY_WITHIN_MS = 180_000;
const REACHED_WITHIN_MS = 1_000;
/** A pod that is ready answers at once; a way through the API server may need another attempt. */
const ANSWERS_WITHIN_MS = 15_000;
const ANSWER_MS = 3_000;

export interface PrometheusOptions {
  request: PrometheusRequest;
  deployed: Deployed;
  image: string;
  /** Address of this process that pods have a way to; undefined: there is none, and notifications are not sent. */
  ownAddress: string | undefined;
}

/**
 * Resolves when it answers. Throws CannotRun, with the end of its log where it has one, when it does not come up, and an AbortError when the
 * run was ended meanwhile; nothing of it is left then.
 */
export async function startPrometheus(options: PrometheusOptions): Promise<StartedPrometheus> {
  const { request, deployed, image, ownAddress } = options;
  const { cluster, namespace, runId, emit, signal } = deployed;
  const made = createdObjects(cluster, emit);
  const open: (() => unknown)[] = [];
  const stop = async () => {
    await made.remove();
    await Promise.allSettled(open.splice(0).map(async (close) => close()));
  };
  try {
    const relay = ownAddress === undefined ? undefined : await relayTo(request.receiverUrl, ownAddress);
    if (relay !== undefined) open.push(() => relay.close());
    const place = { namespace, runId, image, alertmanager: relay?.address };
    for (const object of prometheusObjects(request, place)) await made.create(object);
    const observed = await observe({
      cluster,
      kinds: [{ apiVersion: 'v1', kind: 'Pod', namespace, name: PROMETHEUS, optional: false }],
      signal,
      changed: () => undefined,
      // What it did not see it says itself, when it is asked.
      gap: () => undefined,
      unwatched: () => undefined,
    });
    open.push(() => observed.stop());
    const pod = await untilReady(deployed, observed);
    const { url, version, way } = (await directWay(pod)) ?? (await forwardWay(deployed, open));
    emit({
      kind: 'note',
      text: `Prometheus ${version} runs as pod ${namespace}/${PROMETHEUS} and is asked ${way}; its notifications ${relay === undefined ? 'have no way from the pod to this machine, so firings are known from its samples' : `come to ${relay.address}`}`,
    });
    const { uid } = pod.metadata;
    return { url, notifies: relay !== undefined, version, ended: () => whyGone(observed, uid), stop };
  } catch (error) {
    await stop();
    if (signal.aborted) throw abortError('starting Prometheus');
    if (error instanceof CannotRun) throw error;
    throw new CannotRun(`Prometheus in namespace ${namespace}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Its pod when it is Ready. Rejects with CannotRun as soon as it is clear that it will not be. */
async function untilReady({ cluster, namespace, signal }: Deployed, observed: Observed): Promise<PodObject> {
  const found = await observed
    .until<PodObject | { bad: string }>(
      () => {
        const [object] = observed.objects('Pod');
        if (object === undefined) return undefined;
        const pod = readPod(object);
        if (isReady(pod)) return pod;
        const image = imageOutcome(object);
        const bad =
          image?.pullable === false
            ? `its image cannot be pulled: ${image.why}; load it onto the nodes (proofload up does on its own clusters)`
            : (hopeless(object) ?? ended(pod));
        return bad === undefined ? undefined : { bad };
      },
      {
        timeoutMs: READY_WITHIN_MS,
        signal,
        late: () => `pod ${PROMETHEUS} is not ready after ${READY_WITHIN_MS / 1_000} s`,
      },
    )
    .catch((error: unknown) => {
      if (error instanceof CannotRun) return { bad: error.message };
      throw error;
    });
  if (!('bad' in found)) return found;
  const words = await explain(cluster, namespace, observed.objects('Pod'), []);
  throw new CannotRun(`Prometheus does not come up: ${found.bad}; ${words}`);
}

/** It reads its rules before it is ready: one that ended before will end again. */
function ended({ status }: PodObject): string | undefined {
  const end = status.containerStatuses
    .map(({ state, lastState }) => state.terminated ?? lastState.terminated)
    .find((terminated) => terminated !== undefined);
  return end && `it ended with exit code ${end.exitCode} before it was ready`;
}

/** A container that comes back to its samples has not ended: Prometheus says itself when it started. */
function whyGone(observed: Observed, uid: string): string | null {
  const [object] = observed.objects('Pod');
  if (object?.metadata.uid !== uid) return `its pod ${PROMETHEUS} was deleted`;
  const pod = readPod(object);
  const { phase, reason = 'no reason given', message = '' } = pod.status;
  if (phase === 'Failed') return `its pod ${PROMETHEUS} failed: ${reason} ${message}`.trimEnd();
  return isTerminating(pod) ? `its pod ${PROMETHEUS} is being deleted` : null;
}

interface Way {
  url: string;
  version: string;
  /** In words. */
  way: string;
}

/** Undefined where its own address does not lead to it. That a connection is accepted says nothing: some networks accept every one. */
async function directWay({ status: { podIP } }: PodObject): Promise<Way | undefined> {
  if (podIP === undefined) return undefined;
  const url = `http://${hostOf(podIP)}:${PROMETHEUS_PORT}`;
  try {
    return { url, version: await prometheusVersion(url, REACHED_WITHIN_MS), way: 'directly' };
  } catch {
    return undefined;
  }
}

/** Each connection is a new way through the API server: one that broke is made again by the next question. */
async function forwardWay({ cluster, namespace, signal }: Deployed, open: (() => unknown)[]): Promise<Way> {
  const forward = await cluster.portForward({ namespace, pod: PROMETHEUS, port: PROMETHEUS_PORT });
  open.push(() => forward.close());
  const url = `http://127.0.0.1:${forward.port}`;
  let version: string | undefined;
  let why = '';
  const answers = async () => {
    try {
      version = await prometheusVersion(url, ANSWER_MS);
    } catch (error) {
      why = reasonOf(error);
    }
    return version !== undefined;
  };
  await until(answers, { timeoutMs: ANSWERS_WITHIN_MS, signal });
  if (version !== undefined) return { url, version, way: 'through the API server (port-forward)' };
  throw new CannotRun(
    `Prometheus is ready and does not answer through the API server (port-forward) within ${ANSWERS_WITHIN_MS / 1_000} s: ${why}`,
  );
}
