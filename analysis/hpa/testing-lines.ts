/** Lines of a watch log for tests: what an API server would tell of an HPA, its target, its pods and what they use. */
import type { EventOf } from '../../record/model.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import { WALL_MS } from '../testing.ts';
import type { HpaTrace, PodChange, SampleChange, ScaleChange, StatusWrite } from './trace.ts';
import {
  CONTROLLER_DEFAULTS,
  type ControllerParameters,
  type HpaSpec,
  type MetricSpec,
  type ScalingRules,
} from './types.ts';

type Source = EventOf<'hpa.controller'>['parameters']['tolerance']['source'];

/** `hpa.controller` with the defaults but for what is given, all from one source. */
export function controllerEvent(
  parameters: Partial<ControllerParameters> = {},
  source: Source = 'static pod',
): EventOf<'hpa.controller'> {
  const { version = [1, 35], ...given } = parameters;
  const { syncPeriodMs, tolerance, downscaleStabilizationMs, cpuInitializationMs, initialReadinessDelayMs } =
    {
      ...CONTROLLER_DEFAULTS,
      ...given,
    };
  const known = (value: number) => ({ value, source });
  return {
    at: 0,
    kind: 'hpa.controller',
    version: `${version.join('.')}.1`,
    parameters: {
      syncPeriodMs: known(syncPeriodMs),
      tolerance: known(tolerance),
      downscaleStabilizationMs: known(downscaleStabilizationMs),
      cpuInitializationMs: known(cpuInitializationMs),
      initialReadinessDelayMs: known(initialReadinessDelayMs),
    },
  };
}

/** The whole trace, by time: the first line of the HPA is the one before its first sync. */
export function linesOf(trace: HpaTrace): WatchLine[] {
  const { name, writes, pods, samples, scales, restartsMs, before } = trace;
  const first = writes[0];
  const start = first
    ? [
        hpaLine(
          0,
          {
            ...first,
            current: 0,
            desired: 0,
            metrics: [],
            conditions: before ? OLD : {},
            scaledAtMs: before?.scaledAtMs ?? null,
          },
          name,
        ),
      ]
    : [];
  const lines = [
    ...start,
    ...writes.map((write) => hpaLine(write.receivedMs, write, name)),
    ...pods.map(podLine),
    ...samples.map(sampleLine),
    ...scales.map((scale) => scaleLine(scale)),
    leaseLine(0, 'a'),
    ...restartsMs.map((atMs, index) => leaseLine(atMs, `b${index}`)),
  ];
  return lines.toSorted((a, b) => a.atMs - b.atMs);
}

const OLD = { AbleToScale: { status: true, reason: 'SucceededGetScale' } };

type Status = Omit<StatusWrite, 'receivedMs'>;

export function hpaLine(
  atMs: number,
  { spec, revision, ...status }: Status,
  name = 'web',
  type: WatchLine['type'] = 'MODIFIED',
): WatchLine {
  const { current, desired, scaledAtMs, metrics, conditions } = status;
  return {
    atMs,
    type,
    kind: 'HorizontalPodAutoscaler',
    name,
    object: {
      metadata: { name, uid: name, ...versionOf(revision) },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        ...specObject(spec),
      },
      status: {
        currentReplicas: current,
        desiredReplicas: desired,
        ...(scaledAtMs !== null && { lastScaleTime: iso(scaledAtMs) }),
        currentMetrics: metrics.map((shown, index) => shownObject(shown, spec.metrics[index])),
        conditions: Object.entries(conditions).map(([type_, condition]) => ({
          type: type_,
          status: condition.status ? 'True' : 'False',
          reason: condition.reason,
          message: condition.message ?? '',
        })),
      },
    },
  };
}

export function podLine({ name, pod, receivedMs: atMs, revision }: PodChange): WatchLine {
  const metadata = { name, labels: { app: 'web' }, ...versionOf(revision) };
  if (!pod)
    return { atMs, type: 'DELETED', kind: 'Pod', name, object: { metadata, spec: { containers: [] } } };
  const { ready, startedAtMs, phase, containers, deleted } = pod;
  return {
    atMs,
    type: 'MODIFIED',
    kind: 'Pod',
    name,
    object: {
      metadata: { ...metadata, ...(deleted && { deletionTimestamp: iso(atMs) }) },
      spec: {
        containers: containers.map(({ name: container, requestsMilli }) => ({
          name: container,
          resources: { requests: milliEach(requestsMilli) },
        })),
      },
      status: {
        phase,
        ...(startedAtMs !== undefined && { startTime: iso(startedAtMs) }),
        conditions: [
          ...(ready
            ? [
                {
                  type: 'Ready',
                  status: ready.status ? 'True' : 'False',
                  lastTransitionTime: iso(ready.changedAtMs),
                },
              ]
            : []),
          { type: 'PodScheduled', status: 'True' },
        ],
      },
    },
  };
}

