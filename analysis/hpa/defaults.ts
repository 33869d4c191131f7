/**
 * A HorizontalPodAutoscaler as words of the decision, with what the API server fills in: pkg/apis/autoscaling/v2/defaults.go. Meant for
 * the object as it is read back; a manifest that was not yet applied reads the same.
 */
import { z } from 'zod';
import { milliOf, numberOf } from '../quantity.ts';
import type { Behavior, HpaSpec, MetricSpec, ScalingRules } from './types.ts';

const Rules = z.object({
  stabilizationWindowSeconds: z.number().nullish(),
  selectPolicy: z.enum(['Max', 'Min', 'Disabled']).nullish(),
  policies: z
    .array(z.object({ type: z.enum(['Pods', 'Percent']), value: z.number(), periodSeconds: z.number() }))
    .nullish(),
  tolerance: z.unknown().optional(),
});
type Rules = z.infer<typeof Rules>;

const Target = z.object({
  type: z.string().nullish(),
  averageUtilization: z.number().nullish(),
  averageValue: z.unknown().optional(),
  value: z.unknown().optional(),
});
const Selector = z.object({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).nullish() }))
    .nullish(),
});
const Metric = z.object({
  type: z.enum(['Resource', 'ContainerResource', 'Pods', 'Object', 'External']),
  resource: z.object({ name: z.string(), target: Target }).nullish(),
  containerResource: z.object({ name: z.string(), container: z.string(), target: Target }).nullish(),
  pods: z.object({ metric: z.object({ name: z.string() }), target: Target }).nullish(),
  object: z
    .object({
      describedObject: z.object({ kind: z.string() }),
      metric: z.object({ name: z.string(), selector: Selector.nullish() }),
      target: Target,
    })
    .nullish(),
  external: z
    .object({ metric: z.object({ name: z.string(), selector: Selector.nullish() }), target: Target })
    .nullish(),
});
const Hpa = z.object({
  spec: z.object({
    scaleTargetRef: z.object({ kind: z.string(), name: z.string() }),
    minReplicas: z.number().int().nullish(),
    maxReplicas: z.number().int(),
    metrics: z.array(Metric).nullish(),
    behavior: z.object({ scaleUp: Rules.nullish(), scaleDown: Rules.nullish() }).nullish(),
  }),
});

/** Where `metrics` is empty: CPU at 80 % of the request. */
const DEFAULT_METRICS: readonly MetricSpec[] = [
  { source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 80 } },
];
const DEFAULT_UP: ScalingRules = {
  stabilizationMs: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodMs: 15_000 },
    { type: 'Percent', value: 100, periodMs: 15_000 },
  ],
  tolerance: null,
};
const DEFAULT_DOWN: ScalingRules = {
  stabilizationMs: null,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }],
  tolerance: null,
};

export interface ReadHpa {
  spec: HpaSpec;
  target: { kind: string; name: string };
}

/** Reads an autoscaling/v2 object; a string says which field it cannot be read for. */
export function readHpa(object: unknown): ReadHpa | string {
  const parsed = Hpa.safeParse(object);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'not a HorizontalPodAutoscaler';
  }
  const { scaleTargetRef, minReplicas, maxReplicas, metrics, behavior } = parsed.data.spec;
  const read = (metrics ?? []).map((metric, index) => {
    const spec = metricOf(metric);
    return spec ?? `spec.metrics.${index}: no name or no target of a type that ${metric.type} can have`;
  });
  const wrong = read.find((metric) => typeof metric === 'string');
  if (wrong !== undefined) return wrong;
  return {
    spec: {
      min: minReplicas ?? 1,
      max: maxReplicas,
      metrics: read.length > 0 ? read.filter((metric) => typeof metric !== 'string') : DEFAULT_METRICS,
      behavior: behavior ? behaviorOf(behavior) : null,
    },
    target: scaleTargetRef,
  };
}

/** A present `behavior`, whatever it has, gets both directions. */
function behaviorOf({
  scaleUp,
  scaleDown,
}: {
  scaleUp?: Rules | null | undefined;
  scaleDown?: Rules | null | undefined;
}): Behavior {
  return { scaleUp: rulesOf(scaleUp, DEFAULT_UP), scaleDown: rulesOf(scaleDown, DEFAULT_DOWN) };
}

/** A list of policies replaces the whole default list, an empty one does not (the API server refuses it). */
function rulesOf(rules: Rules | null | undefined, defaults: ScalingRules): ScalingRules {
  if (!rules) return defaults;
  const { stabilizationWindowSeconds: windowS, selectPolicy, policies } = rules;
  return {
    stabilizationMs: typeof windowS === 'number' ? windowS * 1_000 : defaults.stabilizationMs,
    selectPolicy: selectPolicy ?? defaults.selectPolicy,
    policies:
      policies && policies.length > 0
        ? policies.map(({ type, value, periodSeconds }) => ({ type, value, periodMs: periodSeconds * 1_000 }))
        : defaults.policies,
    tolerance: numberOf(rules.tolerance),
  };
}

function metricOf(metric: z.infer<typeof Metric>): MetricSpec | null {
  const { type: source, resource, containerResource, pods, object, external } = metric;
  if (source === 'Resource' && resource) return withTarget({ source, name: resource.name }, resource.target);
  if (source === 'ContainerResource' && containerResource) {
    const { name, container, target } = containerResource;
    return withTarget({ source, name, container }, target);
  }
  if (source === 'Pods' && pods) return withTarget({ source, name: pods.metric.name }, pods.target);
  if (source === 'Object' && object) {
    const { describedObject, metric: identifier, target } = object;
    return withTarget({ source, describedKind: describedObject.kind, ...identified(identifier) }, target);
  }
  return source === 'External' && external
    ? withTarget({ source, ...identified(external.metric) }, external.target)
    : null;
}

function identified({
  name,
  selector,
}: {
  name: string;
  selector?: z.infer<typeof Selector> | null | undefined;
}): Pick<MetricSpec, 'name' | 'selector'> {
  return selector ? { name, selector: goText(selector) } : { name };
}

/** As Go's generated String() of a LabelSelector prints it: it is part of the rescale reason. */
function goText({ matchLabels, matchExpressions }: z.infer<typeof Selector>): string {
  const labels = Object.entries(matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const expressions = (matchExpressions ?? []).map(
    ({ key, operator, values }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${(values ?? []).join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}

/** Which target wins where an object has several: the order in which computeStatusFor...Metric asks for them. */
function withTarget(
  metric: Omit<MetricSpec, 'target'>,
  { type, averageUtilization, averageValue, value }: z.infer<typeof Target>,
): MetricSpec | null {
  const average = milliOf(averageValue);
  const total = milliOf(value);
  const mayBeValue =
    (metric.source === 'Object' && type === 'Value') || (metric.source === 'External' && average === null);
  if (mayBeValue) return total === null ? null : { ...metric, target: { type: 'value', value: total } };
  if (average !== null) return { ...metric, target: { type: 'averageValue', value: average } };
  const ofResource = metric.source === 'Resource' || metric.source === 'ContainerResource';
  return ofResource && typeof averageUtilization === 'number'
    ? { ...metric, target: { type: 'utilization', value: averageUtilization } }
    : null;
}
