/** Flows and their versions: made, activated, paused, archived; and remembered for a moment, since every trigger asks for one. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { Graph, graphErrors } from './graph.ts';

/** A flow may be paused through another pod: what is remembered is not older than this, and every insert looks itself. */
const REMEMBERED_MS = 1_000;
const MAX_REMEMBERED = 10_000;

export interface FlowRow {
  id: string;
  tenant_id: string;
  name: string;
  description: string | null;
  status: 'draft' | 'active' | 'paused' | 'archived';
  active_version_id: string | null;
}

interface VersionRow {
  id: string;
  flow_id: string;
  version_number: number;
  graph: unknown;
  changelog: string | null;
}

/** From which states each change may be made. */
const CHANGES = {
  activate: { to: 'active', from: ['draft', 'paused', 'active'] },
  pause: { to: 'paused', from: ['active'] },
  archive: { to: 'archived', from: ['draft', 'active', 'paused'] },
} as const;
export type Change = keyof typeof CHANGES;

export class Flows {
  readonly #pool: Pool;
  readonly #flows = new Map<string, { flow: FlowRow; atMs: number }>();
  readonly #graphs = new Map<string, Graph>();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async create(tenantId: string, name: string, description: string | null): Promise<FlowRow> {
    const { rows } = await this.#pool.query<FlowRow>(
      'INSERT INTO flows (id, tenant_id, name, description) VALUES ($1, $2, $3, $4) RETURNING *',
      [randomUUID(), tenantId, name, description],
    );
    return first(rows);
  }

  /** Null when the tenant has no such flow. `fresh`: not from memory. */
  async find(tenantId: string, id: string, fresh = false): Promise<FlowRow | null> {
    const known = this.#flows.get(id);
    if (!fresh && known !== undefined && performance.now() - known.atMs < REMEMBERED_MS)
      return known.flow.tenant_id === tenantId ? known.flow : null;
    const { rows } = await this.#pool.query<FlowRow>('SELECT * FROM flows WHERE id = $1', [id]);
    const [flow] = rows;
    if (flow === undefined) return null;
    if (this.#flows.size >= MAX_REMEMBERED) this.#flows.clear();
    this.#flows.set(id, { flow, atMs: performance.now() });
    return flow.tenant_id === tenantId ? flow : null;
  }

  /** The next version of the flow, a draft until the flow is activated. */
  async addVersion(flowId: string, graph: Graph, changelog: string | null): Promise<VersionRow> {
    const { rows } = await this.#pool.query<VersionRow>(
      `INSERT INTO flow_versions (id, flow_id, version_number, graph, changelog)
       SELECT $1, $2, coalesce(max(version_number), 0) + 1, $3, $4 FROM flow_versions WHERE flow_id = $2 RETURNING *`,
      [randomUUID(), flowId, graph, changelog],
    );
    return first(rows);
  }

  /** The changed flow, or what is in the way. Activating takes the newest version. */
  async change(flow: FlowRow, change: Change): Promise<FlowRow | string[]> {
    const { to, from } = CHANGES[change];
    if (!from.some((status) => status === flow.status))
      return [`a flow that is ${flow.status} cannot be changed by ${change}`];
    let versionId = flow.active_version_id;
    if (change === 'activate') {
      const { rows } = await this.#pool.query<VersionRow>(
        'SELECT * FROM flow_versions WHERE flow_id = $1 ORDER BY version_number DESC LIMIT 1',
        [flow.id],
      );
      const [version] = rows;
      if (version === undefined) return ['no_draft_version'];
      const errors = graphErrors(Graph.parse(version.graph));
      if (errors.length > 0) return errors;
      versionId = version.id;
    }
    const { rows } = await this.#pool.query<FlowRow>(
      'UPDATE flows SET status = $2, active_version_id = $3 WHERE id = $1 RETURNING *',
      [flow.id, to, versionId],
    );
    this.#flows.delete(flow.id);
    return first(rows);
  }

  /** Of a version, which never changes. */
  async graph(versionId: string): Promise<Graph> {
    const known = this.#graphs.get(versionId);
    if (known !== undefined) return known;
    const { rows } = await this.#pool.query<VersionRow>('SELECT * FROM flow_versions WHERE id = $1', [
      versionId,
    ]);
    const graph = Graph.parse(first(rows).graph);
    this.#graphs.set(versionId, graph);
    return graph;
  }
}

function first<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error('the store returned no row');
  return row;
}
