/** For tests: a cluster in memory with three replicas and a store, whose pods, ports and answers the test decides. */
import { vi } from 'vitest';
import type { Located } from '../../manifests/located.ts';
import type { UndoAction } from '../../platform.ts';
import { ApiError } from '../cluster.ts';
import type { Cluster, Deployed, ExecResult, KindRef, KubeObject, ObjectRef, Selection } from '../cluster.ts';

const unused = () => Promise.reject(new Error('not in this fixture'));
const keyOf = ({ apiVersion, kind, namespace, name }: ObjectRef) =>
  [apiVersion, kind, namespace ?? '', name].join('|');

type Change = Record<string, unknown>;
const isRecord = (value: unknown): value is Change =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 7386. */
export function mergePatch(base: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Change = isRecord(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

export interface PodOptions {
  app?: string;
  node?: string;
  ready?: boolean;
  restarts?: number;
  owner?: string;
}

export class MemoryCluster implements Cluster {
  readonly context = 'test';
  readonly server = 'memory';
  readonly kubeconfig = undefined;
  readonly store = new Map<string, KubeObject>();
  /** Every call that changes something, in order: `create PodChaos x`. */
  readonly calls: string[] = [];
  /** What would be refused: called before every request. */
  refuse: (verb: string, what: string) => ApiError | undefined = () => undefined;
  /** Answers to programs run in pods. */
  run: (pod: string, command: readonly string[]) => Partial<ExecResult> | Promise<Partial<ExecResult>> =
    () => ({
      exitCode: 127,
    });
  /** Called after a change; plays the controllers. */
  react: (verb: string, object: KubeObject) => void = () => undefined;
  evictions: (pod: string) => 'accepted' | 'refused' | 'absent' = () => 'accepted';
  private count = 0;

  put(object: KubeObject): KubeObject {
    const metadata = { uid: `uid-${++this.count}`, resourceVersion: `${this.count}`, ...object.metadata };
    const stored = { ...object, metadata };
    this.store.set(keyOf(refIn(stored)), stored);
    return stored;
  }
  find(kind: string, name: string): KubeObject | undefined {
    return [...this.store.values()].find((object) => object.kind === kind && object.metadata.name === name);
  }
  drop(kind: string, name: string): void {
    const object = this.find(kind, name);
    if (object) this.store.delete(keyOf(refIn(object)));
  }
  private check(verb: string, what: string): void {
    const refusal = this.refuse(verb, what);
    if (refusal) throw refusal;
  }
  async get<T extends KubeObject>(ref: ObjectRef): Promise<T | null> {
    this.check('get', `${ref.kind} ${ref.name}`);
    return (this.store.get(keyOf(ref)) as T | undefined) ?? null;
  }
  async list<T extends KubeObject>(
    kind: { apiVersion: string; kind: string },
    { namespace, labelSelector }: Selection = {},
  ): Promise<T[]> {
    this.check('list', namespace === undefined ? kind.kind : `${kind.kind} in ${namespace}`);
    const [key = '', value] = (labelSelector ?? '').split('=');
    const found = [...this.store.values()].filter(
      (object) =>
        object.kind === kind.kind &&
        object.apiVersion === kind.apiVersion &&
        (namespace === undefined || object.metadata.namespace === namespace) &&
        (labelSelector === undefined || object.metadata.labels?.[key] === value),
    );
    return Promise.resolve(found as T[]);
  }
  async create(object: KubeObject): Promise<KubeObject> {
    const what = `${object.kind} ${object.metadata.name}`;
    this.check('create', what);
    if (this.store.has(keyOf(refIn(object))))
      throw new ApiError(`${what} is there already`, 409, 'AlreadyExists');
    this.calls.push(`create ${what}`);
    const stored = this.put(object);
    this.react('create', stored);
    return Promise.resolve(stored);
  }
  apply(object: KubeObject): Promise<KubeObject> {
    return this.create(object);
  }
  async patch(ref: ObjectRef, body: unknown, subresource?: string): Promise<KubeObject> {
    const what = `${ref.kind} ${ref.name}${subresource === undefined ? '' : `/${subresource}`}`;
    this.check('patch', what);
    const before = this.store.get(keyOf(ref));
    if (!before) throw new ApiError(`${what} is not there`, 404, 'NotFound');
    const uid = isRecord(body) && isRecord(body['metadata']) ? body['metadata']['uid'] : undefined;
    if (uid !== undefined && uid !== before.metadata.uid)
      throw new ApiError(`${what}: uid is immutable`, 422, 'Invalid');
    const version =
      isRecord(body) && isRecord(body['metadata']) ? body['metadata']['resourceVersion'] : undefined;
    if (version !== undefined && version !== before.metadata.resourceVersion)
      throw new ApiError(`${what}: the object has been modified`, 409, 'Conflict');
    this.calls.push(`patch ${what}`);
    const merged = mergePatch(before, body) as KubeObject;
    const after = { ...merged, metadata: { ...merged.metadata, resourceVersion: `${++this.count}` } };
    this.store.set(keyOf(ref), after);
    const unfinished = (after.metadata.finalizers?.length ?? 0) > 0;
    if (after.metadata.deletionTimestamp !== undefined && !unfinished) this.store.delete(keyOf(ref));
    this.react('patch', after);
    return Promise.resolve(after);
  }
  async remove(
    ref: ObjectRef,
    options: { uid?: string; graceSeconds?: number } = {},
  ): Promise<'accepted' | 'absent'> {
    this.check('remove', `${ref.kind} ${ref.name}`);
    const object = this.store.get(keyOf(ref));
    if (!object) return 'absent';
    if (options.uid !== undefined && options.uid !== object.metadata.uid)
      throw new ApiError(`${ref.kind} ${ref.name}: uid does not match`, 409, 'Conflict');
    const grace = options.graceSeconds === undefined ? '' : ` grace ${options.graceSeconds}`;
    this.calls.push(`remove ${ref.kind} ${ref.name}${grace}`);
    if ((object.metadata.finalizers?.length ?? 0) === 0) this.store.delete(keyOf(ref));
    else object.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    this.react('remove', object);
    return Promise.resolve('accepted');
  }
  async evict(namespace: string, pod: string) {
    this.check('evict', pod);
    const result = this.evictions(pod);
    this.calls.push(`evict ${pod}: ${result}`);
    const object = this.store.get(keyOf({ apiVersion: 'v1', kind: 'Pod', namespace, name: pod }));
    if (result === 'accepted' && object) {
      object.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
      this.react('evict', object);
    }
    const message =
      result === 'refused' ? "Cannot evict pod as it would violate the pod's disruption budget." : '';
    return Promise.resolve({ result, message });
  }
  async exec(target: { pod: string }, command: readonly string[]): Promise<ExecResult> {
    this.check('exec', target.pod);
    return { exitCode: 0, stdout: '', stderr: '', ...(await this.run(target.pod, command)) };
  }
  deletableKinds() {
    const seen = new Map<string, { apiVersion: string; kind: string; namespaced: boolean }>();
    for (const { apiVersion, kind, metadata } of this.store.values())
      seen.set(kind, { apiVersion, kind, namespaced: metadata.namespace !== undefined });
    return Promise.resolve({ kinds: [...seen.values()], unknown: [] as string[] });
  }
  version() {
    this.check('version', '');
    return Promise.resolve('v1.35.0');
  }
  may = () => Promise.resolve(true);
  serves: (kind: KindRef) => Promise<boolean> = () => Promise.resolve(true);
  clockOffsetMs = () => Promise.resolve({ offsetMs: 0, boundMs: 1_000 });
  log = unused;
  followLog = unused;
  portForward = unused;
  watch(): never {
    throw new Error('not in this fixture');
  }
  close(): void {}
}

function refIn({ apiVersion, kind, metadata }: KubeObject): ObjectRef {
  const { name, namespace } = metadata;
  return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
}

export const NAMESPACE = 'demo';
export const RUN = '20260101t000000-soak-1';

export interface Fixture {
  cluster: MemoryCluster;
  deployed: Deployed;
  /** Pods whose port refuses. */
  deaf: Set<string>;
  emitted: { kind: string; text?: string }[];
  journal: { open: Map<number, UndoAction>; all: UndoAction[] };
  abort: AbortController;
  pod(name: string, options?: PodOptions): KubeObject;
}

/** Three replicas `app-0..2`, each on a node of its own, and `store-0` on a fourth; Service `store` in front of it. */
export function makeFixture(): Fixture {
  const cluster = new MemoryCluster();
  const deaf = new Set<string>();
  const emitted: Fixture['emitted'] = [];
  const journal = { open: new Map<number, UndoAction>(), all: [] as UndoAction[] };
  const abort = new AbortController();
  let address = 10;
  const pod = (name: string, { app = 'app', node, ready = true, restarts = 0, owner }: PodOptions = {}) =>
    cluster.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: NAMESPACE,
        labels: { app },
        ...(owner !== undefined && { ownerReferences: [{ kind: owner, name: 'x', uid: 'x' }] }),
      },
      spec: {
        ...(node !== undefined && { nodeName: node }),
        containers: [{ name: 'main', ports: [{ containerPort: app === 'app' ? 8080 : 5432 }] }],
      },
      status: {
        phase: 'Running',
        podIP: `10.0.0.${address++}`,
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        containerStatuses: [{ name: 'main', restartCount: restarts }],
      },
    });
  for (const i of [0, 1, 2]) pod(`app-${i}`, { node: `node-${i}` });
  pod('store-0', { app: 'store', node: 'node-3' });
  for (const i of [0, 1, 2, 3])
    cluster.put({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `node-${i}` },
      spec: {},
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
  cluster.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'store', namespace: NAMESPACE },
    spec: { clusterIP: '10.96.0.7', selector: { app: 'store' }, ports: [{ port: 5432, protocol: 'TCP' }] },
  });
  cluster.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'app', namespace: NAMESPACE, generation: 1 },
    spec: { replicas: 3 },
    status: { observedGeneration: 1, updatedReplicas: 3, availableReplicas: 3 },
  });
  const ofKind = (kind: string) => [...cluster.store.values()].filter((object) => object.kind === kind);
  const deployed: Deployed = {
    cluster,
    runId: RUN,
    namespace: NAMESPACE,
    deployment: 'app',
    labels: { app: 'app' },
    replicas: 3,
    pods: () => ofKind('Pod'),
    nodes: () => ofKind('Node'),
    deploymentNow: () => cluster.find('Deployment', 'app'),
    connects: (object) => Promise.resolve(!deaf.has(object.metadata.name)),
    containerPort: 8080,
    emit: (event) => emitted.push(event),
    undo: {
      intent(action) {
        journal.all.push(action);
        journal.open.set(journal.all.length, action);
        return journal.all.length;
      },
      acted: (id, action) => journal.open.set(id, action),
      done: (id) => journal.open.delete(id),
    },
    nowMs: () => performance.now(),
    signal: abort.signal,
    attached: false,
  };
  return { cluster, deployed, deaf, emitted, journal, abort, pod };
}

