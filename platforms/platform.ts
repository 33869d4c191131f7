/**
 * A platform runs a system and breaks it on request. `harness/` knows only this interface; `local/` plays the
 * manifests with processes, `kubernetes/` asks a cluster's API.
 */
import type { HpaSpec } from '../analysis/hpa/types.ts';
import type { Disturbance, Event, EventOf, Plan, PlannedFault, Scenario, Workload } from '../record/model.ts';
import type { Redact } from '../record/writer.ts';

/** Everything a platform tells of itself goes into the history through this; `at` is filled in by the recorder. */
export type Emit = (event: DistributiveOmit<Event, 'at'> & { at?: number }) => void;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Registered in `undo.jsonl` before the deed, so that `proofload heal` can take it back from a cold start. */
export type UndoAction =
  /** A process started with PROOFLOAD_RUN=<run id> in its environment; `startTicks` (/proc/<pid>/stat field 22) tells a reused pid apart. */
  | { kind: 'process'; what: string; pid?: number; startTicks?: number }
  /** A folder made outside the run directory. */
  | { kind: 'directory'; path: string }
  /** System V shared memory of a database server that may not live to remove it; id as in `ipcs -m`. */
  | { kind: 'shared-memory'; what: string; id?: number }
  /** Objects in a cluster that carry the run's label (platforms/kubernetes/labels.ts); one entry stands for all of them. `namespace` is where credentials that may not look everywhere look for them. */
  | {
      kind: 'cluster';
      what: string;
      kubeconfig?: string;
      context: string;
      server?: string;
      namespace?: string;
    }
  /** A change to an object that was there before: `patch` is the JSON merge patch that takes it back, `annotation` aside. */
  | {
      kind: 'restore';
      what: string;
      kubeconfig?: string;
      context: string;
      /** Address of its API server: a context of that name may lead elsewhere by the time it is taken back. */
      server?: string;
      ref: { apiVersion: string; kind: string; name: string; namespace?: string };
      patch: Record<string, unknown>;
    };

/**
 * The undo journal: `intent` is on disk before the deed, `acted` adds what only the deed can know (a pid), `done` when it is undone.
 * Every call is flushed to disk before it returns.
 */
export interface UndoJournal {
  intent(action: UndoAction): number;
  acted(id: number, action: UndoAction): void;
  done(id: number): void;
}

/**
 * Who of this machine's processes belongs to a run, by group: their ids (children count with them), or, where processes come and go too
 * fast to be counted one by one, what the kernel charges to all of them: CPU time so far, and memory now.
 */
export type CpuGroups = Record<string, readonly number[] | { cpuSeconds: number; rssMb: number }>;

export interface PodView {
  name: string;
  uid: string;
  ready: boolean;
  terminating: boolean;
  /** `http://host:port` of this pod alone, past the Service. */
  url: string;
}

/** What a fault's probe sees now. `elsewhere` names an untouched part that is affected too. */
export interface FaultObservation {
  acting: boolean;
  elsewhere?: string;
  detail: string;
}

/** A fault that has been prepared: targets chosen, nothing touched yet. */
export interface PreparedFault {
  targets: string[];
  /** The effect in words, e.g. "partition luminate -> store, both directions, 3 of 3 pods". */
  detail: string;
  /** How many ends of a target's containers, which come back in the same pod, are its own doing; absent: none. */
  restartsEach?: number;
  /** How long it may take from `inject` until its probe sees it act, where that is known to be longer than usual, milliseconds. */
  actsWithinMs?: number;
  inject(): Promise<void>;
  /** Idempotent; also for a fault that ends by itself (then it waits for that end). */
  heal(): Promise<void>;
  /** Read-only, from the data plane (a connection, a process table), never from the fault's own bookkeeping. */
  observe(): Promise<FaultObservation>;
}

