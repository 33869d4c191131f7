/** A pod as far as faults look at it. */
import { z } from 'zod';
import type { Deployed, KubeObject } from '../cluster.ts';

const Container = z.object({
  name: z.string(),
  ports: z.array(z.object({ name: z.string().optional(), containerPort: z.int() })).default([]),
});
const Pod = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string().default(''),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    ownerReferences: z.array(z.object({ kind: z.string() })).default([]),
  }),
  spec: z.object({
    nodeName: z.string().optional(),
    containers: z.array(Container).min(1),
    terminationGracePeriodSeconds: z.int().nonnegative().default(30),
  }),
  status: z
    .object({
      phase: z.string().default('Unknown'),
      podIP: z.string().optional(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      containerStatuses: z.array(z.object({ name: z.string(), restartCount: z.int() })).default([]),
    })
    .prefault({}),
});

export interface PodFacts {
  name: string;
  namespace: string;
  uid: string;
  ready: boolean;
  terminating: boolean;
  /** Succeeded or Failed: its processes have ended for good. */
  ended: boolean;
  labels: Record<string, string>;
  /** Absent until it is scheduled, and until it has an address. */
  node: string | undefined;
  ip: string | undefined;
  containers: { name: string; ports: { name: string | undefined; port: number }[] }[];
  /** From the first signal to SIGKILL. */
  graceMs: number;
  /** By container. */
  restarts: Record<string, number>;
  /** Its node's own: a DaemonSet's, or a static pod's mirror. Evicting it changes nothing. */
  ofNode: boolean;
  object: KubeObject;
}

/** Undefined when the object is not a pod as the API describes one. */
export function readPod(object: KubeObject): PodFacts | undefined {
  const read = Pod.safeParse(object);
  if (!read.success) return undefined;
  const { metadata, spec, status } = read.data;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    ready: status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    terminating: metadata.deletionTimestamp !== undefined,
    ended: status.phase === 'Succeeded' || status.phase === 'Failed',
    labels: metadata.labels,
    node: spec.nodeName,
    ip: status.podIP,
    containers: spec.containers.map(({ name, ports }) => ({
      name,
      ports: ports.map((port) => ({ name: port.name, port: port.containerPort })),
    })),
    graceMs: spec.terminationGracePeriodSeconds * 1_000,
    restarts: Object.fromEntries(
      status.containerStatuses.map((container) => [container.name, container.restartCount]),
    ),
    ofNode:
      metadata.ownerReferences.some(({ kind }) => kind === 'DaemonSet' || kind === 'Node') ||
      metadata.annotations['kubernetes.io/config.mirror'] !== undefined,
    object,
  };
}

/** Every label that is asked for is there; nothing asked for selects nothing. */
export function selects(selector: Record<string, string>, labels: Record<string, string>): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

/** Pods of the run's namespace, those whose processes have ended left out. */
export function livingPods(deployed: Pick<Deployed, 'pods' | 'namespace'>): PodFacts[] {
  return deployed.pods().flatMap((object) => {
    const pod = readPod(object);
    return pod && pod.namespace === deployed.namespace && !pod.ended ? [pod] : [];
  });
}

/** Those of them that have these labels. */
export function podsWith(
  deployed: Pick<Deployed, 'pods' | 'namespace'>,
  labels: Record<string, string>,
): PodFacts[] {
  return livingPods(deployed).filter((pod) => selects(labels, pod.labels));
}

/** The pod as it is now; undefined when it is gone. */
export function podOf(deployed: Pick<Deployed, 'pods'>, uid: string): PodFacts | undefined {
  const object = deployed.pods().find(({ metadata }) => metadata.uid === uid);
  return object && readPod(object);
}

/** The port a connection to this pod goes to; undefined when it declares none. */
export function portOf(
  deployed: Pick<Deployed, 'labels' | 'containerPort'>,
  pod: PodFacts,
): number | undefined {
  if (selects(deployed.labels, pod.labels)) return deployed.containerPort;
  return pod.containers.flatMap(({ ports }) => ports)[0]?.port;
}

/** How many Ready replicas there have to be when all is well: what the Deployment asks for now, since an autoscaler may have changed it. */
export function wantedReplicas(deployed: Pick<Deployed, 'deploymentNow' | 'replicas'>): number {
  const read = z
    .object({ spec: z.object({ replicas: z.int().nonnegative() }) })
    .safeParse(deployed.deploymentNow());
  return read.success ? read.data.spec.replicas : deployed.replicas;
}

/** The first of these pods that lives, should answer and does not, in words; asked twice, since one look may meet a hiccup of the way there. */
export async function firstDeaf(
  deployed: Deployed,
  bystanders: readonly PodFacts[],
  timeoutMs: number,
): Promise<string | undefined> {
  const looks = await Promise.all(
    bystanders.map(async ({ uid }) => {
      const pod = podOf(deployed, uid);
      const port = pod && portOf(deployed, pod);
      // Only those that are meant to live: a rollout or an autoscaler that takes one away is not this fault's doing.
      if (!pod || pod.terminating || port === undefined) return undefined;
      const answers =
        (await deployed.connects(pod.object, port, timeoutMs)) ||
        (await deployed.connects(pod.object, port, timeoutMs));
      return answers ? undefined : `${pod.name} does not answer on port ${port}`;
    }),
  );
  return looks.find((look) => look !== undefined);
}

/** How many of `pods` are gone (by uid), or go and refuse already. */
export async function goneAndRefusing(
  deployed: Deployed,
  pods: readonly PodFacts[],
  timeoutMs: number,
): Promise<number> {
  const gone = await Promise.all(
    pods.map(async ({ uid }) => {
      const now = podOf(deployed, uid);
      if (!now) return true;
      const port = portOf(deployed, now);
      return now.terminating && port !== undefined && !(await deployed.connects(now.object, port, timeoutMs));
    }),
  );
  return gone.filter(Boolean).length;
}

/** Between the first target that shows an effect and the last one it neither acts nor is gone: it begins with all and ends with none. */
export function allThenNone(): (hit: number, of: number) => boolean {
  let seenOnAll = false;
  return (hit, of) => {
    if (of > 0 && hit === of) seenOnAll = true;
    if (hit === 0) seenOnAll = false;
    return seenOnAll;
  };
}
