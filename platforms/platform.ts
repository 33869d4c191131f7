/**
 * A platform runs a system and breaks it on request. `harness/` knows only this interface; `local/` plays the
 * manifests with processes, `kubernetes/` asks a cluster's API.
 */
import type { Disturbance, Event, PlannedFault, Workload } from '../record/model.ts';

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
  | { kind: 'shared-memory'; what: string; id?: number };

/**
 * The undo journal: `intent` is on disk before the deed, `acted` adds what only the deed can know (a pid), `done` when it is undone.
 * Every call is flushed to disk before it returns.
 */
export interface UndoJournal {
  intent(action: UndoAction): number;
  acted(id: number, action: UndoAction): void;
  done(id: number): void;
}

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
  undo: UndoJournal;
  /** Aborted on Ctrl-C and on a crash: waits end, `remove` still works. */
  signal: AbortSignal;
}

/** A disturbance of the scenario that is a Chaos Mesh object. */
export interface ChaosUse {
  /** Of the disturbance. */
  name: string;
  /** File of `chaos/` without its ending. */
  chaos: string;
  forMs?: Disturbance['forMs'];
}

export interface Prepared {
  workload: Workload;
  /** By name of the disturbance: `spec.duration` of its file, the length of the fault where the scenario gives none. Only of faults that last. */
  durationsMs: Record<string, number>;
}

export interface Platform {
  readonly name: 'local' | 'kubernetes';
  /** Reads and checks manifests and chaos objects; starts nothing. Throws UsageError. */
  prepare(
    options: Pick<DeployOptions, 'systemDir' | 'overlay' | 'defect'> & {
      /** What the run will use, to be refused now rather than in the middle. */
      faults: readonly ChaosUse[];
    },
  ): Promise<Prepared>;
  /**
   * Starts everything; resolves when every replica is Ready and in the endpoints. Rejects with the reason and the log's tail:
   * UsageError when this machine cannot run it, an error named AbortError when the signal was aborted.
   */
  deploy(options: DeployOptions): Promise<void>;
  /** `http://host:port` of the Service, where the load goes. */
  loadUrl(): string;
  pods(): PodView[];
  /** Seconds a replica has from SIGTERM on etc. are in Workload; this chooses targets with `random` (0..1, seeded). */
  fault(planned: PlannedFault, random: () => number): Promise<PreparedFault>;
  /** Process ids by group for CPU accounting: `pods`, `store`, `network` (balancer and proxies). Empty for a cluster. */
  processGroups(): Record<string, number[]>;
  /** What this platform can say of the store for the read-back: environment the contract's reader needs. */
  storeEnv(): Record<string, string>;
  /** What the manifests' Secrets hold, by key, for the contract's client. Never to be written down (`sensitive`). */
  secrets(): Record<string, string>;
  /** Every value that must never be written down: those of all Secrets from `prepare` on, and the store's password from `deploy` on, also when it failed. */
  sensitive(): string[];
  /** Takes everything down, gently then firmly; never throws; idempotent. */
  remove(): Promise<void>;
}