export interface DeployOptions {
  runId: string;
  /** Folder of the system: manifests/, overlays/, contract. */
  systemDir: string;
  overlay?: string;
  /** Switched on in the reference system; passed to its processes. */
  defect?: string;
  /** The run's evidence/, for the manifests and for logs of pods and stores; exists. */
  evidenceDir: string;
  emit: Emit;
  /** For each line of a log that passes through here; of what processes write themselves, secrets are taken out at the end of the run. */
  redact: Redact;
  undo: UndoJournal;
  /** For a platform that plays the HPA itself; absent: its replicas stay as they are. A cluster has a controller of its own. */
  autoscale?: Scenario['autoscale'];
  /** Milliseconds since the start of the run, monotonic. */
  nowMs: () => number;
  /** Aborted on Ctrl-C and on a crash: waits end, `remove` still works. */
  signal: AbortSignal;
}

/** A disturbance as far as a platform has to know it before the start. */
export type FaultUse = Pick<Disturbance, 'name' | 'fault' | 'forMs'>;

/** What the platform needs and does not have, found after the start: the run is `invalid`, and what was made is taken down. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
}

export interface Prepared {
  workload: Workload;
  /** By name of the disturbance: `spec.duration` of its file, the length of the fault where the scenario gives none. Only of faults that last. */
  durationsMs: Record<string, number>;
  /** By name of the disturbance: why it cannot be played here, known before the start. It is left out, and its checks are `not_run`. */
  notRun: Record<string, string>;
  /** From the start of a container to its open listener, milliseconds, for planning. */
  startMs: number;
  /** From injecting a fault that lasts until all of it acts, and again from healing it until all of it is gone, milliseconds. */
  faultLagMs: number;
  /** Of a workload that is scaled: the longest legal way back to the minimum after a load has ended, milliseconds. */
  scaleBackMs?: number;
}

/** A load from inside the cluster: k6 runners that share one schedule and are released together. */
export interface RunnersRequest {
  count: number;
  kind: NonNullable<Plan['runners']>['kind'];
  /** The bundled script itself, not its path. */
  scriptJs: string;
  /** Base name: the runners are `<runner>-1`, `<runner>-2`, ... */
  runner: string;
  filesOf: (runner: string) => { ledgerFile: string; logFile: string; summaryFile: string };
  /** For each line of a runner's log that is not of its ledger. */
  redact: Redact;
  /** What the script needs beyond what is here: URL, TOKEN, POINTS, TIMEOUT_MS. */
  env: Record<string, string>;
  /** Of all runners together. */
  ratePerS: number;
  vus: number;
  forMs: number;
  /** Writes that ended in one second since the start of the schedule, of all runners. */
  onSecond: (second: {
    second: number;
    acked: number;
    failed: number;
    unknown: number;
    p50Ms: number | null;
    p99Ms: number | null;
  }) => void;
}

/** How a k6 ended, as the history tells it. */
export type RunnerEnd = Omit<EventOf<'load.ended'>, 'at' | 'kind' | 'runner'>;

export interface StartedRunners {
  runners: readonly {
    runner: string;
    /** Its share. */
    ratePerS: number;
    /** Largest number of a virtual user. */
    vus: number;
    /** Start of its schedule, milliseconds since the Unix epoch by this machine's clock; null when it wrote nothing. */
    anchorWallMs: Promise<number | null>;
    /** Resolves when it is gone and its ledger is as whole as it will be; never rejects. */
    ended: Promise<RunnerEnd>;
  }[];
  /** Resolves when all have ended and nothing of them is left; never rejects. */
  ended: Promise<RunnerEnd>;
  /** Ends them now. Idempotent, never rejects. */
  stop(): Promise<void>;
}

/** What the autoscaler of the workload works with: for a load that is to move it. */
export interface Scaling {
  /** As it is in force. */
  spec: HpaSpec;
  /** CPU of one pod, all of its containers; the limit null where one has none. */
  requestMilli: number;
  limitMilli: number | null;
  /** By pod, as the metrics API has it now: a mean over `windowMs` that ended at `atMs` of the run's clock. Empty while a pod has none. */
  cpu: readonly { pod: string; usageMilli: number; atMs: number; windowMs: number }[];
}

