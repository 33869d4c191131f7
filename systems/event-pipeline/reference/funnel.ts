/** How many users did one thing after the other. */
import { z } from 'zod';
import type { ClickHouseHttp } from '../../../record/clickhouse-http.ts';
import { EVENTS_TABLE } from '../names.ts';
import { firstIssue } from './first-issue.ts';

const Funnel = z.object({
  project_id: z.string().max(256).default('default'),
  steps: z.array(z.string().min(1).max(4_096)).min(2).max(20),
  date_from: z.iso.date(),
  date_to: z.iso.date(),
  /** False: whoever did all of the first steps, in any order. */
  strict: z.boolean().default(true),
  conversion_window_days: z.number().int().min(1).max(365).default(30),
});
type Funnel = z.infer<typeof Funnel>;

/** The question, or what is wrong with it. */
export function readFunnel(body: unknown): Funnel | string {
  const funnel = Funnel.safeParse(body);
  return funnel.success ? funnel.data : firstIssue(funnel.error);
}

export async function funnelOf(
  funnel: Funnel,
  clickhouse: ClickHouseHttp,
  timeoutMs: number,
): Promise<unknown> {
  const { steps, strict, conversion_window_days: windowDays, ...rest } = funnel;
  const names = Object.fromEntries(steps.map((step, index) => [`step${index}`, step]));
  const conditions = steps.map((_, index) => `event = {step${index}:String}`);
  // windowFunnel: the longest chain of steps, in order and within so many seconds of the first.
  const level = strict
    ? `windowFunnel(${windowDays * 86_400})(toDateTime(timestamp), ${conditions.join(', ')})`
    : `arrayFirstIndex(done -> done = 0, arrayPushBack([${conditions.map((each) => `max(${each})`).join(', ')}], 0)) - 1`;
  const reached = await clickhouse.select(
    `SELECT level, count() FROM (
       SELECT distinct_id, ${level} AS level FROM ${EVENTS_TABLE}
       WHERE project_id = {project_id:String}
         AND toDate(timestamp) BETWEEN toDate({date_from:String}) AND toDate({date_to:String})
       GROUP BY distinct_id)
     GROUP BY level`,
    z.tuple([z.coerce.number(), z.coerce.number()]),
    timeoutMs,
    { ...rest, ...names },
  );
  return {
    steps: steps.map((event, index) => ({
      step: index + 1,
      event,
      count: reached.reduce((total, [most, users]) => total + (most > index ? users : 0), 0),
    })),
    mode: strict ? 'strict' : 'simple',
  };
}
