/** The last questions to a Prometheus: what became of each alert, told in the record's own words. */
import type { EventOf } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import type { NewEvent } from '../../record/writer.ts';
import type { PrometheusApi } from '../prometheus-api.ts';
import type { WallClock } from './clock.ts';
import { type Activity, activitiesOf, disagreements, type Firing, firingsOf } from './firings.ts';
import type { Blind, GroupLook } from './looks.ts';
import type { Notified } from './receiver.ts';
import { queryLong, type Range, samplesOf, withoutLabels } from './samples.ts';
import type { WatchPlan } from './watch-plan.ts';

/** Times are told to a millisecond, and clocks are read to one. */
const ROUNDING_MS = 1;
/** An event has its size; more label sets than this tell no more. */
const MAX_LABEL_SETS = 20;

type Span = [number, number];
type LoadedAlert = GroupLook['rules'][number];

export interface AccountInput {
  plan: WatchPlan;
  /** Null: it is gone, and cannot be asked. */
  api: PrometheusApi | null;
  clock: WallClock;
  /** As seen last; `evaluatedMs` lies a few milliseconds behind the slot of its evaluation. */
  groups: readonly GroupLook[];
  /** On the run's clock: when there was something to see for the first time, and the last look that was answered. */
  watchedMs: Span;
  /** Null: notifications have no way here. */
  notified: readonly Notified[] | null;
  /** By group, as file and name: the longest evaluation that was seen. */
  longestEvaluationMs: ReadonlyMap<string, number>;
  scrapeDurationMs: number;
}

/** `alert.rule`, `alert.fired` and what of `alert.blind` follows from them, of every alert. Never rejects. */
export async function accountOf(input: AccountInput): Promise<NewEvent[]> {
  const events: NewEvent[] = [];
  for (const group of input.groups)
    for (const rule of group.rules)
      if (rule.type === 'alerting') events.push(...(await accountOfAlert(input, group, rule)));
  return events;
}

async function accountOfAlert(input: AccountInput, group: GroupLook, rule: LoadedAlert): Promise<NewEvent[]> {
  const { plan, api, clock, watchedMs, notified } = input;
  const stepMs = Math.round(group.interval * 1_000);
  const evaluatedMs = group.evaluatedMs ?? clock.toWallMs(watchedMs[1]);
  const toMs = Math.max(watchedMs[0], Math.min(watchedMs[1], clock.toRunMs(evaluatedMs)));
  const seen = { fromMs: clock.toWallMs(watchedMs[0]), toMs: evaluatedMs };
  const blind: Blind[] = [];
  const nobody = (span: { fromMs: number; toMs: number }, detail: string) =>
    blind.push({
      alert: rule.name,
      what: 'nobody looked',
      fromMs: clock.toRunMs(span.fromMs),
      toMs: clock.toRunMs(span.toMs),
      detail,
    });

  const sampled = await sampledAlerts(api, rule.name, evaluations(seen, stepMs, evaluatedMs));
  const bySample = typeof sampled === 'string' ? null : firingsOf(sampled.activities);
  const byNotification =
    notified &&
    firingsOf(
      notified
        .filter(({ labels }) => labels['alertname'] === rule.name)
        .map(({ labels, firedWallMs, resolvedWallMs }) => ({
          labels,
          fromMs: firedWallMs,
          toMs: resolvedWallMs,
        })),
    );
  // Notifications alone are no account: one that got lost on its way is as silent as an alert that did not fire.
  if (typeof sampled === 'string') nobody(seen, `the samples of ALERTS could not be had: ${sampled}`);
  if (bySample !== null && byNotification !== null)
    for (const span of disagreements(byNotification, bySample, seen))
      nobody(span, 'the notifications and the samples of ALERTS differ');

  // While the condition holds there are samples of ALERTS, and they bear the very times of the evaluations.
  const slotMs = typeof sampled === 'string' ? evaluatedMs : (sampled.slotMs ?? evaluatedMs);
  return [
    {
      kind: 'alert.rule',
      alert: rule.name,
      ...placeOf(plan, group.name, rule.name),
      expr: rule.query,
      forMs: rule.duration * 1_000,
      keepFiringForMs: rule.keepFiringFor * 1_000,
      evaluationIntervalMs: stepMs,
      health: rule.health === 'ok' || rule.health === 'err' ? rule.health : 'unknown',
      lastError: rule.lastError,
      evaluationDurationMs: input.longestEvaluationMs.get(groupKey(group)) ?? 0,
      scrapeDurationMs: input.scrapeDurationMs,
      watchedMs: [watchedMs[0], toMs],
      heldMs: await held(input, rule.query, evaluations(seen, stepMs, slotMs)),
      stepMs,
    },
    ...(byNotification ?? bySample ?? [])
      .filter((firing) => firing.toMs === null || firing.toMs > seen.fromMs)
      .map((firing) => firedEvent(rule.name, firing, clock)),
    ...blind.map((found) => ({ kind: 'alert.blind' as const, ...found })),
  ];
}

