/**
 * What a folder of `systems/` exports as `contract` (file `contract.ts`): how a client talks to the system, how what
 * it holds is read back, what stands behind it, and what the local platform starts in place of its images. Nothing here knows a platform.
 */
import type { ImageRecipe } from './image.ts';

/** Identities the system holds: every n from `from` to `to` of one virtual user, `copies` times each. */
export interface StoredRange {
  runner: string;
  vu: number;
  from: number;
  to: number;
  copies: number;
  /**
   * Absent: whole, and where queries find them. `part`: some of each is there, and not all; never more than one copy. `dead`: whole, and kept
   * among the dead letters.
   */
  form?: 'part' | 'dead';
}

/** What has become of each write from `from` to `to` of one virtual user: see `Contract.states`. */
export interface StateRange extends Omit<StoredRange, 'copies' | 'form'> {
  state: string;
}

export type StoreKind = 'postgres' | 'kafka' | 'clickhouse';

/** How a write ended; see `record/ledger.ts`. */
export type WriteOutcome = 'A' | 'F' | 'U';

export interface WriteIdentity {
  runner: string;
  vu: number;
  n: number;
}

export interface Contract {
  /**
   * Environment of the k6 script that depends on the system: address, token, path. `secrets` is what the manifests' Secrets hold, by
   * key; `sensitive` are the values that must never be written down.
   */
  loadEnv(options: { url: string; runId: string; secrets: Record<string, string> }): {
    env: Record<string, string>;
    sensitive: string[];
  };
  /** One small write through one pod. Never throws; `serves` is whether a client would call it success. */
  probeWrite(options: {
    url: string;
    runId: string;
    secrets: Record<string, string>;
    id: WriteIdentity;
    timeoutMs: number;
  }): Promise<{ serves: boolean; outcome: WriteOutcome; status: number; detail: string }>;
  /**
   * Everything the system holds of this run, in bulk, straight from its store. Throws when it cannot be read whole. `pointsPerWrite`: of each
   * runner, by name. With fewer a write is not whole, whatever the system itself has counted; a runner that is not in it is taken at its word.
   */
  readBack(options: {
    storeEnv: Record<string, string>;
    runId: string;
    pointsPerWrite?: ReadonlyMap<string, number>;
  }): AsyncIterable<StoredRange>;
  /**
   * For systems whose writes live on: everything of this run has exactly one state, read in bulk like the above. States are words; those of
   * `kept` keep what was promised when the write was acknowledged, those of `broken` do not.
   */
  states?: {
    kept: readonly string[];
    broken: readonly string[];
    read(options: { storeEnv: Record<string, string>; runId: string }): AsyncIterable<StateRange>;
  };
  /** Points of this run as the system's own query API counts them, or null when it has no such query: a second opinion. */
  countPoints(options: {
    url: string;
    runId: string;
    secrets: Record<string, string>;
  }): Promise<number | null>;
  /** Names for `--defect`, each with what it does. Only the reference system has any. */
  defects: Record<string, string>;
  /** Images that Proofload builds for a cluster without a registry; absent when a registry has all that the manifests name. */
  images?: readonly ImageRecipe[];
  /**
   * Containers of the manifests that run this system's own programs. The first serves the load: its Deployment is the one under test. A
   * defect is switched on in all of them.
   */
  containers: readonly [string, ...string[]];
  /**
   * What stands behind the system, by the variable that gives one of `containers` its address, as a URL. The read-back gets all of them. On a
   * cluster without a registry Proofload builds their images. `withOverlay`: the kind that an overlay puts in its place; a cluster has the
   * objects for it from `reference/overlays/<overlay>.yaml`.
   */
  stores: Readonly<Record<string, { kind: StoreKind; withOverlay?: Readonly<Record<string, StoreKind>> }>>;
  /** Absent: it runs on a cluster only. The local platform starts no other store than one PostgreSQL. */
  local?: {
    /** By container name: the program of this folder (TypeScript, built with the rest) that stands in for the image. */
    containers: Record<string, { entry: string }>;
  };
}
