/** When is a workload up, how long may that take, and why is it not: read from its objects. */
import { z } from 'zod';
import { reasonOf } from '../../record/reason.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import { listOf, podSpecOf } from './rewrite.ts';
import { conditionOf, isReady, isTerminating, readPod } from './pod-shape.ts';
import type { PodObject } from './pod-shape.ts';

/** For placing the pods and pulling their images. */
const PLACE_MS = 120_000;
/** A container that ended this often before it was ever ready will not become ready. */
const HOPELESS_RESTARTS = 2;
const TAIL_BYTES = 4_096;

const Numbers = z.object({
  metadata: z.object({ generation: z.number().default(0) }),
  spec: z.object({ replicas: z.number().default(1) }).prefault({}),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      updatedReplicas: z.number().default(0),
      availableReplicas: z.number().default(0),
      readyReplicas: z.number().default(0),
      desiredNumberScheduled: z.number().default(0),
      numberReady: z.number().default(0),
    })
    .prefault({}),
});

/** As `kubectl rollout status` decides; a Job or a bare Pod is not waited for. */
export function isUp(object: KubeObject): boolean {
  const { metadata, spec, status } = Numbers.parse(object);
  if (status.observedGeneration < metadata.generation) return false;
  if (object.kind === 'Deployment')
    return status.updatedReplicas >= spec.replicas && status.availableReplicas >= spec.replicas;
  if (object.kind === 'StatefulSet')
    return status.updatedReplicas >= spec.replicas && status.readyReplicas >= spec.replicas;
  return object.kind !== 'DaemonSet' || status.numberReady >= status.desiredNumberScheduled;
}

const ProbeTimes = z.object({
  initialDelaySeconds: z.number().default(0),
  periodSeconds: z.number().default(10),
  timeoutSeconds: z.number().default(1),
  failureThreshold: z.number().default(3),
});
const ProbedContainer = z.object({
  startupProbe: ProbeTimes.optional(),
  readinessProbe: ProbeTimes.optional(),
});

/**
 * How long a pod may take until it is Ready, milliseconds: time to be placed, all the attempts of its slowest container's
 * startup probe, and then of its readiness probe.
 */
export function readyWithinMs(object: KubeObject): number {
  const own = listOf(podSpecOf(object)?.['containers']).map((container) => {
    const { startupProbe, readinessProbe } = ProbedContainer.parse(container);
    return [startupProbe, readinessProbe].reduce(
      (totalMs, probe) =>
        totalMs +
        (probe === undefined
          ? 0
          : 1_000 *
            (probe.initialDelaySeconds +
              probe.failureThreshold * probe.periodSeconds +
              probe.timeoutSeconds)),
      0,
    );
  });
  return PLACE_MS + Math.max(0, ...own);
}

/** Waiting for these ends only when somebody changes the objects. */
const HOPELESS_WAITS = ['CreateContainerConfigError', 'InvalidImageName', 'ErrImageNeverPull'];

/** A pod that will not become ready however long one waits, in words; undefined when it may. */
export function hopeless(object: KubeObject): string | undefined {
  const pod = readPod(object);
  if (isReady(pod) || isTerminating(pod)) return undefined;
  for (const { name, state, lastState, restartCount } of pod.status.containerStatuses) {
    const { waiting } = state;
    if (waiting !== undefined && HOPELESS_WAITS.includes(waiting.reason ?? ''))
      return `container ${name} of pod ${pod.metadata.name}: ${waiting.reason ?? ''}: ${waiting.message ?? ''}`;
    const end = state.terminated ?? lastState.terminated;
    if (restartCount >= HOPELESS_RESTARTS && end !== undefined)
      return `container ${name} of pod ${pod.metadata.name} ended ${restartCount} times before it was ready (${end.reason ?? 'exit'}, code ${end.exitCode})`;
  }
  return undefined;
}

/** What a pod that is not ready waits for, in the words of its status. */
export function whyNotReady(pod: PodObject): string {
  const waiting = [...pod.status.initContainerStatuses, ...pod.status.containerStatuses]
    .map(({ name, state }) => ({ name, ...(state.waiting ?? state.terminated) }))
    .find(({ reason }) => reason !== undefined && reason !== 'Completed');
  if (waiting !== undefined)
    return `${waiting.name}: ${waiting.reason ?? ''} ${waiting.message ?? ''}`.trim();
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return `${scheduled.reason ?? 'not placed'}: ${scheduled.message ?? ''}`;
  return conditionOf(pod, 'Ready')?.message ?? pod.status.message ?? pod.status.phase ?? 'no status yet';
}

const Warning = z.object({
  type: z.literal('Warning'),
  reason: z.string().default(''),
  message: z.string().default(''),
  involvedObject: z.object({ name: z.string().default('') }),
});

/** Why a workload is not up: its pods' states, the last warnings about them, and the end of one log. */
export async function explain(
  cluster: Cluster,
  namespace: string,
  pods: readonly KubeObject[],
  events: readonly KubeObject[],
): Promise<string> {
  const read = pods.map(readPod);
  const bad = read.filter((pod) => !isReady(pod) && !isTerminating(pod));
  const lines = bad.slice(0, 3).map((pod) => `pod ${pod.metadata.name}: ${whyNotReady(pod)}`);
  if (read.length === 0) lines.push('no pod was created');
  const names = bad.map(({ metadata }) => metadata.name);
  const warnings = events
    .map((object) => Warning.safeParse(object).data)
    .filter((warning) => warning !== undefined)
    .filter(({ involvedObject: { name } }) => read.length === 0 || names.includes(name))
    .map(({ reason, message }) => `${reason}: ${message}`);
  lines.push(...new Set(warnings.slice(-3)));
  const status = bad
    .flatMap((pod) =>
      pod.status.containerStatuses.map((container) => ({ pod: pod.metadata.name, container })),
    )
    .find(
      ({ container }) =>
        container.state.running ?? container.state.terminated ?? container.lastState.terminated,
    );
  if (status !== undefined) {
    const { pod, container } = status;
    const previous = container.state.running === undefined && container.lastState.terminated !== undefined;
    const tail = await cluster
      .log({ namespace, pod, container: container.name, previous }, TAIL_BYTES)
      .catch((error: unknown) => `(no log: ${reasonOf(error)})`);
    lines.push(`its log ends:\n${tail.trimEnd()}`);
  }
  return lines.join('; ');
}
