/**
 * The store as the server sees it: a queue, connections that commit it in groups, and a judgement whether the store is there.
 *
 * Group commit: while statements are under way the next group gathers, and no sooner than the database's `insertEveryMs` after the last one
 * began is it sent; the first write after a pause does not wait. A write is `stored` only after the database has said so. The store is suspected from the first statement that fails until something succeeds again; meanwhile every
 * write is refused at once, and fresh connections probe, because an old one may be dead without knowing it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Row, StoreConnection } from './database.ts';

/** `unavailable`: perhaps stored, perhaps not. `busy`: certainly not. */
export type WriteResult = 'stored' | 'unavailable' | 'busy';

const MAX_WAITING = 2_000;
const LOOK_EVERY_MS = 200;

interface Waiting {
  row: Row;
  settle(result: WriteResult): void;
}
/** A connection for writes; `busy` while it is opened, has a statement under way, or a group gathers for it. */
interface Lane {
  connection: StoreConnection | undefined;
  busy: boolean;
  /** Not before this moment of `performance.now()` the next insert. */
  nextMs: number;
}

export class Store {
  readonly #database: Database;
  readonly #log: (text: string) => void;
  readonly #lanes: Lane[];
  readonly #timer: NodeJS.Timeout;
  #waiting: Waiting[] = [];
  #available = false;
  #hasSchema = false;
  #closed = false;
  #probing = 0;
  #succeededMs = 0;

  /** Starts looking for the store at once, and creates its tables when it is found. */
  constructor(database: Database, log: (text: string) => void) {
    this.#database = database;
    this.#log = log;
    this.#lanes = Array.from({ length: database.lanes }, () => ({
      connection: undefined,
      busy: false,
      nextMs: 0,
    }));
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
      this.#waiting.push({ row: this.#database.pack(row), settle });
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

  async #commit(lane: Lane, connection: StoreConnection): Promise<void> {
    lane.busy = true;
    while (this.#waiting.length > 0 && connection.lost === undefined) {
      const nowMs = performance.now();
      if (nowMs < lane.nextMs) {
        await sleep(lane.nextMs - nowMs);
        continue; // what waited may have been settled meanwhile
      }
      lane.nextMs = nowMs + this.#database.insertEveryMs;
      const group = this.#takeGroup();
      const stored = await this.#run(connection.insert(group.map(({ row }) => row)));
      for (const write of group) write.settle(stored ? 'stored' : 'unavailable');
    }
    lane.busy = false;
  }

  /** What waits longest, as much as one insert may hold. */
  #takeGroup(): Waiting[] {
    const { maxWrites, maxPoints } = this.#database;
    let writes = 0;
    let points = 0;
    for (const { row } of this.#waiting) {
      points += row.points;
      if (writes === maxWrites || (writes > 0 && points > maxPoints)) break;
      writes += 1;
    }
    return this.#waiting.splice(0, writes);
  }

  /** Waits for a statement and draws the conclusion about the store. */
  async #run(statement: Promise<void>): Promise<boolean> {
    try {
      await statement;
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
    this.#log('the store is available');
    for (const lane of this.#lanes) if (lane.connection === undefined) void this.#connect(lane);
  }

  #suspect(error: unknown): void {
    if (!this.#available) return;
    this.#available = false;
    this.#log(`the store is suspected: ${error instanceof Error ? error.message : String(error)}`);
    this.settleWaiting('unavailable');
    for (const lane of this.#lanes) if (!lane.busy) lane.connection?.destroy();
    this.#look();
  }

  async #connect(lane: Lane): Promise<void> {
    if (lane.busy) return;
    lane.busy = true;
    try {
      const connection = await this.#database.open();
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

  /** Five times a second: is a store that nobody uses still there, is a suspected one back, is it time to tidy up? */
  #look(): void {
    if (!this.#available) {
      // Several at once, since one that was started during a cut may wait for its whole time limit; but only one creates tables.
      if (this.#hasSchema || this.#probing === 0) void this.#probe();
      return;
    }
    void this.#database.tidy();
    if (performance.now() - this.#succeededMs < LOOK_EVERY_MS) return;
    for (const lane of this.#lanes) {
      if (lane.busy) continue;
      if (lane.connection === undefined) void this.#connect(lane);
      else void this.#ask(lane, lane.connection);
    }
  }

  async #ask(lane: Lane, connection: StoreConnection): Promise<void> {
    lane.busy = true;
    await this.#run(connection.ask());
    lane.busy = false;
    this.#pump();
  }

  async #probe(): Promise<void> {
    this.#probing += 1;
    let connection: StoreConnection | undefined;
    try {
      connection = await this.#database.open();
      await connection.ask();
      if (!this.#hasSchema) await connection.createSchema();
      this.#hasSchema = true;
      this.#succeed();
    } catch (error) {
      // As long as it has never been seen, its absence may be a mistake in the settings: say why.
      if (!this.#hasSchema && !this.#closed) this.#log(`no store yet: ${String(error)}`);
    } finally {
      connection?.destroy();
      this.#probing -= 1;
    }
  }
}
