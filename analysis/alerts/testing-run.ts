/** Hand-written runs that a Prometheus watched: a healthy one, and everything about it that a test wants otherwise. */
import type { Event, EventOf, Plan } from '../../record/model.ts';
import { faultEvents, recordOf, type Story } from '../testing.ts';
import { buildView, type RunView } from '../view.ts';

/** A fault on record that lasts from second 21 to second 33. */
export const CUT = { name: 'cut', fault: { chaos: 'cut' }, forMs: 12_000 };
const CUT_MS = [21_000, 33_000] as const;
const END_MS = 64_000;

type Rule = Omit<EventOf<'alert.rule'>, 'kind' | 'at'>;

/** Of a share of errors over 5 % of 5 s, for 2 s; scraped and evaluated once a second. */
export function ruleOf(change: Partial<Rule> = {}): Event {
  return {
    at: END_MS,
    kind: 'alert.rule',
    alert: 'Errors',
    file: 'rules.yaml',
    line: 4,
    expr: 'sum(rate(writes_total{status=~"5.."}[5s])) / sum(rate(writes_total[5s])) > 0.05',
    forMs: 2_000,
    keepFiringForMs: 0,
    evaluationIntervalMs: 1_000,
    health: 'ok',
    lastError: '',
    evaluationDurationMs: 2,
    scrapeDurationMs: 5,
    watchedMs: [200, END_MS - 100],
    heldMs: [[22_000, 37_000]],
    stepMs: 1_000,
    ...change,
  };
}

/** Exact to the millisecond, as notifications are. `resolvedMs` null: it fires to the end. */
export function firedEvent(
  alert: string,
  firedMs: number,
  resolvedMs: number | null,
  labels: Record<string, string>[] = [{ alertname: alert, severity: 'critical' }],
): Event {
  return {
    at: firedMs,
    kind: 'alert.fired',
    alert,
    labels,
    firedMs: [firedMs, firedMs + 1],
    resolvedMs: resolvedMs === null ? null : [resolvedMs, resolvedMs + 1],
  };
}

export function blindEvent(
  what: EventOf<'alert.blind'>['what'],
  fromMs: number,
  toMs: number,
  detail = '',
): Event {
  return { at: toMs, kind: 'alert.blind', what, fromMs, toMs, detail };
}

export const STARTED: Event = {
  at: 200,
  kind: 'prometheus.started',
  version: '3.14.0',
  scrapeIntervalMs: 1_000,
  evaluationIntervalMs: 1_000,
  firingsFrom: 'notifications',
};

export interface WatchedStory extends Story {
  /** In place of a Prometheus that started and of what it saw. */
  prometheus?: Event[];
  compress?: number;
  queries?: Record<string, string>;
}

/** A run in which all writes due in the cut are answered with 503, and the alert fires and resolves in time. */
export function watchedView({ prometheus, compress, queries, ...story }: WatchedStory = {}): RunView {
  const record = recordOf({
    faults: [CUT],
    write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 32_000 ? { outcome: 'U', status: 503, code: 1503 } : {}),
    ...story,
    events: [
      ...faultEvents(CUT.name, ...CUT_MS),
      ...(prometheus ?? [STARTED, ruleOf(), firedEvent('Errors', 24_000, 37_500)]),
      ...(story.events ?? []),
    ],
  });
  const scenario: Plan['scenario'] = {
    ...record.plan.scenario,
    prometheus: { scrapeIntervalMs: 1_000, evaluationIntervalMs: 1_000, ...(queries && { queries }) },
  };
  return buildView({ ...record, plan: { ...record.plan, scenario, ...(compress && { compress }) } });
}
