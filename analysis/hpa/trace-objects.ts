/** Objects of the API as the trace of an HPA needs them. Lenient: what a field of no interest looks like does not matter. */
import { z } from 'zod';
import { parseDurationMs } from '../../record/duration.ts';
import { milliOf } from '../quantity.ts';
import { readHpa } from './defaults.ts';
import { CONTROLLER, resourceKey, type ShownCondition, type ShownMetric, type StatusWrite } from './trace.ts';
import type { ConditionType, HpaPod, HpaSpec, PodMetric } from './types.ts';

/** Of a server's time, on the run's clock, ms; null where there is none. */
type Clock = (text: string | null | undefined) => number | null;

const Revision = z.object({ metadata: z.object({ resourceVersion: z.string().nullish() }) });

/** Revisions of one cluster grow with every write; they are compared, nothing more. */
function revisionOf(object: unknown): number | null {
  const text = Revision.safeParse(object).data?.metadata.resourceVersion ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

// ---------------------------------------------------------------- HorizontalPodAutoscaler

const Value = z.object({
  averageUtilization: z.number().nullish(),
  averageValue: z.unknown().optional(),
  value: z.unknown().optional(),
});
const Current = z.object({ current: Value });
const HpaStatus = z.object({
  status: z
    .object({
      currentReplicas: z.number().nullish(),
      desiredReplicas: z.number().nullish(),
      lastScaleTime: z.string().nullish(),
      currentMetrics: z
        .array(
          z.object({
            resource: Current.nullish(),
            containerResource: Current.nullish(),
            pods: Current.nullish(),
            object: Current.nullish(),
            external: Current.nullish(),
          }),
        )
        .nullish(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().nullish(),
            message: z.string().nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
});

export interface HpaLine {
  spec: HpaSpec;
  target: { kind: string; name: string };
  revision: number | null;
  /** Whether any sync has left its mark. */
  synced: boolean;
  status: Omit<StatusWrite, 'receivedMs' | 'revision' | 'spec'>;
  statusText: string;
}

/** A string says why the object cannot be read. */
export function readHpaLine(object: Record<string, unknown>, clock: Clock): HpaLine | string {
  const hpa = readHpa(object);
  if (typeof hpa === 'string') return hpa;
  const parsed = HpaStatus.safeParse(object);
  if (!parsed.success)
    return `its status cannot be read (${parsed.error.issues[0]?.path.map(String).join('.')})`;
  const { currentReplicas, desiredReplicas, lastScaleTime, currentMetrics, conditions } =
    parsed.data.status ?? {};
  const read: Partial<Record<ConditionType, ShownCondition>> = {};
  for (const { type, status, reason, message } of conditions ?? [])
    if (type === 'AbleToScale' || type === 'ScalingActive' || type === 'ScalingLimited')
      read[type] = { status: status === 'True', reason: reason ?? '', message: message ?? '' };
  return {
    ...hpa,
    revision: revisionOf(object),
    synced: (conditions ?? []).length > 0,
    status: {
      current: currentReplicas ?? 0,
      desired: desiredReplicas ?? 0,
      scaledAtMs: clock(lastScaleTime),
      metrics: (currentMetrics ?? []).map(
        ({ resource, containerResource, pods, object: one, external }): ShownMetric | null => {
          const shown = (resource ?? containerResource ?? pods ?? one ?? external)?.current;
          if (!shown) return null;
          return {
            utilization: shown.averageUtilization ?? null,
            usageMilli: milliOf(shown.averageValue) ?? milliOf(shown.value),
          };
        },
      ),
      conditions: read,
    },
    statusText: JSON.stringify(object['status']),
  };
}

// ---------------------------------------------------------------- the target

const Target = z.object({
  metadata: z.object({
    managedFields: z
      .array(
        z.object({
          manager: z.string().nullish(),
          subresource: z.string().nullish(),
          time: z.string().nullish(),
        }),
      )
      .nullish(),
  }),
  spec: z.object({
    replicas: z.number().nullish(),
    selector: z.object({
      matchLabels: z.record(z.string(), z.string()).nullish(),
      matchExpressions: z
        .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).nullish() }))
        .nullish(),
    }),
  }),
  status: z.object({ replicas: z.number().nullish() }).nullish(),
});

export interface TargetLine {
  revision: number | null;
  specReplicas: number;
  statusReplicas: number;
  owner: string | null;
  matches: (labels: Readonly<Record<string, string>>) => boolean;
}

export function readTarget(object: unknown): TargetLine | null {
  const { data } = Target.safeParse(object);
  if (!data) return null;
  const { matchLabels, matchExpressions } = data.spec.selector;
  const owners = (data.metadata.managedFields ?? [])
    .toSorted((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1))
    .map(({ manager, subresource }) => [manager, subresource].filter(Boolean).join('/'));
  return {
    revision: revisionOf(object),
    specReplicas: data.spec.replicas ?? 1,
    statusReplicas: data.status?.replicas ?? 0,
    // Who sets the same value owns it as well; one of another value takes it from the others.
    owner: owners.includes(CONTROLLER) ? CONTROLLER : (owners.at(-1) ?? null),
    matches: (labels) =>
      Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
      (matchExpressions ?? []).every(({ key, operator, values }) => {
        const value = labels[key];
        if (operator === 'Exists') return value !== undefined;
        if (operator === 'DoesNotExist') return value === undefined;
        const isListed = value !== undefined && (values ?? []).includes(value);
        return operator === 'NotIn' ? !isListed : isListed;
      }),
  };
}

// ---------------------------------------------------------------- pods and what they use

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
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), lastTransitionTime: z.string().nullish() }))
        .nullish(),
    })
    .nullish(),
});

interface ReadPod {
  labels: Record<string, string>;
  revision: number | null;
  pod: HpaPod;
}

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
      ...(spec.resources?.requests && { requestsMilli: milliOfEach(spec.resources.requests) }),
      containers: containers.map(({ name, resources }) => ({
        name,
        requestsMilli: milliOfEach(resources?.requests ?? {}),
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
  const used = data.containers.map(({ name, usage }) => ({ name, milli: milliOfEach(usage) }));
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

function milliOfEach(quantities: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(quantities).flatMap(([name, quantity]) => {
      const milli = milliOf(quantity);
      return milli === null ? [] : [[name, milli]];
    }),
  );
}