/** A Prometheus that scrapes every pod of the system under test, found the way this platform finds pods. */
export interface PrometheusRequest {
  /** Text of `prometheus.yml` without `scrape_configs` and `alerting`: intervals and `rule_files: [rules/*.yaml]`. */
  config: string;
  /** By file name in `rules/`. */
  rules: Readonly<Record<string, string>>;
  scrapeIntervalMs: number;
  /** Flags beyond those that the platform needs itself (storage, address). */
  flags: readonly string[];
  /** Path of the program, for a platform that runs it as a process; builds it once where it is not there. */
  binary: () => Promise<string>;
  /** `http://127.0.0.1:port` of an Alertmanager-shaped receiver in this process. */
  receiverUrl: string;
}

export interface StartedPrometheus {
  /** `http://host:port` of its API, reachable from here as long as it runs. */
  url: string;
  /** Whether its notifications reach the receiver. */
  notifies: boolean;
  version: string;
  /** Why it is gone, where it ended by itself; null while it runs. */
  ended(): string | null;
  /** Idempotent, never rejects. */
  stop(): Promise<void>;
}

export interface Platform {
  readonly name: 'local' | 'kubernetes';
  /** Reads and checks manifests and chaos objects; starts nothing. Throws UsageError. */
  prepare(
    options: Pick<DeployOptions, 'systemDir' | 'overlay' | 'defect' | 'autoscale'> & {
      /** What the run will use, to be refused now rather than in the middle. */
      faults: readonly FaultUse[];
      /** The load is to come from inside: see `startRunners`. */
      runners?: Plan['runners'];
      /** A Prometheus is to watch it: see `startPrometheus`. */
      prometheus?: boolean;
    },
  ): Promise<Prepared>;
  /** After `prepare`: where a run would take place and whom its faults would hit, and of `everything` also what it would create; one line each, nothing is changed. */
  preview?(faults: readonly PlannedFault[], of: 'faults' | 'everything'): Promise<string[]>;
  /**
   * Starts everything; resolves when every replica is Ready and in the endpoints. Rejects with the reason and the log's tail:
   * UsageError when this machine cannot run it, an error named AbortError when the signal was aborted.
   */
  deploy(options: DeployOptions): Promise<void>;
  /** `http://host:port` of the Service, where the load goes. With runners that is its address inside the cluster. */
  loadUrl(): string;
  /**
   * Only where `prepare` was told of runners; resolves when all were released. Rejects with UsageError for what cannot be run, with CannotRun,
   * naming the runner, when one does not come up, and with an AbortError when the run was ended meanwhile; nothing of them is left then.
   */
  startRunners?(request: RunnersRequest): Promise<StartedRunners>;
  pods(): PodView[];
  /** Seconds a replica has from SIGTERM on etc. are in Workload; this chooses targets with `random` (0..1, seeded). */
  fault(planned: PlannedFault, random: () => number): Promise<PreparedFault>;
  /** Null when no HPA scales the workload on CPU. */
  scaling?(): Promise<Scaling | null>;
  /**
   * After `deploy`. Resolves when it is ready; rejects with CannotRun, with its own words, when it does not come up, and with UsageError when this
   * machine cannot have one. Pods get the labels namespace, pod, app and job="pods" that the Prometheus of `proofload up` gives them.
   */
  startPrometheus(request: PrometheusRequest): Promise<StartedPrometheus>;
  /** For CPU accounting: `pods`, `store`, `network` (balancer and proxies). Empty for a cluster that runs elsewhere. */
  processGroups(): CpuGroups;
  /** What this platform can say of the store for the read-back: environment the contract's reader needs. */
  storeEnv(): Record<string, string>;
  /** What the manifests' Secrets hold, by key, for the contract's client. Never to be written down (`sensitive`). */
  secrets(): Record<string, string>;
  /** Every value that must never be written down: those of all Secrets from `prepare` on, and the store's password from `deploy` on, also when it failed. */
  sensitive(): string[];
  /** Takes everything down, gently then firmly; never throws; idempotent. */
  remove(): Promise<void>;
}
