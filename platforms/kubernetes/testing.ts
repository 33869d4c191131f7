/** For tests: a cluster in memory, with just enough of its controllers to take a Deployment from manifest to Ready. */
import { ApiError } from './cluster.ts';
import type { Access, Cluster, KindRef, KubeObject, ObjectRef, Selection, WatchHandlers } from './cluster.ts';
import { isRecord, listOf, podSpecOf } from './rewrite.ts';

type Change = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface MemoryCluster extends Cluster {
  /** Puts an object there as a controller would, and tells the watches. */
  put(object: KubeObject): KubeObject;
  drop(ref: ObjectRef): void;
  all(kind: string): KubeObject[];
  /** Verbs and objects in the order in which they were asked for, reads left out. */
  writes: string[];
  /** Open port-forwards, `pod:port`. */
  forwards: string[];
  closed: boolean;
}

export interface MemoryOptions {
  refuses?: (access: Access) => boolean;
  kinds?: (KindRef & { namespaced: boolean })[];
  /** Throws to refuse an object. */
  admit?: (object: KubeObject) => void;
  /** Called after every change, in place of controllers. */
  react?: (cluster: MemoryCluster, type: Change, object: KubeObject) => void;
}

const kind = (apiVersion: string, name: string, namespaced = true) => ({
  apiVersion,
  kind: name,
  namespaced,
});
export const SERVED = [
  kind('v1', 'Namespace', false),
  kind('v1', 'Node', false),
  kind('rbac.authorization.k8s.io/v1', 'ClusterRole', false),
  ...['Pod', 'Service', 'ConfigMap', 'Secret', 'ServiceAccount', 'Event'].map((name) => kind('v1', name)),
  ...['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'].map((name) => kind('apps/v1', name)),
  kind('autoscaling/v2', 'HorizontalPodAutoscaler'),
  kind('policy/v1', 'PodDisruptionBudget'),
  kind('discovery.k8s.io/v1', 'EndpointSlice'),
];

const keyOf = (ref: { kind: string; name: string; namespace?: string | undefined }) =>
  `${ref.kind} ${ref.namespace ?? ''}/${ref.name}`;

export function memoryCluster(options: MemoryOptions = {}): MemoryCluster {
  const objects = new Map<string, KubeObject>();
  const watches = new Set<{
    of: KindRef;
    selection: Selection;
    changed: (type: Change, object: KubeObject) => void;
  }>();
  const kinds = options.kinds ?? SERVED;
  let uids = 0;

  const chosen = (object: KubeObject, of: KindRef, selection: Selection = {}) => {
    const label = selection.labelSelector?.split('=');
    return (
      object.kind === of.kind &&
      (selection.namespace === undefined || object.metadata.namespace === selection.namespace) &&
      (label === undefined || object.metadata.labels?.[label[0] ?? ''] === label[1])
    );
  };
  const tell = (type: Change, object: KubeObject) => {
    for (const watch of watches) if (chosen(object, watch.of, watch.selection)) watch.changed(type, object);
    options.react?.(cluster, type, object);
  };
  const put = (object: KubeObject): KubeObject => {
    const key = keyOf({ ...object.metadata, kind: object.kind });
    const before = objects.get(key);
    const metadata = {
      uid: before?.metadata.uid ?? `uid-${(uids += 1)}`,
      ...object.metadata,
      generation: object.metadata.generation ?? 1,
    };
    const whole = { ...before, ...object, metadata };
    objects.set(key, whole);
    tell(before === undefined ? 'ADDED' : 'MODIFIED', whole);
    return objects.get(key) ?? whole;
  };
  const drop = (ref: ObjectRef) => {
    const object = objects.get(keyOf(ref));
    if (object === undefined || !objects.delete(keyOf(ref))) return;
    tell('DELETED', object);
    if (ref.kind !== 'Namespace') return;
    for (const { apiVersion, kind: name, metadata } of objects.values())
      if (metadata.namespace === ref.name)
        drop({ apiVersion, kind: name, name: metadata.name, namespace: ref.name });
  };
  const notServed = (of: KindRef) =>
    !kinds.some((each) => each.kind === of.kind && each.apiVersion === of.apiVersion);
  const write = (verb: string, object: KubeObject, dryRun = false): KubeObject => {
    if (!dryRun) cluster.writes.push(`${verb} ${object.kind} ${object.metadata.name}`);
    options.admit?.(object);
    return dryRun ? object : put(object);
  };

  const cluster: MemoryCluster = {
    context: 'memory',
    server: 'https://127.0.0.1:1',
    kubeconfig: undefined,
    writes: [],
    forwards: [],
    closed: false,
    put,
    drop,
    all: (name) => [...objects.values()].filter((object) => object.kind === name),
    version: () => Promise.resolve('v1.35.0'),
    clockOffsetMs: () => Promise.resolve({ offsetMs: 0, boundMs: 1 }),
    get: <T extends KubeObject>(ref: ObjectRef) =>
      Promise.resolve((objects.get(keyOf(ref)) ?? null) as T | null),
    list: <T extends KubeObject>(of: KindRef, selection?: Selection) =>
      notServed(of)
        ? Promise.reject(new ApiError(`list ${of.kind}: 404 NotFound`, 404, 'NotFound'))
        : Promise.resolve([...objects.values()].filter((object) => chosen(object, of, selection)) as T[]),
    apply: (object, { dryRun = false } = {}) => attempt(() => write('apply', object, dryRun)),
    create: (object) =>
      attempt(() => {
        if (objects.has(keyOf({ ...object.metadata, kind: object.kind })))
          throw new ApiError(`create ${object.kind}: 409 AlreadyExists`, 409, 'AlreadyExists');
        return write('create', object);
      }),
    patch: (ref) =>
      attempt(() => objects.get(keyOf(ref)) ?? raise(new ApiError('patch: 404 NotFound', 404, 'NotFound'))),
    remove: (ref) =>
      attempt(() => {
        cluster.writes.push(`remove ${ref.kind} ${ref.name}`);
        const there = objects.has(keyOf(ref));
        drop(ref);
        return there ? 'accepted' : 'absent';
      }),
    evict: () => Promise.resolve({ result: 'accepted', message: '' }),
    exec: () => Promise.resolve({ exitCode: 0, stdout: '', stderr: '' }),
    log: ({ pod }) => Promise.resolve(`last words of ${pod}\n`),
    followLog({ pod }, onLine, signal) {
      onLine(`${pod} speaks`);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        if (signal.aborted) resolve();
      });
    },
    portForward({ pod, port }) {
      cluster.forwards.push(`${pod}:${port}`);
      const close = () => {
        cluster.forwards.splice(cluster.forwards.indexOf(`${pod}:${port}`), 1);
        return Promise.resolve();
      };
      return Promise.resolve({ port: 40_000 + cluster.forwards.length, close });
    },
    watch<T extends KubeObject>(of: KindRef, selection: Selection, handlers: WatchHandlers<T>) {
      const listed = () => [...objects.values()].filter((object) => chosen(object, of, selection)) as T[];
      if (notServed(of))
        return {
          objects: () => [],
          synced: Promise.reject(new ApiError(`watch ${of.kind}: 404 NotFound`, 404, 'NotFound')),
          stop: () => undefined,
        };
      const watch = {
        of,
        selection,
        changed: (type: Change, object: KubeObject) => handlers.changed(type, object as T, false),
      };
      watches.add(watch);
      for (const object of listed()) watch.changed('ADDED', object);
      return { objects: listed, synced: Promise.resolve(), stop: () => void watches.delete(watch) };
    },
    may: (access) => Promise.resolve(options.refuses?.(access) !== true),
    serves: (of) => Promise.resolve(!notServed(of)),
    deletableKinds: () => Promise.resolve({ kinds, unknown: [] }),
    close: () => void (cluster.closed = true),
  };
  return cluster;
}

