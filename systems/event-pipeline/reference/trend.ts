/** How often an event happened, by day, week or month. */
import { z } from 'zod';
import type { ClickHouseHttp } from '../../../record/clickhouse-http.ts';
import { EVENTS_TABLE } from '../names.ts';
import { firstIssue } from './first-issue.ts';

const Trend = z.object({
  project_id: z.string().max(256).default('default'),
  event: z.string().min(1).max(4_096),
  date_from: z.iso.date(),
  date_to: z.iso.date(),
  interval: z.enum(['day', 'week', 'month']).default('day'),
});
type Trend = z.infer<typeof Trend>;

const START = { day: 'toDate(timestamp)', week: 'toMonday(timestamp)', month: 'toStartOfMonth(timestamp)' };

/** The question, or what is wrong with it. */
export function readTrend(query: unknown): Trend | string {
  const trend = Trend.safeParse(query);
  return trend.success ? trend.data : firstIssue(trend.error);
}

/** Both dates included. Intervals without events are left out. */
export async function trendOf(
  trend: Trend,
  clickhouse: ClickHouseHttp,
  timeoutMs: number,
): Promise<{ series: number[]; labels: string[] }> {
  const { interval, ...parameters } = trend;
  const rows = await clickhouse.select(
    `SELECT toString(${START[interval]}) AS label, count() FROM ${EVENTS_TABLE}
     WHERE project_id = {project_id:String} AND event = {event:String}
       AND toDate(timestamp) BETWEEN toDate({date_from:String}) AND toDate({date_to:String})
     GROUP BY label ORDER BY label`,
    z.tuple([z.string(), z.coerce.number()]),
    timeoutMs,
    parameters,
  );
  return { series: rows.map(([, count]) => count), labels: rows.map(([label]) => label) };
}
