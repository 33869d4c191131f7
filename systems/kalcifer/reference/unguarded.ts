/** The defect `non-unique-guard`: who is in the flow already is asked first, and everybody else is inserted a moment later. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { LIVE } from './schema.ts';
import { startJourneys, type Trigger, type TriggerResult } from './triggers.ts';
import type { Truth } from './truth.ts';

/** Between the question and the insert: what a busy scheduler does now and then, here every time. */
const PAUSE_MS = 20;

/** Like `startJourneys`. A table that nothing else reads tells the truth log, in the same transaction, who is doubled. */
export function startUnguarded(pool: Pool, truth: Truth) {
  return async (_: unknown, group: readonly Trigger[], podName: string): Promise<TriggerResult[]> => {
    const customers = group.map(({ customerId }) => customerId);
    const flowId = group[0]?.flowId ?? '';
    const { rows: known } = await pool.query<{ customer_id: string }>(
      `SELECT customer_id FROM flow_instances WHERE customer_id = ANY($1) AND flow_id = $2 AND ${LIVE}`,
      [customers, flowId],
    );
    const inFlow = new Set(known.map(({ customer_id }) => customer_id));
    await sleep(PAUSE_MS);
    const others = group.filter(({ customerId }) => !inFlow.has(customerId));
    const started = new Set<Trigger>();
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      for (const trigger of others.toSorted((a, b) => (a.customerId < b.customerId ? -1 : 1))) {
        const { rowCount } = await client.query(
          'INSERT INTO started_once VALUES ($1, $2) ON CONFLICT DO NOTHING',
          [trigger.flowId, trigger.customerId],
        );
        if (rowCount === 0) truth.add([trigger.customerId]);
      }
      const results = await startJourneys(client, others, podName);
      await client.query('COMMIT');
      for (const [index, trigger] of others.entries()) if (results[index] === 'started') started.add(trigger);
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
    return group.map((trigger) => (started.has(trigger) ? 'started' : 'already_in_flow'));
  };
}

/** The table that the truth is told from. */
export async function createTruthTable(pool: Pool): Promise<void> {
  await pool.query(
    'CREATE TABLE IF NOT EXISTS started_once (flow_id uuid, customer_id text, PRIMARY KEY (flow_id, customer_id))',
  );
}