export function groupKey({ file, name }: { file: string; name: string }): string {
  return `${file};${name}`;
}

/** Evaluations are slots of one length: those between two times, `slotMs` being one of them, wherever it lies. */
function evaluations(
  { fromMs, toMs }: { fromMs: number; toMs: number },
  stepMs: number,
  slotMs: number,
): Range {
  const onSlot = (ms: number) => slotMs + Math.floor((ms - slotMs) / stepMs) * stepMs;
  return { fromMs: onSlot(fromMs + stepMs - 1), toMs: onSlot(toMs), stepMs };
}

/** What ALERTS says: when which label set fired, and the time of one evaluation that saw the condition. A text: why it could not be asked. */
async function sampledAlerts(
  api: PrometheusApi | null,
  alert: string,
  range: Range,
): Promise<{ activities: Activity[]; slotMs: number | null } | string> {
  if (api === null) return 'Prometheus is gone';
  try {
    const sampled = await samplesOf(api, `ALERTS{alertname=${JSON.stringify(alert)}}`, range);
    const activities = sampled
      .filter(({ labels }) => labels['alertstate'] === 'firing')
      .flatMap(({ labels, samples }) =>
        activitiesOf(
          withoutLabels(labels, ['__name__', 'alertstate']),
          samples.map(({ atMs }) => atMs),
          { evaluationIntervalMs: range.stepMs, untilMs: range.toMs },
        ),
      );
    return { activities, slotMs: sampled[0]?.samples[0]?.atMs ?? null };
  } catch (error) {
    return reasonOf(error);
  }
}

/** When the expression had a result, at the very evaluations. Null: it could not be asked. */
async function held({ api, clock }: AccountInput, expr: string, range: Range): Promise<Span[] | null> {
  if (api === null) return null;
  try {
    const series = await queryLong(api, expr, range);
    const times = [...new Set(series.flatMap(({ value }) => value.map(([atMs]) => atMs)))];
    const spans: Span[] = [];
    for (const atMs of times.toSorted((a, b) => a - b)) {
      const last = spans.at(-1);
      if (last !== undefined && atMs - last[1] <= range.stepMs + ROUNDING_MS) last[1] = atMs;
      else spans.push([atMs, atMs]);
    }
    return spans.map(([fromMs, toMs]) => [clock.toRunMs(fromMs), clock.toRunMs(toMs)]);
  } catch {
    return null;
  }
}

function firedEvent(alert: string, { labels, fromMs, toMs }: Firing, clock: WallClock): NewEvent {
  const near = (wallMs: number): Span => {
    const atMs = clock.toRunMs(wallMs);
    return [atMs - ROUNDING_MS, atMs + ROUNDING_MS];
  };
  return {
    kind: 'alert.fired',
    alert,
    labels: labels.slice(0, MAX_LABEL_SETS),
    firedMs: near(fromMs),
    resolvedMs: toMs === null ? null : near(toMs),
  };
}

/** Where the system's own file has the rule; as Prometheus has it where it is not there. */
function placeOf(
  { written }: WatchPlan,
  group: string,
  alert: string,
): Pick<EventOf<'alert.rule'>, 'file' | 'line'> {
  const entries = written?.groups.flatMap(({ name, rules }) => (name === group ? rules : [])) ?? [];
  const entry = entries.find(({ kind, name }) => kind === 'alert' && name === alert);
  return { file: entry?.file ?? '', line: entry?.place.line ?? 0 };
}
