/** The end of a watch: what a Prometheus and its notifications say of the whole of it goes into the record. */
import type { NewEvent, RunWriter } from '../../record/writer.ts';
import { reasonOf } from '../../record/reason.ts';
import type { PrometheusApi } from '../prometheus-api.ts';
import { accountOf } from './account.ts';
import type { WallClock } from './clock.ts';
import type { Blind, Look } from './looks.ts';
import { askQuery } from './queries.ts';
import type { Receiver } from './receiver.ts';
import { samplesOf } from './samples.ts';
import { missedScrapes, type PodLives } from './scrapes.ts';
import type { WatchPlan } from './watch-plan.ts';

/** What was gathered while it lasted. */
export interface Seen {
  /** The last look that was answered. */
  last: Look | null;
  blind: Blind[];
  longestEvaluationMs: Map<string, number>;
  /** When every target had been scraped for the first time; null: not yet. */
  scrapedMs: number | null;
  /** End of the last fault, as far as the run has told. */
  faultMs: number;
}

export interface Telling {
  plan: WatchPlan;
  writer: Pick<RunWriter, 'emit' | 'evidence'>;
  clock: WallClock;
  seen: Seen;
  lives: PodLives;
  receiver: Receiver;
  /** Null: it is gone. */
  api: PrometheusApi | null;
  notifies: boolean;
  startedMs: number;
}

/** Emits `alert.blind`, `alert.rule`, `alert.fired` and `query.result`. Never rejects for what Prometheus does not answer. */
export async function tell(telling: Telling): Promise<void> {
  const { plan, writer, clock, seen, receiver, api, notifies, startedMs } = telling;
  const { last } = seen;
  const toMs = last?.atMs ?? startedMs;
  // As long as a target was never scraped there was nothing to see of it.
  const watchedMs: [number, number] = [Math.min(toMs, seen.scrapedMs ?? toMs), toMs];
  const scrapes = api && (await scrapesOf(telling, api, watchedMs));
  const blind = [...seen.blind, ...(scrapes?.blind ?? []), ...clockSteps(clock)];
  if (receiver.refused() !== '')
    blind.push({ what: 'nobody looked', fromMs: startedMs, toMs, detail: receiver.refused() });
  // Causes first: that nobody looked may follow from them.
  for (const found of blind) writer.emit({ kind: 'alert.blind', ...found });
  const events: NewEvent[] = await accountOf({
    plan,
    api,
    clock,
    groups: last?.groups ?? [],
    watchedMs,
    notified: notifies ? receiver.notified() : null,
    longestEvaluationMs: seen.longestEvaluationMs,
    scrapeDurationMs: scrapes?.durationMs ?? 0,
  });
  for (const event of events) writer.emit(event);
  const { scrapeIntervalMs } = plan;
  const save = (fileName: string, content: string) =>
    writer.evidence(fileName, fileName, 'the answer to a query of the scenario', content);
  const asked = { api, clock, fromMs: watchedMs[0], toMs, scrapeIntervalMs, save };
  for (const [query, expr] of Object.entries(plan.queries)) writer.emit(await askQuery(query, expr, asked));
}

/** What was not scraped, and how long the longest scrape took. */
async function scrapesOf(
  { plan, clock, lives, startedMs }: Telling,
  api: PrometheusApi,
  [watchedFromMs, toMs]: [number, number],
): Promise<{ blind: Blind[]; durationMs: number }> {
  const range = {
    fromMs: clock.toWallMs(watchedFromMs),
    toMs: clock.toWallMs(toMs),
    stepMs: plan.scrapeIntervalMs / 4,
  };
  const whole = { fromMs: startedMs, toMs };
  try {
    const ups = await samplesOf(api, 'up', range);
    if (!ups.some(({ samples }) => samples.some(({ value }) => value === '1')))
      return { blind: [{ what: 'not scraped', ...whole, detail: await whyNotScraped(api) }], durationMs: 0 };
    const isDown = (pod: string, fromMs: number, untilMs: number) =>
      lives.isDown(pod, clock.toRunMs(fromMs), clock.toRunMs(untilMs));
    const blind = missedScrapes(ups, plan.scrapeIntervalMs, isDown).map((missed) => ({
      what: 'missed scrapes' as const,
      fromMs: clock.toRunMs(missed.fromMs),
      toMs: clock.toRunMs(missed.toMs),
      detail: missed.detail,
    }));
    return { blind, durationMs: await longestScrapeMs(api, range) };
  } catch (error) {
    const detail = `the samples of up could not be had: ${reasonOf(error)}`;
    return { blind: [{ what: 'nobody looked', ...whole, detail }], durationMs: 0 };
  }
}

function clockSteps(clock: WallClock): Blind[] {
  return clock.steps().map(({ fromMs, toMs, byMs }) => ({
    what: 'nobody looked',
    fromMs,
    toMs,
    detail: `the wall clock was set by ${Math.round(byMs)} ms, so times of these seconds cannot be told`,
  }));
}

async function whyNotScraped(api: PrometheusApi): Promise<string> {
  const targets = await api.targets();
  if (targets.length === 0) return 'there is no target: no pod asks for it by annotation, or none was found';
  const errors = new Set(targets.map(({ lastError }) => lastError));
  return `no scrape of ${targets.length} targets came through: ${[...errors].join('; ').slice(0, 500)}`;
}

async function longestScrapeMs(
  api: PrometheusApi,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<number> {
  const lengthMs = Math.max(1_000, Math.round(toMs - fromMs));
  const { result } = await api.query(`max(max_over_time(scrape_duration_seconds[${lengthMs}ms]))`, toMs);
  return Number(result[0]?.value ?? 0) * 1_000;
}
