/** Queries: of the whole query language the one question that proves nothing was lost, how many metrics there are of a run. */
import { z } from 'zod';
import type { Database } from './database.ts';

/** Longest a query may take, milliseconds (the guide's default). */
const TIMEOUT_MS = 10_000;

const Query = z.object({
  queryType: z.literal('aggregate', { error: 'only "aggregate" is implemented' }),
  aggregation: z.literal('count', { error: 'only "count" is implemented: bodies are kept for minutes only' }),
  filters: z.strictObject(
    { run_id: z.string({ error: 'a string is required' }) },
    { error: 'exactly the filter "run_id" is implemented' },
  ),
  metricName: z.literal('*', { error: 'only "*" is implemented: counts are kept per write' }).optional(),
  timeRange: z
    .strictObject({ relative: z.literal('30d') }, { error: 'only {"relative":"30d"} is implemented' })
    .optional(),
});

export interface QueryAnswer {
  queryType: 'aggregate';
  results: { groupKey: Record<string, never>; value: number; count: number }[];
  executionTimeMs: number;
  pointsScanned: number;
}

/** The parsed query, or what is wrong with it. */
export function readQuery(body: unknown): { runId: string } | string {
  const query = Query.safeParse(body);
  if (query.success) return { runId: query.data.filters.run_id };
  const issue = query.error.issues[0];
  return `${issue?.path.join('.') ?? 'query'}: ${issue?.message ?? 'not understood'}`;
}

/** Counts each write once, however often it is stored. Rejects when the store does not answer in time. */
export async function countOf(runId: string, database: Database): Promise<QueryAnswer> {
  const beganMs = performance.now();
  const count = await database.countPoints(runId, TIMEOUT_MS);
  return {
    queryType: 'aggregate',
    results: [{ groupKey: {}, value: count, count }],
    executionTimeMs: Math.round(performance.now() - beganMs),
    pointsScanned: count,
  };
}