/** Sets a pod's readiness and restarts as the kubelet would report them. */
export function setPod(
  cluster: MemoryCluster,
  name: string,
  { ready, restarts = 0 }: { ready: boolean; restarts?: number },
): void {
  const object = cluster.find('Pod', name);
  if (!object) throw new Error(`no pod ${name}`);
  object['status'] = mergePatch(object['status'], {
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    containerStatuses: [{ name: 'main', restartCount: restarts }],
  });
}

/** What `probe.ts` prints, for the endpoints that follow the program; `silent` ones cannot be connected to. */
export function contacts(
  command: readonly string[],
  { silent = () => false, ms = 1 }: { silent?: (host: string) => boolean; ms?: number } = {},
): Partial<ExecResult> {
  const first = command.findIndex((word) => /^\d+\.\d+\.\d+\.\d+$/.test(word));
  const words = first < 0 ? [] : command.slice(first);
  const lines = Array.from({ length: words.length / 2 }, (_, i) => {
    const [host = '', port = ''] = words.slice(2 * i, 2 * i + 2);
    return `${host} ${port} ${silent(host) ? 1 : 0} 100.00 ${(100 + ms / 1_000).toFixed(3)}`;
  });
  return { exitCode: 0, stdout: `${lines.join('\n')}\n` };
}

/** A value as if it had been read from a file. */
export function located(value: unknown): Located {
  const inner = Array.isArray(value)
    ? value.map(located)
    : typeof value === 'object' && value !== null
      ? new Map(
          Object.entries(value).flatMap(([key, below]) =>
            below === undefined ? [] : [[key, located(below)]],
          ),
        )
      : (value as string);
  return { file: 'chaos/x.yaml', line: 1, value: inner };
}

/** Lets fake time pass until it is settled. */
export async function settled<T>(promise: Promise<T>): Promise<T> {
  const state = { done: false };
  const watched = promise.finally(() => (state.done = true));
  watched.catch(() => undefined);
  for (let i = 0; i < 2_000 && !state.done; i++) await vi.advanceTimersByTimeAsync(100);
  return watched;
}
