/**
 * The tables. `luminate_batch` holds the identity of every stored write for ever, once: that is what a client is owed. The bodies
 * lie in a ring of tables by time, so that those of long ago can be dropped with TRUNCATE, which costs nothing, at a load that
 * would fill the disk of a test machine within the hour.
 */
import type { Connection } from './connection.ts';
import type { Row } from './database.ts';

/** Tables of the ring: one is written, four are kept, one is cleared ahead of time. */
export const SLOTS = 6;
const KEPT_SLOTS = 4;
/** Any number that nothing else locks: processes that start at once must not create the same table twice. */
const SCHEMA_LOCK = 5_241_127;
const DDL_TIMEOUT_MS = 10_000;

const DDL = `
  CREATE TABLE IF NOT EXISTS luminate_batch (
    run_id text NOT NULL, runner text NOT NULL, vu integer NOT NULL, n bigint NOT NULL,
    attempt integer NOT NULL, points integer NOT NULL,
    PRIMARY KEY (run_id, runner, vu, n, attempt));
  CREATE TABLE IF NOT EXISTS luminate_slot (slot integer PRIMARY KEY, cleared_for bigint NOT NULL);
  ${Array.from(
    { length: SLOTS },
    (_, slot) => `
  CREATE TABLE IF NOT EXISTS luminate_body_${slot} (body bytea NOT NULL);
  INSERT INTO luminate_slot VALUES (${slot}, 0) ON CONFLICT DO NOTHING;`,
  ).join('')}`;

export async function createSchema(connection: Connection): Promise<void> {
  const text = `BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK}); ${DDL} COMMIT`;
  await connection.query({ text }, DDL_TIMEOUT_MS);
}

/** Which stretch of time a moment lies in, counted since the Unix epoch. Its table is `epoch % SLOTS`. */
export function epochOf(nowMs: number, keepMs: number): number {
  return Math.floor(nowMs / (keepMs / KEPT_SLOTS));
}

/**
 * The epoch whose table is to be cleared now, or null. It is the next one, and only in the first half of the present one, so that
 * processes whose clocks differ by less than an eighth of `keepMs` never clear what another one has begun to fill.
 */
export function epochToClear(nowMs: number, keepMs: number): number | null {
  const passed = (nowMs / (keepMs / KEPT_SLOTS)) % 1;
  return passed < 0.5 ? epochOf(nowMs, keepMs) + 1 : null;
}

/** Empties the table of an epoch to come, once, whoever asks first. */
export async function clearFor(epoch: number, connection: Connection): Promise<void> {
  const slot = epoch % SLOTS;
  const text = `DO $$ BEGIN
    SET LOCAL lock_timeout = '500ms';
    UPDATE luminate_slot SET cleared_for = ${epoch} WHERE slot = ${slot} AND cleared_for < ${epoch};
    IF FOUND THEN TRUNCATE luminate_body_${slot}; END IF;
  END $$`;
  await connection.query({ text }, DDL_TIMEOUT_MS);
}

const PARAMETERS = 7;
const statements = new Map<string, string>();

/**
 * One statement, so one transaction, for a group of writes: bodies into a slot, identities beside them, known ones left alone.
 * Its name makes PostgreSQL plan it once per connection, group size and slot. The rows must be in one order in all
 * processes (`compareRows`), or two groups with the same writes could wait for each other.
 */
export function insertStatement(
  slot: number,
  rows: readonly Row[],
): { name: string; text: string; values: unknown[] } {
  const name = `insert-${slot}-${rows.length}`;
  let text = statements.get(name);
  if (text === undefined) {
    const bodies = rows.map((_, i) => `($${i * PARAMETERS + 7}::bytea)`);
    const identities = rows.map((_, i) => {
      const at = i * PARAMETERS;
      return `($${at + 1}::text,$${at + 2}::text,$${at + 3}::integer,$${at + 4}::bigint,$${at + 5}::integer,$${at + 6}::integer)`;
    });
    text = `WITH bodies AS (INSERT INTO luminate_body_${slot} VALUES ${bodies.join()})
      INSERT INTO luminate_batch VALUES ${identities.join()} ON CONFLICT DO NOTHING`;
    statements.set(name, text);
  }
  const values: unknown[] = [];
  for (const row of rows)
    values.push(row.runId, row.runner, row.vu, row.n, row.attempt, row.points, row.body);
  return { name, text, values };
}

export function compareRows(a: Row, b: Row): number {
  return compare(a.runId, b.runId) || compare(a.runner, b.runner) || a.vu - b.vu || a.n - b.n;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
