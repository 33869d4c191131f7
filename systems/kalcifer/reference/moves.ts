/** Moving journeys that wait: by an event or by their timeout, each past its wait once, whichever pod does it. One transaction a group. */
import type { Pool, PoolClient } from 'pg';
import type { Flows } from './flows.ts';
import { leave, type Position } from './graph.ts';

/** Timeouts that fire in one transaction. */
const TIMEOUTS_AT_ONCE = 200;

export interface CustomerEvent {
  tenantId: string;
  customerId: string;
  eventType: string;
  /** Kept in the output of the step that it completes. */
  data: Record<string, unknown>;
}

export interface WaitingRow {
  id: string;
  tenant_id: string;
  customer_id: string;
  version_id: string;
  node: string;
  waits_for: string;
  step_count: number;
  started_by: string;
}

interface Move {
  row: WaitingRow;
  position: Position;
  output: Record<string, unknown>;
}

const COLUMNS =
  'id, tenant_id, customer_id, version_id, current_nodes[1] AS node, waits_for, step_count, started_by';

/** `mine` false: journeys that this pod does not move though the event is for them (a defect). */
export interface EventOptions {
  pool: Pool;
  flows: Flows;
  mine?: (row: WaitingRow, event: CustomerEvent) => boolean;
}

/** How many journeys each event has moved. Resolves after the COMMIT. */
export async function deliverEvents(
  { pool, flows, mine = () => true }: EventOptions,
  events: readonly CustomerEvent[],
): Promise<number[]> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<WaitingRow>({
      name: 'waiting',
      // In one order in all pods: two groups for the same customers must not wait for each other. Who comes second sees what the first has done.
      text: `SELECT ${COLUMNS} FROM flow_instances
             WHERE status = 'waiting' AND customer_id = ANY($1) ORDER BY id FOR UPDATE`,
      values: [events.map(({ customerId }) => customerId)],
    });
    const left = new Set(rows);
    const moves: Move[] = [];
    const routed: number[] = [];
    for (const event of events) {
      let count = 0;
      for (const row of left) {
        if (
          row.customer_id !== event.customerId ||
          row.tenant_id !== event.tenantId ||
          row.waits_for !== event.eventType
        )
          continue;
        left.delete(row);
        count += 1;
        if (!mine(row, event)) continue;
        const position = leave(await flows.graph(row.version_id), row.node, 'event_received');
        moves.push({ row, position, output: event.data });
      }
      routed.push(count);
    }
    await apply(client, moves);
    return routed;
  });
}

/** Lets timeouts fire that are due, those that no other pod is at. Returns how many; as many as fit into one go mean that there are more. */
export async function fireTimeouts(pool: Pool, flows: Flows): Promise<{ fired: number; more: boolean }> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<WaitingRow>(
      `SELECT ${COLUMNS} FROM flow_instances WHERE status = 'waiting' AND due_at <= now()
       ORDER BY due_at LIMIT ${TIMEOUTS_AT_ONCE} FOR UPDATE SKIP LOCKED`,
    );
    const moves: Move[] = [];
    for (const row of rows)
      moves.push({
        row,
        position: leave(await flows.graph(row.version_id), row.node, 'timed_out'),
        output: { timed_out: true },
      });
    await apply(client, moves);
    return { fired: moves.length, more: moves.length === TIMEOUTS_AT_ONCE };
  });
}

async function apply(client: PoolClient, moves: readonly Move[]): Promise<void> {
  if (moves.length === 0) return;
  const changes = moves.map(({ row: { id }, position: { nodeId, waitsFor, steps } }) => ({
    id,
    node: nodeId,
    waits_for: waitsFor?.eventType ?? null,
    timeout_ms: waitsFor?.timeoutMs ?? null,
    steps: steps.length,
  }));
  const steps = moves.flatMap(({ row, position, output }) =>
    position.steps.map((step, index) => ({
      instance_id: row.id,
      position: row.step_count + index + 1,
      node_id: step.nodeId,
      node_type: step.nodeType,
      status: step.status,
      output: index === 0 ? output : null,
    })),
  );
  await client.query({
    name: 'move',
    text: `
      WITH change AS (
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS c (id uuid, node text, waits_for text, timeout_ms float8, steps int)),
      moved AS (
        UPDATE flow_instances AS f SET
          status = CASE WHEN change.waits_for IS NULL THEN 'completed' ELSE 'waiting' END,
          current_nodes = ARRAY[change.node], waits_for = change.waits_for,
          due_at = now() + change.timeout_ms * interval '1 millisecond', step_count = f.step_count + change.steps,
          completed_at = CASE WHEN change.waits_for IS NULL THEN now() END
        FROM change WHERE f.id = change.id)
      INSERT INTO execution_steps (instance_id, position, node_id, node_type, status, completed_at, output)
      SELECT instance_id, position, node_id, node_type, status, CASE WHEN status = 'completed' THEN now() END, output
      FROM jsonb_to_recordset($2::jsonb)
        AS s (instance_id uuid, position int, node_id text, node_type text, status text, output jsonb)`,
    values: [JSON.stringify(changes), JSON.stringify(steps)],
  });
}

/** Commits what `work` did, or none of it; the connection of a failed one is closed, since nobody knows its state. */
async function transaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
