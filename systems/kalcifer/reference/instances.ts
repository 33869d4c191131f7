/** What can be asked of one journey: where it is, what it did, and to end it. */
import type { Pool } from 'pg';

/** The code's answer to `GET /api/v1/flows/:id/instances`: the newest, no paging. */
const LISTED = 50;

export interface InstanceAnswer {
  data: Record<string, unknown>;
  steps: Record<string, unknown>[];
}

const INSTANCE = `
  i.id, i.flow_id, i.customer_id, i.status, v.version_number, i.current_nodes, i.entered_at, i.completed_at, i.exited_at, i.exit_reason
  FROM flow_instances AS i JOIN flow_versions AS v ON v.id = i.version_id`;

/** Null when the tenant has no such journey. */
export async function readInstance(pool: Pool, tenantId: string, id: string): Promise<InstanceAnswer | null> {
  const found = await pool.query<Record<string, unknown>>(
    `SELECT ${INSTANCE} WHERE i.id = $1 AND i.tenant_id = $2`,
    [id, tenantId],
  );
  const [data] = found.rows;
  if (data === undefined) return null;
  const { rows: steps } = await pool.query<Record<string, unknown>>(
    `SELECT instance_id || ':' || position AS id, node_id, node_type, status, started_at, completed_at, output
     FROM execution_steps WHERE instance_id = $1 ORDER BY position`,
    [id],
  );
  return { data, steps };
}

/** The newest journeys of a flow, of one status or customer where they are given. */
export async function listInstances(
  pool: Pool,
  flowId: string,
  { status, customerId }: { status: string | null; customerId: string | null },
): Promise<Record<string, unknown>[]> {
  const { rows } = await pool.query<Record<string, unknown>>(
    `SELECT ${INSTANCE} WHERE i.flow_id = $1 AND ($2::text IS NULL OR i.status = $2)
       AND ($3::text IS NULL OR i.customer_id = $3) ORDER BY i.entered_at DESC LIMIT ${LISTED}`,
    [flowId, status, customerId],
  );
  return rows;
}

/** False when it is over already, or is not there. */
export async function cancelInstance(pool: Pool, tenantId: string, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE flow_instances SET status = 'exited', exited_at = now(), exit_reason = 'cancelled', due_at = NULL
     WHERE id = $1 AND tenant_id = $2 AND status IN ('running', 'waiting')`,
    [id, tenantId],
  );
  return rowCount === 1;
}

/** Live journeys by status. Reads their index, not their rows. */
export async function countLive(pool: Pool): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ status: string; count: string }>(
    `SELECT status, count(*) AS count FROM flow_instances WHERE status IN ('running', 'waiting') GROUP BY status`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, Number(count)]));
}
