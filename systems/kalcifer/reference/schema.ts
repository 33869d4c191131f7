/** The tables, as far as they carry weight, in the words of the real system's. Creating them is idempotent and safe from several pods at once. */
import type { Pool } from 'pg';

/** Any number that nothing else locks: processes that start at once must not create the same table twice. */
const SCHEMA_LOCK = 4_500_127;

/** Journeys that are not over: a customer has at most one of them in a flow. */
export const LIVE = `status IN ('running', 'waiting')`;

const TABLES = `
  CREATE TABLE IF NOT EXISTS tenants (
    id uuid PRIMARY KEY, name text NOT NULL, api_key_hash text NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS flows (
    id uuid PRIMARY KEY, tenant_id uuid NOT NULL, name text NOT NULL, description text,
    status text NOT NULL DEFAULT 'draft', active_version_id uuid);
  CREATE TABLE IF NOT EXISTS flow_versions (
    id uuid PRIMARY KEY, flow_id uuid NOT NULL, version_number integer NOT NULL, graph jsonb NOT NULL, changelog text,
    UNIQUE (flow_id, version_number));
  CREATE TABLE IF NOT EXISTS flow_instances (
    id uuid PRIMARY KEY, tenant_id uuid NOT NULL, flow_id uuid NOT NULL, version_id uuid NOT NULL,
    customer_id text NOT NULL, status text NOT NULL, current_nodes text[] NOT NULL, context jsonb NOT NULL,
    waits_for text, due_at timestamptz, step_count integer NOT NULL, started_by text NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz, exited_at timestamptz, exit_reason text);
  CREATE TABLE IF NOT EXISTS execution_steps (
    instance_id uuid NOT NULL, position integer NOT NULL, node_id text NOT NULL, node_type text NOT NULL,
    status text NOT NULL, started_at timestamptz NOT NULL DEFAULT now(), completed_at timestamptz, output jsonb,
    PRIMARY KEY (instance_id, position));
  CREATE INDEX IF NOT EXISTS flow_instances_due ON flow_instances (due_at) WHERE status = 'waiting';`;

/** `unique` false is a defect: then the same customer can be in a flow twice. */
export async function createSchema(pool: Pool, unique: boolean): Promise<void> {
  await pool.query(`BEGIN; SELECT pg_advisory_xact_lock(${SCHEMA_LOCK}); ${TABLES}
    CREATE ${unique ? 'UNIQUE' : ''} INDEX IF NOT EXISTS flow_instances_live
      ON flow_instances (customer_id, flow_id) WHERE ${LIVE};
    COMMIT`);
}