/** A pod that no node has room for. */
export function unschedulableLine(atMs: number, name: string, message: string): WatchLine {
  const pod = { name, phase: 'Pending', deleted: false, containers: [] };
  const line = podLine({ receivedMs: atMs, revision: null, name, pod });
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
  return { ...line, object: { ...line.object, status: { phase: 'Pending', conditions } } };
}

export function sampleLine({ pod, receivedMs: atMs, metrics }: SampleChange): WatchLine {
  const metadata = { name: pod, labels: { app: 'web' } };
  const [any] = Object.values(metrics ?? {});
  const containers = [
    {
      name: 'web',
      usage: milliEach(
        Object.fromEntries(Object.entries(metrics ?? {}).map(([key, { valueMilli }]) => [key, valueMilli])),
      ),
    },
  ];
  return {
    atMs,
    type: metrics ? 'POLLED' : 'DELETED',
    kind: 'PodMetrics',
    name: pod,
    object: {
      metadata,
      timestamp: iso(any?.atMs ?? atMs),
      window: `${(any?.windowMs ?? 0) / 1_000}s`,
      containers,
    },
  };
}

export function scaleLine({
  receivedMs: atMs,
  revision,
  specReplicas,
  statusReplicas,
  readyReplicas,
  owner,
}: ScaleChange): WatchLine {
  const [manager, subresource] = (owner ?? '').split('/');
  return {
    atMs,
    type: 'MODIFIED',
    kind: 'Deployment',
    name: 'web',
    object: {
      metadata: {
        name: 'web',
        ...versionOf(revision),
        ...(owner !== null && { managedFields: [{ manager, ...(subresource && { subresource }) }] }),
      },
      spec: { replicas: specReplicas, selector: { matchLabels: { app: 'web' } } },
      status: { replicas: statusReplicas, readyReplicas },
    },
  };
}

export function leaseLine(atMs: number, holder: string): WatchLine {
  return {
    atMs,
    type: 'MODIFIED',
    kind: 'Lease',
    name: 'kube-controller-manager',
    object: {
      metadata: { name: 'kube-controller-manager' },
      spec: { holderIdentity: holder, leaseTransitions: 0 },
    },
  };
}

function specObject({ min, max, metrics, behavior }: HpaSpec): Record<string, unknown> {
  return {
    minReplicas: min,
    maxReplicas: max,
    metrics: metrics.map((metric) => ({ type: metric.source, [keyOf(metric)]: metricObject(metric) })),
    ...(behavior && {
      behavior: { scaleUp: rulesObject(behavior.scaleUp), scaleDown: rulesObject(behavior.scaleDown) },
    }),
  };
}

function keyOf({ source }: MetricSpec): string {
  return `${source.slice(0, 1).toLowerCase()}${source.slice(1)}`;
}

const TARGETS = { utilization: 'Utilization', averageValue: 'AverageValue', value: 'Value' };

function metricObject({
  source,
  name,
  container,
  describedKind,
  target: { type, value },
}: MetricSpec): Record<string, unknown> {
  const target = {
    type: TARGETS[type],
    ...(type === 'utilization' ? { averageUtilization: value } : { [type]: `${value}m` }),
  };
  if (source === 'Resource' || source === 'ContainerResource')
    return { name, ...(container && { container }), target };
  return {
    metric: { name },
    ...(source === 'Object' && { describedObject: { kind: describedKind ?? 'Service' } }),
    target,
  };
}

function shownObject(
  shown: StatusWrite['metrics'][number],
  metric: MetricSpec | undefined,
): Record<string, unknown> {
  if (!shown || !metric) return { type: '' };
  const current = {
    ...(shown.utilization !== null && { averageUtilization: shown.utilization }),
    [metric.target.type === 'value' ? 'value' : 'averageValue']: `${shown.usageMilli ?? 0}m`,
  };
  return { type: metric.source, [keyOf(metric)]: { name: metric.name, current } };
}

function rulesObject({
  stabilizationMs,
  selectPolicy,
  policies,
  tolerance,
}: ScalingRules): Record<string, unknown> {
  return {
    ...(stabilizationMs !== null && { stabilizationWindowSeconds: stabilizationMs / 1_000 }),
    selectPolicy,
    policies: policies.map(({ type, value, periodMs }) => ({ type, value, periodSeconds: periodMs / 1_000 })),
    ...(tolerance !== null && { tolerance: `${Math.round(tolerance * 1_000)}m` }),
  };
}

function milliEach(amounts: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, milli]) => [name, `${milli}m`]));
}

function versionOf(revision: number | null): { resourceVersion?: string } {
  return revision === null ? {} : { resourceVersion: String(revision) };
}

function iso(ms: number): string {
  return new Date(WALL_MS + Math.floor(ms / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}
