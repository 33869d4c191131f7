/** Pods, and what they use, as the trace of an HPA needs them. Lenient, as everything that reads the watch log. */
import { z } from 'zod';
import { parseDurationMs } from '../../record/duration.ts';
import { milliByName } from '../quantity.ts';
import { type Clock, Conditions, revisionOf } from './trace-fields.ts';
import { resourceKey } from './trace.ts';
import type { HpaPod, PodMetric } from './types.ts';

const Resources = z.object({ requests: z.record(z.string(), z.unknown()).nullish() }).nullish();
const Container = z.object({ name: z.string(), resources: Resources, restartPolicy: z.string().nullish() });
const Pod = z.object({
  metadata: z.object({
    name: z.string(),
    labels: z.record(z.string(), z.string()).nullish(),
    deletionTimestamp: z.string().nullish(),
  }),
  spec: z.object({
    containers: z.array(Container),
    initContainers: z.array(Container).nullish(),
    resources: Resources,
  }),
  status: z
    .object({
      phase: z.string().nullish(),
      startTime: z.string().nullish(),
      conditions: Conditions,
    })
    .nullish(),
});

interface ReadPod {
  labels: Record<string, string>;
  revision: number | null;
  pod: HpaPod;
}

/** Null: it does not look like a Pod. */
export function readPod(object: unknown, clock: Clock): ReadPod | null {
  const { data } = Pod.safeParse(object);
  if (!data) return null;
  const { metadata, spec, status } = data;
  // Sidecars are init containers that go on running.
  const containers = [
    ...spec.containers,
    ...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ];
  const startedAtMs = clock(status?.startTime);
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return {
    labels: metadata.labels ?? {},
    revision: revisionOf(object),
    pod: {
      name: metadata.name,
      phase: status?.phase ?? '',
      deleted: typeof metadata.deletionTimestamp === 'string',
      ...(startedAtMs !== null && { startedAtMs }),
      ...(ready && {
        ready: { status: ready.status === 'True', changedAtMs: clock(ready.lastTransitionTime) ?? 0 },
      }),
      ...(spec.resources?.requests && { requestsMilli: milliByName(spec.resources.requests) }),
      containers: containers.map(({ name, resources }) => ({
        name,
        requestsMilli: milliByName(resources?.requests ?? {}),
      })),
    },
  };
}

const Sample = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).nullish() }),
  timestamp: z.string(),
  window: z.string(),
  containers: z.array(z.object({ name: z.string(), usage: z.record(z.string(), z.unknown()) })),
});

interface ReadSample {
  labels: Record<string, string> | null;
  metrics: Record<string, PodMetric>;
}

/** By `resourceKey`. A pod of which one container lacks a resource has no metric of it (upstream: getPodMetrics). */
export function readSample(object: unknown, clock: Clock): ReadSample | null {
  const { data } = Sample.safeParse(object);
  const atMs = clock(data?.timestamp);
  if (!data || atMs === null) return null;
  const windowMs = parseDurationMs(data.window) ?? 0;
  const metrics: Record<string, PodMetric> = {};
  const used = data.containers.map(({ name, usage }) => ({ name, milli: milliByName(usage) }));
  for (const resource of Object.keys(used[0]?.milli ?? {})) {
    const each = used.flatMap(({ milli }) => milli[resource] ?? []);
    const valueMilli = each.reduce((sum, milli) => sum + milli, 0);
    if (each.length === used.length)
      metrics[resourceKey({ name: resource })] = { valueMilli, atMs, windowMs };
  }
  for (const { name: container, milli } of used)
    for (const [resource, valueMilli] of Object.entries(milli))
      metrics[resourceKey({ name: resource, container })] = { valueMilli, atMs, windowMs };
  return { labels: data.metadata.labels ?? null, metrics };
}