function raise(error: Error): never {
  throw error;
}

function attempt<T>(act: () => T): Promise<T> {
  return new Promise((resolve) => resolve(act()));
}

/** Controllers of a cluster where everything works at once. `image` decides what a container's image comes to. */
export function obliging(
  image: (name: string) => { waiting?: { reason: string; message: string } } = () => ({}),
): NonNullable<MemoryOptions['react']> {
  return (cluster, type, object) => {
    const { name, namespace = '', uid = '' } = object.metadata;
    if (type !== 'ADDED') return;
    if (object.kind === 'Namespace')
      cluster.put({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'default', namespace: name },
      });
    if (object.kind === 'Service')
      cluster.put({
        ...object,
        spec: { ...record(object['spec']), clusterIP: `10.0.0.${cluster.all('Service').length}` },
      });
    if (object.kind === 'Pod' && object['status'] === undefined) {
      const [container] = listOf(record(object['spec'])['containers']);
      const { waiting } = image(String(record(container)['image']));
      const containerStatuses = [
        waiting
          ? { name: 'image', imageID: '', state: { waiting } }
          : { name: 'image', imageID: 'sha256:1', state: {} },
      ];
      cluster.put({ ...object, status: { containerStatuses } });
    }
    if (object.kind !== 'Deployment') return;
    const spec = record(object['spec']);
    const replicas = typeof spec['replicas'] === 'number' ? spec['replicas'] : 1;
    const labels = record(record(record(spec['template'])['metadata'])['labels']) as Record<string, string>;
    const pods = Array.from({ length: replicas }, (_, i) => `${name}-${i}`);
    for (const [i, pod] of pods.entries())
      cluster.put(runningPod({ name: pod, namespace, labels, owner: uid, ip: `10.1.0.${i + 1}`, object }));
    for (const service of cluster.all('Service')) {
      const selector = Object.entries(record(record(service['spec'])['selector']));
      if (selector.every(([key, value]) => labels[key] === value))
        cluster.put(slice(service.metadata.name, namespace, pods));
    }
    cluster.put({
      ...object,
      status: { observedGeneration: 1, updatedReplicas: replicas, availableReplicas: replicas },
    });
  };
}

export function slice(service: string, namespace: string, pods: readonly string[]): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-1`, namespace, labels: { 'kubernetes.io/service-name': service } },
    ports: [{ name: 'http', port: 8080 }],
    endpoints: pods.map((pod) => ({ conditions: { ready: true }, targetRef: { kind: 'Pod', name: pod } })),
  };
}

function runningPod(pod: {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  owner: string;
  ip: string;
  object: KubeObject;
}): KubeObject {
  const containers = listOf(podSpecOf(pod.object)?.['containers']).map((container) =>
    String(record(container)['name']),
  );
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, namespace: pod.namespace, labels: pod.labels },
    spec: { terminationGracePeriodSeconds: 30 },
    status: {
      phase: 'Running',
      podIP: pod.ip,
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: containers.map((name) => ({ name, imageID: 'sha256:1', state: { running: {} } })),
    },
  };
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
