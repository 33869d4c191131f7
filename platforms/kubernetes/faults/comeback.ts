/** What becomes of a pod that a fault takes away: whether its files outlive it, and how long its replacement may take. */
import { z } from 'zod';
import type { PodFacts } from './pod.ts';

/** Kinds of volumes whose content is not the pod's own; any other (emptyDir, ephemeral) ends with it (Kubernetes, Volumes). */
const LASTING = ['persistentVolumeClaim', 'hostPath', 'nfs', 'iscsi', 'fc'];

/** With the defaults of the API (core/v1, Probe). */
const Probe = z.object({
  initialDelaySeconds: z.int().nonnegative().default(0),
  periodSeconds: z.int().positive().default(10),
  timeoutSeconds: z.int().positive().default(1),
  failureThreshold: z.int().positive().default(3),
  successThreshold: z.int().positive().default(1),
});
const Spec = z.object({
  spec: z.object({
    volumes: z.array(z.record(z.string(), z.unknown())).default([]),
    containers: z.array(z.object({ startupProbe: Probe.optional(), readinessProbe: Probe.optional() })),
  }),
});

/** Whether some volume of it is there for the pod that comes after it. */
export function keepsFiles({ object }: PodFacts): boolean {
  const volumes = Spec.safeParse(object).data?.spec.volumes ?? [];
  return volumes.some((volume) => LASTING.some((kind) => kind in volume));
}

/** From the start of its containers until its own probes have called it Ready or given it up, milliseconds. */
export function startWithinMs({ object }: PodFacts): number {
  const containers = Spec.safeParse(object).data?.spec.containers ?? [];
  const seconds = containers.map(({ startupProbe, readinessProbe }) => {
    const startup = startupProbe
      ? startupProbe.initialDelaySeconds + startupProbe.periodSeconds * startupProbe.failureThreshold
      : 0;
    const readiness = readinessProbe
      ? readinessProbe.initialDelaySeconds +
        readinessProbe.periodSeconds * readinessProbe.successThreshold +
        readinessProbe.timeoutSeconds
      : 0;
    return startup + readiness;
  });
  return 1_000 * Math.max(0, ...seconds);
}
