/**
 * ClickHouse as the store, over HTTP. A write that is repeated is stored again: the table has no key that forbids it, and an insert is not
 * looked up. An insert is one block into one partition, so all of its rows are there or none.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ClickHouseHttp, NotBegun } from '../../../record/clickhouse-http.ts';
import type { Database, DatabaseOptions, Row, StoreConnection } from './database.ts';
import { COLUMNS, rowsOf } from './row-binary.ts';

/** With its database. */
export const TABLE = 'luminate.metrics';
const DDL_TIMEOUT_MS = 10_000;
const AGAIN_AFTER_MS = 50;
/** Rows cost least in inserts of this size; while one is under way the next gathers. */
const MAX_POINTS = 100_000;
/**
 * An insert of a hundred rows costs the store's processor as much as one of some thousand, and each makes a part that has to be merged. The
 * longest that ClickHouse itself gathers under `async_insert`: async_insert_busy_timeout_max_ms, 200 by default and 1,000 in ClickHouse Cloud
 * (https://clickhouse.com/docs/reference/settings/session-settings/async-insert). Like there, whoever waits is answered after the insert.
 */
const INSERT_EVERY_MS = 200;

/**
 * The guide's four columns and thirty days, and of which write a row is a part: by the order of the key, so that reading back needs no sort. Plain
 * strings: LowCardinality makes each insert and each merge more than twice as dear and saves nothing that compression does not. Parts are merged
 * fifty at a time, and no further than 4 MB (three million of the load's points): at 100,000 points a second the engine merged its largest part
 * with a small one 23 times in a minute (seen in system.parts), for a core's time.
 */
const DDL = [
  'CREATE DATABASE IF NOT EXISTS luminate',
  `CREATE TABLE IF NOT EXISTS ${TABLE} (
    timestamp DateTime64(3), metric_name LowCardinality(String), value Float64,
    dimensions Map(String, String),
    run_id String, runner String, vu UInt32, n UInt64, points UInt32, point UInt32)
  ENGINE = MergeTree ORDER BY (run_id, runner, vu, n, point)
  TTL toDateTime(timestamp) + INTERVAL 30 DAY
  SETTINGS min_parts_to_merge_at_once = 50, max_bytes_to_merge_at_max_space_in_pool = 3000000`,
];
const INSERT = `INSERT INTO ${TABLE} (${COLUMNS}) FORMAT RowBinary`;
const COUNT = `SELECT sum(different) FROM (
  SELECT uniqExact(point) AS different FROM ${TABLE} WHERE run_id = {run:String} GROUP BY runner, vu, n)
  SETTINGS optimize_aggregation_in_order = 1`;

export function clickhouse({ url, timeoutMs }: DatabaseOptions): Database {
  return {
    kind: 'clickhouse',
    lanes: 1,
    maxWrites: MAX_POINTS,
    maxPoints: MAX_POINTS,
    insertEveryMs: INSERT_EVERY_MS,
    pack: (row) => ({ ...row, metrics: [], body: rowsOf(row) }),
    async open() {
      const connection = new ClickHouseConnection(url, timeoutMs);
      await connection.ask();
      return connection;
    },
    tidy: () => Promise.resolve(), // the table's TTL does it
    async countPoints(runId, limitMs) {
      const http = new ClickHouseHttp(url);
      try {
        const [counted] = await http.select(COUNT, z.tuple([z.coerce.number()]), limitMs, { run: runId });
        return counted?.[0] ?? 0;
      } finally {
        http.destroy();
      }
    },
  };
}

class ClickHouseConnection implements StoreConnection {
  lost: Error | undefined;
  onLost: (() => void) | undefined;
  readonly #http: ClickHouseHttp;
  readonly #timeoutMs: number;

  constructor(url: string, timeoutMs: number) {
    this.#http = new ClickHouseHttp(url, 1);
    this.#timeoutMs = timeoutMs;
  }

  async insert(rows: readonly Row[]): Promise<void> {
    await this.#orLost(this.#insert(Buffer.concat(rows.map(({ body }) => body))));
  }

  ask(): Promise<void> {
    return this.#orLost(this.#http.ping(this.#timeoutMs));
  }

  createSchema(): Promise<void> {
    return this.#orLost(this.#createSchema());
  }

  destroy(): void {
    this.#end(new Error('closed'));
  }

  /** Again only after what has certainly not begun; what was sent and not answered may be stored. */
  async #insert(rows: Buffer): Promise<void> {
    const untilMs = performance.now() + this.#timeoutMs;
    for (;;) {
      try {
        await this.#http.run(INSERT, untilMs - performance.now(), rows);
        return;
      } catch (error) {
        if (!(error instanceof NotBegun) || performance.now() + AGAIN_AFTER_MS >= untilMs) throw error;
        await sleep(AGAIN_AFTER_MS);
      }
    }
  }

  async #createSchema(): Promise<void> {
    for (const statement of DDL) await this.#http.run(statement, DDL_TIMEOUT_MS);
  }

  async #orLost(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      throw this.lost ?? error;
    }
  }

  #end(error: Error): void {
    if (this.lost !== undefined) return;
    this.lost = error;
    this.#http.destroy();
    this.onLost?.();
  }
}
