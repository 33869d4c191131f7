/** Starting journeys: a group of customers in one statement, so in one transaction, each at most once in a flow. */
import type { Pool } from 'pg';
import type { Position } from './graph.ts';

export interface Trigger {
  /** Of the journey to be. */
  id: string;
  tenantId: string;
  flowId: string;
  versionId: string;
  customerId: string;
  context: Record<string, unknown>;
  /** Where a journey through this version begins. */
  start: Position;
}

/** `stale`: the flow is no longer as the trigger took it to be. */
export type TriggerResult = 'started' | 'already_in_flow' | 'stale';

/** Parameters that a group shares, and those of one journey. */
const SHARED = 11;
const OWN = 3;
const statements = new Map<number, string>();

function statementFor(count: number): string {
  const known = statements.get(count);
  if (known !== undefined) return known;
  const rows = Array.from({ length: count }, (_, index) => {
    const at = SHARED + index * OWN;
    return `($${at + 1}::uuid, $${at + 2}::text, $${at + 3}::jsonb)`;
  });
  const text = `
    WITH given (id, customer_id, context) AS (VALUES ${rows.join()}),
    flow AS (SELECT id FROM flows WHERE id = $1::uuid AND status = 'active' AND active_version_id = $2::uuid),
    made AS (
      INSERT INTO flow_instances (id, tenant_id, flow_id, version_id, customer_id, status, current_nodes, context,
                                  waits_for, due_at, step_count, started_by, completed_at)
      SELECT given.id, $3::uuid, $1::uuid, $2::uuid, customer_id, $4::text, ARRAY[$5::text], context,
             $6::text, now() + $7::float8 * interval '1 millisecond', cardinality($8::text[]), $11::text,
             CASE WHEN $4::text = 'completed' THEN now() END
      FROM given CROSS JOIN flow
      ON CONFLICT DO NOTHING RETURNING id),
    stepped AS (
      INSERT INTO execution_steps (instance_id, position, node_id, node_type, status, completed_at)
      SELECT made.id, step.position, step.node_id, step.node_type, step.status,
             CASE WHEN step.status = 'completed' THEN now() END
      FROM made CROSS JOIN unnest($8::text[], $9::text[], $10::text[])
        WITH ORDINALITY AS step (node_id, node_type, status, position))
    SELECT id FROM made UNION ALL SELECT NULL WHERE NOT EXISTS (SELECT FROM flow)`;
  statements.set(count, text);
  return text;
}

/**
 * All of one group run through the same version of the same flow. Sorted by customer, since two groups that start the same customers in
 * different orders would wait for each other. Resolves after the COMMIT.
 */
export async function startJourneys(
  client: Pick<Pool, 'query'>,
  group: readonly Trigger[],
  podName: string,
): Promise<TriggerResult[]> {
  const [head] = group;
  if (head === undefined) return [];
  const { flowId, versionId, tenantId, start } = head;
  const { steps, nodeId, waitsFor } = start;
  const values: unknown[] = [
    flowId,
    versionId,
    tenantId,
    waitsFor === null ? 'completed' : 'waiting',
    nodeId,
    waitsFor?.eventType ?? null,
    waitsFor?.timeoutMs ?? null,
    steps.map((step) => step.nodeId),
    steps.map((step) => step.nodeType),
    steps.map((step) => step.status),
    podName,
  ];
  const sorted = group.toSorted((a, b) =>
    a.customerId < b.customerId ? -1 : a.customerId > b.customerId ? 1 : 0,
  );
  for (const { id, customerId, context } of sorted) values.push(id, customerId, context);
  // Its name makes PostgreSQL plan it once for each connection and size of group.
  const name = `start-${group.length}`;
  const { rows } = await client.query<{ id: string | null }>({
    name,
    text: statementFor(group.length),
    values,
  });
  const made = new Set(rows.map(({ id }) => id));
  if (made.has(null)) return group.map(() => 'stale');
  return group.map(({ id }) => (made.has(id) ? 'started' : 'already_in_flow'));
}
