/**
 * What the system says of itself: a PromQL query of the scenario, held against limits. An error, nothing at all, NaN and a hole in the answer have
 * words of their own, and none of them passes unless the scenario says so.
 */
import { z } from 'zod';
import { GAP_STEPS, longestGap, reduced, seriesIn, type Value } from '../analysis/alerts/query-values.ts';
import { unwatched } from '../analysis/alerts/view.ts';
import { history, type Judgement, provenFault, seconds } from '../analysis/check.ts';
import { eventsOf } from '../analysis/load-view.ts';
import type { RunView } from '../analysis/view.ts';
import type { EventOf, Expectation } from '../record/model.ts';

export const title = 'What the system says of itself is within its limits';
export const scope = 'either';
export const restsOn = 'load';
export const needsPrometheus = true;

const silence = z.enum(['inconclusive', 'fail', 'pass']).default('inconclusive');

export const options = z
  .strictObject({
    /** Name of a query of the scenario's `prometheus.queries`. */
    query: z.string().min(1),
    /** Largest, smallest, or smallest and largest value that is allowed, in the unit of the query. */
    atMost: z.number().optional(),
    atLeast: z.number().optional(),
    within: z.tuple([z.number(), z.number()]).optional(),
    /** What of a series is held against them: every single value, or one for all of its time. */
    overTime: z.enum(['every', 'max', 'mean', 'last']).default('every'),
    /** Of several series: each by itself, or their sum; `single`: more than one is an error. */
    overSeries: z.enum(['each', 'sum', 'single']).default('each'),
    /** The verdict of an answer without a sample, or with more than two steps in a row without one or with a target that was not scraped. */
    noData: silence,
    /** The verdict of an answer that is NaN anywhere, such as 0/0. */
    nan: silence,
  })
  .refine(
    ({ atMost, atLeast, within }) =>
      [atMost, atLeast, within].filter((limit) => limit !== undefined).length === 1,
    'expected one of atMost, atLeast and within',
  )
  .refine(({ within: [least, most] = [0, 0] }) => least <= most, 'within: the smallest value comes first');

type Limits = readonly [least: number, most: number];

export function judge(
  view: RunView,
  asked: z.infer<typeof options>,
  { during }: Pick<Expectation, 'during'>,
): Judgement {
  const { query, overTime, overSeries } = asked;
  const limits: Limits = asked.within ?? [asked.atLeast ?? -Infinity, asked.atMost ?? Infinity];
  const evidence = [history('query.result')];
  const say = (verdict: Judgement['verdict'], reason: string): Judgement => ({
    verdict,
    reason: `${reason}.`,
    evidence,
  });
  // Also where there is an answer: `... or vector(0)` has one of a system that nobody scraped.
  const unseen = unwatched(view);
  if (unseen) return unseen;
  const answer = eventsOf(view.events, 'query.result').find((result) => result.query === query);
  if (answer === undefined) return say('invalid', `${query} was never asked`);
  if (answer.file !== '') evidence.push(answer.file);
  if (answer.error !== '') return say('invalid', `${query} has no answer: ${answer.error}`);
  let windowMs: [number, number] = [answer.fromMs, answer.toMs];
  if (during !== undefined) {
    const { fault, refused } = provenFault(view, during);
    if (refused) return refused;
    windowMs = fault.windowMs ?? windowMs;
  }
  const where = `${query} from ${seconds(windowMs[0])} to ${seconds(windowMs[1])}`;
  const series = seriesIn(answer, windowMs);
  if (series.length === 0) return { ...say(asked.noData, `${where}: no data at all`), windowMs };
  if (overSeries === 'single' && series.length > 1) {
    const labels = series.slice(0, 5).map((one) => one.labels);
    return {
      ...say('invalid', `${where}: ${series.length} series instead of one: ${labels.join(', ')}`),
      windowMs,
    };
  }
  const values = reduced(series, { overTime, overSeries });
  const numbers = values.filter(({ value }) => !Number.isNaN(value));
  const outside = numbers.filter(({ value }) => beyond(value, limits) > 0);
  const worst = numbers.toSorted((a, b) => beyond(b.value, limits) - beyond(a.value, limits))[0];
  const owedMs = during === undefined ? wholeLoad(view, windowMs) : windowMs;
  const gap = longestGap(series, answer, owedMs);
  const doubts = [
    ...(numbers.length < values.length
      ? [{ verdict: asked.nan, why: `${values.length - numbers.length} of ${values.length} values are NaN` }]
      : []),
    ...(gap === null
      ? []
      : [{ verdict: asked.noData, why: `no data from ${seconds(gap.fromMs)} to ${seconds(gap.toMs)}` }]),
    ...unread(view, answer, owedMs).map(({ what, fromMs, toMs, detail }) => ({
      verdict: asked.noData,
      why: `${what} from ${seconds(fromMs)} to ${seconds(toMs)} (${detail})`,
    })),
  ];
  const verdict =
    outside.length > 0
      ? 'fail'
      : ((['fail', 'inconclusive'] as const).find((word) => doubts.some((doubt) => doubt.verdict === word)) ??
        'pass');
  const seen = [
    worst === undefined
      ? 'no number'
      : `${overTime === 'every' ? 'the worst value' : overTime} is ${told(worst)}`,
    ...(outside.length > 0 ? [`${outside.length} of ${values.length} values are outside`] : []),
    ...doubts.map(({ why }) => why),
  ];
  return {
    ...say(verdict, `${where}: ${seen.join('; ')} (asked: ${limitWords(limits)}; ${series.length} series)`),
    observed: { value: finite(worst?.value), unit: overTime === 'every' ? 'worst value' : overTime },
    expected: { value: finite(limits.find(Number.isFinite)), unit: limitWords(limits) },
    windowMs,
  };
}

/** What was asked for, and all of the judged load: a Prometheus that stopped answering half way saw half of it. */
function wholeLoad({ judged }: RunView, [fromMs, toMs]: readonly [number, number]): [number, number] {
  return [Math.min(fromMs, judged?.fromMs ?? fromMs), Math.max(toMs, judged?.toMs ?? toMs)];
}

/** The first stretch that is a hole in the data of some target, although others still have an answer. */
function unread(
  { events }: RunView,
  { stepMs }: EventOf<'query.result'>,
  [fromMs, toMs]: readonly [number, number],
): EventOf<'alert.blind'>[] {
  return eventsOf(events, 'alert.blind')
    .filter(
      (blind) =>
        (blind.what === 'missed scrapes' || blind.what === 'Prometheus restarted') &&
        Math.min(blind.toMs, toMs) - Math.max(blind.fromMs, fromMs) > GAP_STEPS * stepMs,
    )
    .slice(0, 1);
}

/** How far outside of the limits, or, below zero, how far inside. */
function beyond(value: number, [least, most]: Limits): number {
  return Math.max(
    most === Infinity ? -Infinity : value - most,
    least === -Infinity ? -Infinity : least - value,
  );
}

function told({ value, atMs, labels }: Value): string {
  return `${value}${atMs === null ? '' : ` at ${seconds(atMs)}`} of ${labels}`;
}

function limitWords([least, most]: Limits): string {
  if (least === -Infinity) return `at most ${most}`;
  return most === Infinity ? `at least ${least}` : `${least} to ${most}`;
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
