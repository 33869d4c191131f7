/** The HPA and its target as a trace needs them. Lenient: what a field of no interest looks like does not matter. */
import { z } from 'zod';
import { milliOf } from '../quantity.ts';
import { MaybeLabelSelector, selects } from '../lint/selector.ts';
import { readHpa } from './defaults.ts';
import { CONTROLLER, type ShownCondition, type ShownMetric, type StatusWrite } from './trace.ts';
import { type Clock, Conditions, revisionOf } from './trace-fields.ts';
import type { ConditionType, HpaSpec } from './types.ts';

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
      conditions: Conditions,
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
    selector: MaybeLabelSelector,
  }),
  status: z.object({ replicas: z.number().nullish(), readyReplicas: z.number().nullish() }).nullish(),
});

export interface TargetLine {
  revision: number | null;
  specReplicas: number;
  statusReplicas: number;
  readyReplicas: number;
  owner: string | null;
  matches: (labels: Readonly<Record<string, string>>) => boolean;
}

/** Null: it cannot be read, or has no selector. */
export function readTarget(object: unknown): TargetLine | null {
  const { data } = Target.safeParse(object);
  const selector = data?.spec.selector;
  if (!data || !selector) return null;
  const owners = (data.metadata.managedFields ?? [])
    .toSorted((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1))
    .map(({ manager, subresource }) => [manager, subresource].filter(Boolean).join('/'));
  return {
    revision: revisionOf(object),
    specReplicas: data.spec.replicas ?? 1,
    statusReplicas: data.status?.replicas ?? 0,
    readyReplicas: data.status?.readyReplicas ?? 0,
    // Who sets the same value owns it as well; one of another value takes it from the others.
    owner: owners.includes(CONTROLLER) ? CONTROLLER : (owners.at(-1) ?? null),
    matches: (labels) => selects(selector, labels),
  };
}
