/** Objects that make pods: controllers of pods, Jobs and Pods themselves. */
import { z } from 'zod';
import type { Manifest, Path } from './finding.ts';
import { flag, list, map, maybe, number, scalar, strings, text } from './lenient.ts';
import { LabelSelector } from './selector.ts';

const httpGet = maybe({ path: text, port: scalar });
const Probe = {
  httpGet,
  exec: maybe({ command: list(scalar) }),
  tcpSocket: maybe({ port: scalar }),
  grpc: maybe({ port: scalar }),
  initialDelaySeconds: number,
  periodSeconds: number,
  failureThreshold: number,
};
const keyRef = maybe({ name: text, key: text, optional: flag });
const sourceRef = maybe({ name: text, optional: flag });
const Resources = { requests: strings, limits: strings };

const Container = map({
  name: z.string().catch('(without a name)'),
  image: text,
  ports: list(map({ name: text, containerPort: number })),
  env: list(
    map({
      name: text,
      value: scalar,
      valueFrom: maybe({
        configMapKeyRef: keyRef,
        secretKeyRef: keyRef,
        fieldRef: maybe({ fieldPath: text }),
      }),
    }),
  ),
  envFrom: list(map({ configMapRef: sourceRef, secretRef: sourceRef })),
  resources: map(Resources),
  lifecycle: map({
    preStop: maybe({ exec: maybe({ command: list(scalar) }), httpGet, sleep: maybe({ seconds: number }) }),
  }),
  startupProbe: maybe(Probe),
  livenessProbe: maybe(Probe),
  readinessProbe: maybe(Probe),
  /** Of an init container: Always makes it a sidecar. */
  restartPolicy: text,
  securityContext: map({ runAsNonRoot: flag, runAsUser: number, capabilities: map({ add: list(scalar) }) }),
});
export type Container = z.infer<typeof Container>;

const Template = map({
  metadata: map({ labels: strings }),
  spec: map({
    containers: list(Container),
    initContainers: list(Container),
    terminationGracePeriodSeconds: number,
    resources: maybe(Resources),
    securityContext: map({ runAsNonRoot: flag, runAsUser: number, sysctls: list(map({ name: text })) }),
    affinity: map({
      podAntiAffinity: map({
        requiredDuringSchedulingIgnoredDuringExecution: list(
          map({ topologyKey: text, labelSelector: LabelSelector }),
        ),
      }),
    }),
    volumes: list(
      map({
        configMap: maybe({ name: text, optional: flag }),
        secret: maybe({ secretName: text, optional: flag }),
      }),
    ),
  }),
});

const Controller = map({
  replicas: number,
  selector: LabelSelector,
  serviceName: text,
  strategy: map({ type: text, rollingUpdate: map({ maxSurge: scalar, maxUnavailable: scalar }) }),
});

export interface Workload {
  manifest: Manifest;
  controller: z.infer<typeof Controller>;
  labels: Record<string, string>;
  pod: z.infer<typeof Template>['spec'];
  /** Of the pod template's spec, for findings. */
  podPath: Path;
}

/** Where the pod template of each kind lies; a Pod is its own. */
const TEMPLATES: Record<string, Path> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  Pod: [],
};

/** A workload, or null for an object of another kind. */
export function workloadOf(manifest: Manifest): Workload | null {
  const path = Object.hasOwn(TEMPLATES, manifest.kind) ? TEMPLATES[manifest.kind] : undefined;
  if (path === undefined) return null;
  const template = Template.parse(valueAt(manifest.value, path));
  return {
    manifest,
    controller: Controller.parse(valueAt(manifest.value, ['spec'])),
    labels: template.metadata.labels,
    pod: template.spec,
    podPath: [...path, 'spec'],
  };
}

/** The value below a path of map keys and list indices. */
function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(
    (below, key) => (typeof below === 'object' && below !== null ? Reflect.get(below, key) : undefined),
    value,
  );
}

export interface PlacedContainer {
  container: Container;
  path: Path;
}

/** What runs as long as the pod does: its containers and its sidecars (init containers that restart always, since 1.29). */
export function runningContainers({ pod, podPath }: Workload): PlacedContainer[] {
  const placed = (containers: Container[], key: string) =>
    containers.map((container, index) => ({ container, path: [...podPath, key, index] }));
  return [
    ...placed(pod.containers, 'containers'),
    ...placed(pod.initContainers, 'initContainers').filter(
      ({ container }) => container.restartPolicy === 'Always',
    ),
  ];
}
