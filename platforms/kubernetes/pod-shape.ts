/** What is read of a Pod, whatever else the API says of it. */
import { z } from 'zod';
import type { KubeObject } from './cluster.ts';

const Terminated = z.object({
  exitCode: z.number().default(-1),
  reason: z.string().optional(),
  message: z.string().optional(),
  startedAt: z.string().nullish(),
  finishedAt: z.string().nullish(),
  containerID: z.string().optional(),
});
export type Terminated = z.infer<typeof Terminated>;

const State = z.object({
  waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.object({}).optional(),
  terminated: Terminated.optional(),
});

const ContainerStatus = z.object({
  name: z.string(),
  restartCount: z.number().default(0),
  imageID: z.string().default(''),
  state: State.default({}),
  lastState: State.default({}),
});
export type ContainerStatus = z.infer<typeof ContainerStatus>;

const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const PodObject = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.number().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    ownerReferences: z
      .array(
        z.object({ kind: z.string(), name: z.string(), uid: z.string(), controller: z.boolean().optional() }),
      )
      .default([]),
  }),
  spec: z
    .object({ nodeName: z.string().optional(), terminationGracePeriodSeconds: z.number().default(30) })
    .prefault({}),
  status: z
    .object({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      podIP: z.string().optional(),
      conditions: z.array(Condition).default([]),
      containerStatuses: z.array(ContainerStatus).default([]),
      initContainerStatuses: z.array(ContainerStatus).default([]),
    })
    .prefault({}),
});
export type PodObject = z.infer<typeof PodObject>;

/** Throws an Error that names the object when it does not look like a Pod. */
export function readPod(object: KubeObject): PodObject {
  const pod = PodObject.safeParse(object);
  if (pod.success) return pod.data;
  const issue = pod.error.issues[0];
  throw new Error(
    `pod ${object.metadata.name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`,
  );
}

export function conditionOf(pod: PodObject, type: string) {
  return pod.status.conditions.find((condition) => condition.type === type);
}

export function isReady(pod: PodObject): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

export function isTerminating(pod: PodObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}
