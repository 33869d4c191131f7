/**
 * The store as the server sees it: a queue, two connections that commit it in groups, and a judgement whether the store is there.
 *
 * Group commit: while statements are under way the next group gathers; nobody lingers to make a group larger. A write is `stored`
 * only after its COMMIT. The store is suspected from the first statement that fails until something succeeds again; meanwhile every
 * write is refused at once, and fresh connections probe, because an old one may be dead without knowing it.
 */
import type { QueryConfig } from 'pg';
import { Connection } from './connection.ts';
import {
  clearFor,
  compareRows,
  createSchema,
  epochOf,
  epochToClear,
  insertStatement,
  SLOTS,
} from './schema.ts';
import type { Row } from './schema.ts';

/** `unavailable`: perhaps stored, perhaps not. `busy`: certainly not. */
export type WriteResult = 'stored' | 'unavailable' | 'busy';

export interface StoreOptions {
  url: string;
  /** Longest a statement or a connection attempt may take, milliseconds. */
  timeoutMs: number;
  /** Bodies are kept at least this long, milliseconds. */
  bodyKeepMs: number;
  log(text: string): void;
}

const LANES = 2;
const MAX_GROUP = 32;
const MAX_WAITING = 2_000;
const LOOK_EVERY_MS = 200;

interface Waiting {
  row: Row;
  settle(result: WriteResult): void;
}
/** A connection for writes; `busy` while it is opened or has a statement under way. */
interface Lane {
  connection: Connection | undefined;
  busy: boolean;
}

export class Store {
  readonly #options: StoreOptions;
  readonly #lanes: Lane[] = Array.from({ length: LANES }, () => ({ connection: undefined, busy: false }));
  readonly #timer: NodeJS.Timeout;
  #waiting: Waiting[] = [];
  #available = false;
  #hasSchema = false;
  #closed = false;
  #probing = 0;
  #succeededMs = 0;
  #clearedFor = 0;

  /** Starts looking for the store at once, and creates its tables when it is found. */
  constructor(options: StoreOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  /** False before the tables are there, and from a statement that failed until one succeeds. */
  get available(): boolean {
    return this.#available;
  }

  write(row: Row): Promise<WriteResult> {
    if (!this.#available) return Promise.resolve('unavailable');
    if (this.#waiting.length >= MAX_WAITING) return Promise.resolve('busy');
    return new Promise((settle) => {
      this.#waiting.push({ row, settle });
      this.#pump();
    });
  }

  /** Answers everything that waits and is not yet on its way to the store. */
  settleWaiting(result: WriteResult): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const write of waiting) write.settle(result);
  }

  close(): void {
    this.#closed = true;
    this.#available = false;
    clearInterval(this.#timer);
    this.settleWaiting('unavailable');
    for (const lane of this.#lanes) lane.connection?.destroy();
  }

  /** Gives what waits to the connections that are free. */
  #pump(): void {
    for (const lane of this.#lanes) {
      if (this.#waiting.length === 0) return;
      if (!lane.busy && lane.connection !== undefined) void this.#commit(lane, lane.connection);
    }
  }

  async #commit(lane: Lane, connection: Connection): Promise<void> {
    lane.busy = true;
    while (this.#waiting.length > 0 && connection.lost === undefined) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      if (group.length > 1) group.sort((a, b) => compareRows(a.row, b.row));
      const slot = epochOf(Date.now(), this.#options.bodyKeepMs) % SLOTS;
      const statement = insertStatement(
        slot,
        group.map(({ row }) => row),
      );
      const stored = await this.#run(connection, statement);
      for (const write of group) write.settle(stored ? 'stored' : 'unavailable');
    }
    lane.busy = false;
  }

  /** Runs a statement and draws the conclusion about the store. */
  async #run(connection: Connection, query: QueryConfig): Promise<boolean> {
    try {
      await connection.query(query, this.#options.timeoutMs);
      this.#succeed();
      return true;
    } catch (error) {
      this.#suspect(error);
      return false;
    }
  }

  #succeed(): void {
    this.#succeededMs = performance.now();
    if (this.#available || this.#closed) return;
    this.#available = true;
    this.#options.log('the store is available');
    for (const lane of this.#lanes) if (lane.connection === undefined) void this.#connect(lane);
  }

  #suspect(error: unknown): void {
    if (!this.#available) return;
    this.#available = false;
    this.#options.log(`the store is suspected: ${error instanceof Error ? error.message : String(error)}`);
    this.settleWaiting('unavailable');
    for (const lane of this.#lanes) if (!lane.busy) lane.connection?.destroy();
    this.#look();
  }

  async #connect(lane: Lane): Promise<void> {
    if (lane.busy) return;
    lane.busy = true;
    try {
      const connection = await Connection.open(this.#options.url, this.#options.timeoutMs);
      lane.connection = connection;
      connection.onLost = () => {
        lane.connection = undefined;
        if (this.#available) void this.#connect(lane);
      };
      if (this.#closed) connection.destroy();
    } catch (error) {
      this.#suspect(error);
    }
    lane.busy = false;
    this.#pump();
  }

  /** Five times a second: is a store that nobody uses still there, is a suspected one back, is a table to be cleared? */
  #look(): void {
    if (!this.#available) {
      // Several at once, since one that was started during a cut may wait for its whole time limit; but only one creates tables.
      if (this.#hasSchema || this.#probing === 0) void this.#probe();
      return;
    }
    void this.#clearAhead();
    if (performance.now() - this.#succeededMs < LOOK_EVERY_MS) return;
    for (const lane of this.#lanes) {
      if (lane.busy) continue;
      if (lane.connection === undefined) void this.#connect(lane);
      else void this.#ask(lane, lane.connection);
    }
  }

  async #ask(lane: Lane, connection: Connection): Promise<void> {
    lane.busy = true;
    await this.#run(connection, { text: 'SELECT 1' });
    lane.busy = false;
    this.#pump();
  }

  async #probe(): Promise<void> {
    this.#probing += 1;
    let connection: Connection | undefined;
    try {
      connection = await Connection.open(this.#options.url, this.#options.timeoutMs);
      await connection.query({ text: 'SELECT 1' }, this.#options.timeoutMs);
      if (!this.#hasSchema) await createSchema(connection);
      this.#hasSchema = true;
      this.#succeed();
    } catch (error) {
      // As long as it has never been seen, its absence may be a mistake in the settings: say why.
      if (!this.#hasSchema && !this.#closed) this.#options.log(`no store yet: ${String(error)}`);
    } finally {
      connection?.destroy();
      this.#probing -= 1;
    }
  }

  async #clearAhead(): Promise<void> {
    const epoch = epochToClear(Date.now(), this.#options.bodyKeepMs);
    if (epoch === null || epoch === this.#clearedFor) return;
    const before = this.#clearedFor;
    this.#clearedFor = epoch; // not again while this one is under way
    let connection: Connection | undefined;
    try {
      connection = await Connection.open(this.#options.url, this.#options.timeoutMs);
      await clearFor(epoch, connection);
    } catch {
      this.#clearedFor = before;
    } finally {
      connection?.destroy();
    }
  }
}
