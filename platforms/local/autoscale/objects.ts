/** The objects around an autoscaler, as an API server gives them back. */
import type { Deployment } from '../../manifests/objects.ts';
import { plain } from '../../manifests/located.ts';
import type { AutoscalerManifest } from './manifest.ts';
import type { PodCounts } from './pods.ts';
import type { PodSample } from './samples.ts';
import type { HpaStatus } from './status.ts';
import type { ServerClock, ToldObject } from './told.ts';

/** As the cluster's controller is called where it sets replicas, and as who applied the manifests. */
const CONTROLLER = { manager: 'kube-controller-manager', subresource: 'scale', operation: 'Update' };
const APPLIED = { manager: 'proofload', operation: 'Apply' };

export function hpaObject(
  { object }: AutoscalerManifest,
  namespace: string,
  status: HpaStatus,
  created: string,
): ToldObject {
  const manifest = { metadata: {}, spec: {}, ...(plain(object.node) as object) };
  return {
    kind: object.kind,
    apiVersion: 'autoscaling/v2',
    metadata: {
      ...manifest.metadata,
      name: object.name,
      namespace,
      uid: `${object.name}-local`,
      creationTimestamp: created,
    },
    spec: manifest.spec,
    status,
  };
}

/** `scaledAt`: when the autoscaler last set the replicas; null: they are those of the manifest. */
export function deploymentObject(
  { metadata, spec }: Deployment,
  replicas: number,
  counts: PodCounts,
  scaledAt: string | null,
): ToldObject {
  return {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: {
      ...metadata,
      labels: spec.template.metadata.labels,
      managedFields: [scaledAt === null ? APPLIED : { ...CONTROLLER, time: scaledAt }],
    },
    spec: { replicas, selector: spec.selector, strategy: spec.strategy },
    status: {
      replicas: counts.replicas,
      updatedReplicas: counts.replicas,
      readyReplicas: counts.ready,
      availableReplicas: counts.ready,
    },
  };
}

export function podMetricsObject(
  sample: PodSample,
  { metadata, spec }: Deployment,
  container: string,
  clock: ServerClock,
): ToldObject {
  return {
    kind: 'PodMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name: sample.pod, namespace: metadata.namespace, labels: spec.template.metadata.labels },
    timestamp: clock.stamp(sample.atMs),
    window: `${sample.windowMs / 1_000}s`,
    containers: [{ name: container, usage: usageOf(sample) }],
  };
}

/** As metrics-server writes it: the controller and whoever reads the record round alike. */
export function usageOf({ cpuNano, memoryKib }: PodSample): Record<string, string> {
  return { cpu: `${cpuNano}n`, memory: `${memoryKib}Ki` };
}

export function hpaEvent(
  { object }: AutoscalerManifest,
  namespace: string,
  { reason, message, type }: { reason: string; message: string; type: 'Normal' | 'Warning' },
  clock: ServerClock,
): ToldObject {
  const nowMs = clock.nowMs();
  const at = clock.stamp(nowMs);
  return {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { name: `${object.name}.${reason.toLowerCase()}.${Math.round(nowMs)}`, namespace },
    involvedObject: { kind: object.kind, namespace, name: object.name },
    reason,
    message,
    source: { component: 'horizontal-pod-autoscaler' },
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
    type,
  };
}
