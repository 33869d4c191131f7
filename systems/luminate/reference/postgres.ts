/** PostgreSQL as the store: identities for ever, bodies for minutes (schema.ts). */
import { Connection } from './connection.ts';
import type { Database, DatabaseOptions, StoreConnection } from './database.ts';
import {
  clearFor,
  compareRows,
  createSchema,
  epochOf,
  epochToClear,
  insertStatement,
  SLOTS,
} from './schema.ts';

/** A write has one row, and a statement is planned for each number of rows. */
const MAX_WRITES = 32;

export function postgres({ url, timeoutMs, bodyKeepMs }: DatabaseOptions): Database {
  let clearedFor = 0;

  const open = async (): Promise<StoreConnection> => {
    const connection = await Connection.open(url, timeoutMs);
    return {
      get lost() {
        return connection.lost;
      },
      set onLost(onLost: (() => void) | undefined) {
        connection.onLost = onLost;
      },
      async insert(rows) {
        const slot = epochOf(Date.now(), bodyKeepMs) % SLOTS;
        await connection.query(insertStatement(slot, rows.toSorted(compareRows)), timeoutMs);
      },
      async ask() {
        await connection.query({ text: 'SELECT 1' }, timeoutMs);
      },
      createSchema: () => createSchema(connection),
      destroy: () => connection.destroy(),
    };
  };

  return {
    kind: 'postgres',
    lanes: 2,
    maxWrites: MAX_WRITES,
    maxPoints: Number.POSITIVE_INFINITY,
    insertEveryMs: 0,
    pack: (row) => ({ ...row, metrics: [] }),
    open,
    async tidy() {
      const epoch = epochToClear(Date.now(), bodyKeepMs);
      if (epoch === null || epoch === clearedFor) return;
      const before = clearedFor;
      clearedFor = epoch; // not again while this one is under way
      let connection: Connection | undefined;
      try {
        connection = await Connection.open(url, timeoutMs);
        await clearFor(epoch, connection);
      } catch {
        clearedFor = before;
      } finally {
        connection?.destroy();
      }
    },
    async countPoints(runId, limitMs) {
      const connection = await Connection.open(url, limitMs);
      try {
        const { rows } = await connection.query<{ points: string | null }>(
          {
            text: `SELECT sum(points) AS points FROM (
              SELECT min(points) AS points FROM luminate_batch WHERE run_id = $1 GROUP BY runner, vu, n) AS once`,
            values: [runId],
          },
          limitMs,
        );
        return Number(rows[0]?.points ?? 0);
      } finally {
        connection.destroy();
      }
    },
  };
}
