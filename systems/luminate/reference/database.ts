/** What the server asks of its store, whichever database it is: the URL's scheme chooses (databases.ts). */
import type { Metric } from './validate.ts';

/** One write, ready to be stored. */
export interface Row {
  runId: string;
  runner: string;
  vu: number;
  n: number;
  /** 0, unless a defect wants the same write stored again. */
  attempt: number;
  /** Accepted metrics. */
  points: number;
  metrics: readonly Metric[];
  /** What was received, all metrics included; from `Database.pack` on what is stored of it. */
  body: Buffer;
}

/** A way to the database that cannot hang: what takes longer than allowed ends with the connection lost. */
export interface StoreConnection {
  /** Set for good when the connection has ended, whoever ended it. */
  readonly lost: Error | undefined;
  /** Called once when it ends. */
  onLost: (() => void) | undefined;
  /** Rows as `pack` made them. Resolves when all of them are stored. Rejects when that is not certain; then perhaps all are, perhaps none. */
  insert(rows: readonly Row[]): Promise<void>;
  /** Rejects when nobody answers. */
  ask(): Promise<void>;
  /** Creates what is not there yet, also when several processes do it at once. */
  createSchema(): Promise<void>;
  /** At once, also with a statement under way, whose outcome then is unknown. */
  destroy(): void;
}

export interface Database {
  kind: 'postgres' | 'clickhouse';
  /** Connections that write at the same time, and what one insert may hold. */
  lanes: number;
  maxWrites: number;
  maxPoints: number;
  /** On one connection, from the beginning of an insert to that of the next, at least, milliseconds: what is written meanwhile goes together. */
  insertEveryMs: number;
  /** The row as it waits for its insert: nothing is kept that is not stored. */
  pack(row: Row): Row;
  /** A connection whose far end has answered. Rejects, with nothing left open, when there is none in time. */
  open(): Promise<StoreConnection>;
  /** Removes what is no longer kept, when it is time. Never rejects. */
  tidy(): Promise<void>;
  /** Metrics of a run, those of a repeated write once. Rejects when the store does not answer in time, milliseconds. */
  countPoints(runId: string, timeoutMs: number): Promise<number>;
}

export interface DatabaseOptions {
  url: string;
  /** Longest a statement or a connection attempt may take, milliseconds. */
  timeoutMs: number;
  /** PostgreSQL only: bodies are kept at least this long, milliseconds. */
  bodyKeepMs: number;
}
