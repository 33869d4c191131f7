/** The last events of a project. */
import { z } from 'zod';
import type { ClickHouseHttp } from '../../../record/clickhouse-http.ts';
import { EVENTS_TABLE } from '../names.ts';
import { firstIssue } from './first-issue.ts';

const Recent = z.object({
  project_id: z.string().max(256).default('default'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
type Recent = z.infer<typeof Recent>;

const Row = z.tuple([z.string(), z.string(), z.string(), z.string()]);

/** The question, or what is wrong with it. */
export function readRecent(query: unknown): Recent | string {
  const recent = Recent.safeParse(query);
  return recent.success ? recent.data : firstIssue(recent.error);
}

export async function recentOf(
  { project_id, limit }: Recent,
  clickhouse: ClickHouseHttp,
  timeoutMs: number,
): Promise<unknown> {
  const rows = await clickhouse.select(
    `SELECT toString(timestamp), distinct_id, event, properties FROM ${EVENTS_TABLE}
     WHERE project_id = {project_id:String} ORDER BY timestamp DESC LIMIT {limit:UInt32}`,
    Row,
    timeoutMs,
    { project_id, limit },
  );
  return {
    events: rows.map(([timestamp, distinctId, event, properties]) => ({
      timestamp,
      distinct_id: distinctId,
      event,
      properties: JSON.parse(properties) as unknown,
    })),
  };
}
