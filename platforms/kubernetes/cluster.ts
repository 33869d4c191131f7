/**
 * The one door to a cluster, as this folder sees it. `client.ts` opens it with a kubeconfig; tests open it to a server of their own.
 * Every call is bounded in time, and every refusal is an `ApiError` whose message is one line naming verb, object and reason.
 */
import type { Emit, UndoJournal } from '../platform.ts';

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
}

/** An object as the API gives it; what is behind `spec` and `status` is read by whoever knows the kind. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface KindRef {
  /** `v1`, `apps/v1`, `chaos-mesh.org/v1alpha1`. */
  apiVersion: string;
  kind: string;
}

export interface ObjectRef extends KindRef {
  name: string;
  /** Absent for what belongs to no namespace. */
  namespace?: string;
}

export interface Selection {
  /** Absent: all namespaces. */
  namespace?: string;
  /** `app=luminate,proofload.dev/run=x` */
  labelSelector?: string;
  fieldSelector?: string;
}

/** The API said no, or nothing. `status` is the HTTP code, 0 when no answer came. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** `status.reason` of the answer: NotFound, Forbidden, AlreadyExists, Conflict, Invalid, TooManyRequests, ... */
  readonly reason: string;
  constructor(message: string, status: number, reason: string, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.reason = reason;
  }
}

export interface ExecResult {
  /** Null when the connection ended before the command did. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A copy of one kind of objects, kept up to date by a watch that is restarted whatever happens to it. */
export interface Watched<T extends KubeObject = KubeObject> {
  /** As last heard of; empty before `synced`. */
  objects(): T[];
  /** Resolves with the first list. Rejects when that is refused (rights, unknown kind) or the signal is aborted. */
  synced: Promise<void>;
  /** No event and no gap is told after this. */
  stop(): void;
}

export interface WatchHandlers<T extends KubeObject> {
  /** In order, one at a time; `DELETED` also for what a relist no longer finds. `relisted`: it may have changed at any time in the last gap. */
  changed(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T, relisted: boolean): void;
  /** Nothing was heard from `fromMs` to `toMs` on the run's clock. Told when it is over, and at `stop` when it still lasts. */
  gap(fromMs: number, toMs: number, why: string): void;
}

export interface Cluster {
  /** Name of the kubeconfig's context. */
  readonly context: string;
  /** Address of the API server. */
  readonly server: string;
  /** Absolute path of the kubeconfig, for the undo journal; undefined = the credentials of the pod it runs in. */
  readonly kubeconfig: string | undefined;
  /** `v1.35.8` */
  version(): Promise<string>;
  /** API server's clock minus this machine's, milliseconds, and how far off that can be (half a round trip + 1 s: the Date header counts seconds). */
  clockOffsetMs(): Promise<{ offsetMs: number; boundMs: number }>;
  /** Null when there is none of that name. */
  get<T extends KubeObject = KubeObject>(ref: ObjectRef): Promise<T | null>;
  list<T extends KubeObject = KubeObject>(kind: KindRef, selection?: Selection): Promise<T[]>;
  /** Server-side apply, field manager `proofload`, forced. `dryRun`: the API checks it and changes nothing. */
  apply(object: KubeObject, options?: { dryRun?: boolean }): Promise<KubeObject>;
  /** Plain create; 409 (ApiError, reason AlreadyExists) when it is there. */
  create(object: KubeObject): Promise<KubeObject>;
  /** JSON merge patch (RFC 7386); null removes a field. `subresource`: `status`, `scale`. */
  patch(ref: ObjectRef, body: unknown, subresource?: string): Promise<KubeObject>;
  /** Resolves when the deletion is accepted; `absent` when there was nothing. Foreground-free: dependants follow in the background. */
  remove(ref: ObjectRef, options?: { graceSeconds?: number; uid?: string }): Promise<'accepted' | 'absent'>;
  /** Eviction API, policy/v1. `refused` = 429, with the API's words. */
  evict(
    namespace: string,
    pod: string,
  ): Promise<{ result: 'accepted' | 'refused' | 'absent'; message: string }>;
  /** Runs a program inside a container. */
  exec(
    target: { namespace: string; pod: string; container?: string },
    command: readonly string[],
    options: { timeoutMs: number },
  ): Promise<ExecResult>;
  /** A container's log, at most `limitBytes` of its end. */
  log(
    target: { namespace: string; pod: string; container?: string; previous?: boolean },
    limitBytes: number,
  ): Promise<string>;
  /** Follows a log line by line from its beginning until the container ends or `signal` is aborted; reconnects where it broke off. */
  followLog(
    target: { namespace: string; pod: string; container?: string },
    onLine: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * A listener on 127.0.0.1 that leads to the pod's port through the API server. `unasked` is told, before the connection is reset, of each
   * one that the API server did not carry to the pod: what came back then says nothing of the pod.
   */
  portForward(target: {
    namespace: string;
    pod: string;
    port: number;
    unasked?: (why: string) => void;
  }): Promise<{ port: number; close(): Promise<void> }>;
  watch<T extends KubeObject = KubeObject>(
    kind: KindRef,
    selection: Selection,
    handlers: WatchHandlers<T>,
  ): Watched<T>;
  /** Whether these credentials may do that (SelfSubjectAccessReview). */
  may(access: Access): Promise<boolean>;
  /** Whether the cluster serves that kind. */
  serves(kind: KindRef): Promise<boolean>;
  /** Kinds that can be listed and deleted, for a sweep by label; those of a group that does not answer are left out and named. */
  deletableKinds(): Promise<{ kinds: (KindRef & { namespaced: boolean })[]; unknown: string[] }>;
  close(): void;
}

/** One right, in the words of RBAC. */
export interface Access {
  verb: string;
  /** Empty for the core group. */
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
}

/** What a running deployment shares with the faults aimed at it. */
export interface Deployed {
  cluster: Cluster;
  runId: string;
  /** The namespace everything is in. */
  namespace: string;
  /** The Deployment under test. */
  deployment: string;
  /** Labels its pods have. */
  labels: Record<string, string>;
  replicas: number;
  /** Pods of the namespace as last heard of, terminating ones included. */
  pods(): KubeObject[];
  nodes(): KubeObject[];
  deploymentNow(): KubeObject | undefined;
  /** Opens a TCP connection to a port of a pod from the harness's side; false when refused or silent for `timeoutMs`. */
  connects(pod: KubeObject, port: number, timeoutMs: number): Promise<boolean>;
  /** Port the workload's containers listen on. */
  containerPort: number;
  emit: Emit;
  undo: UndoJournal;
  nowMs: () => number;
  signal: AbortSignal;
  /** True when the system was there before (`--attach`). */
  attached: boolean;
}
