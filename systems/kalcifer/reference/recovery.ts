/**
 * What a pod does before it is ready: tables, its tenant, and the recovery. Journeys live in the store and not in a process, so there is
 * nothing that a new pod would have to take over; the defect does what the real one does.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Config } from './config.ts';
import { createSchema, LIVE } from './schema.ts';
import type { Truth } from './truth.ts';
import { createTruthTable } from './unguarded.ts';

/** Journeys that are failed in one transaction. */
const FAILED_AT_ONCE = 5_000;

/** As the real system keeps keys. */
export function hashOf(apiKey: string): string {
  return createHash('sha256').update(apiKey).digest('hex');
}

/** Idempotent. Returns how many journeys it has failed: none without the defect. */
export async function recover(pool: Pool, { apiKey, defect }: Config, truth: Truth): Promise<number> {
  await createSchema(pool, defect !== 'non-unique-guard');
  if (defect === 'non-unique-guard') await createTruthTable(pool);
  await pool.query('INSERT INTO tenants VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
    randomUUID(),
    'default',
    hashOf(apiKey),
  ]);
  return defect === 'recovery-fails-others' ? failOthers(pool, truth) : 0;
}

async function failOthers(pool: Pool, truth: Truth): Promise<number> {
  for (let failed = 0; ;) {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const { rows } = await client.query<{ id: string; customer_id: string }>(
        `SELECT id, customer_id FROM flow_instances WHERE ${LIVE} LIMIT ${FAILED_AT_ONCE} FOR UPDATE`,
      );
      truth.add(rows.map(({ customer_id }) => customer_id));
      await client.query(
        `UPDATE flow_instances SET status = 'failed', exited_at = now(), exit_reason = 'server_crashed' WHERE id = ANY($1)`,
        [rows.map(({ id }) => id)],
      );
      await client.query('COMMIT');
      client.release();
      failed += rows.length;
      if (rows.length < FAILED_AT_ONCE) return failed;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }
}
