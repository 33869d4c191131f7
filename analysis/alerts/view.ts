/** From the record of a run to its alerts: each rule with its times, and what was seen of it. */
import type { EventOf } from '../../record/model.ts';
import { history, type Judgement, seconds } from '../check.ts';
import { eventsOf } from '../load-view.ts';
import { parsePromql, PromqlError } from '../rules/promql-parse.ts';
import { type Expr, selectorsOf } from '../rules/promql.ts';
import type { RunView } from '../view.ts';
import { conditionOf, lookBackMs, type TimedCondition } from './condition.ts';
import type { Gap, ObservedAlert } from './observed.ts';
import type { RuleTiming, Span } from './timing.ts';

/** Of Prometheus, unless the interval is shorter. */
const SCRAPE_TIMEOUT_MS = 10_000;
/** In the detail of missed scrapes: the target was asked and did not answer. */
const FAILED_SCRAPE = /\bup 0\b/;

export interface AlertView {
  rule: EventOf<'alert.rule'>;
  /** Where the condition is not understood, its window is as far as the rule looks back: enough to say how long a silence has to be. */
  timing: RuleTiming;
  timed: TimedCondition | { condition: null; why: string };
  observed: ObservedAlert;
}

export const ALERT_EVIDENCE = [history('alert.rule'), history('alert.fired'), history('alert.blind')];

/** Why nothing can be said of anything that Prometheus was to see, each cause in words of its own; null: it watched. */
export function unwatched({
  plan,
  events,
  stopped,
}: Pick<RunView, 'plan' | 'events' | 'stopped'>): Judgement | null {
  const say = (verdict: Judgement['verdict'], reason: string, kind: string): Judgement => ({
    verdict,
    reason,
    evidence: [history(kind)],
  });
  if (plan.scenario.prometheus === undefined)
    return say(
      'invalid',
      'the scenario has no Prometheus, so nobody watched; give it one in `prometheus`',
      'run.started',
    );
  const ended = eventsOf(events, 'prometheus.ended').find(({ why }) => why !== '');
  if (ended?.rulesRefused === true)
    return say(
      'invalid',
      `Prometheus refused the rules, so none was evaluated: ${ended.why}`,
      'prometheus.ended',
    );
  if (eventsOf(events, 'prometheus.started').length === 0)
    return stopped !== null && ended === undefined
      ? say('not_run', `Prometheus was never started: ${stopped}`, 'prometheus.started')
      : say(
          'invalid',
          `Prometheus was never started: ${ended?.why ?? 'nothing says why'}`,
          'prometheus.ended',
        );
  const unscraped = eventsOf(events, 'alert.blind').find(
    ({ what, alert }) => what === 'not scraped' && alert === undefined,
  );
  if (unscraped !== undefined)
    return say('invalid', `Prometheus never scraped the system: ${unscraped.detail}`, 'alert.blind');
  if (ended !== undefined && eventsOf(events, 'alert.rule').length === 0)
    return say('invalid', `Prometheus did not last to the end of the run: ${ended.why}`, 'prometheus.ended');
  return null;
}

/** Every alert of the rules as Prometheus had them when the run ended. */
export function alertViews({ events }: Pick<RunView, 'events'>): AlertView[] {
  const scrapeIntervalMs = eventsOf(events, 'prometheus.started')[0]?.scrapeIntervalMs ?? Number.NaN;
  const scrape = { scrapeIntervalMs, scrapeTimeoutMs: Math.min(SCRAPE_TIMEOUT_MS, scrapeIntervalMs) };
  return eventsOf(events, 'alert.rule').map((rule) => {
    const expr = readExpr(rule.expr);
    const timed = typeof expr === 'string' ? { condition: null, why: expr } : conditionOf(expr, scrape);
    const windowMs = typeof expr === 'string' ? Infinity : lookBackMs(expr);
    const { forMs, keepFiringForMs, evaluationIntervalMs } = rule;
    return {
      rule,
      timing: {
        condition: timed.condition ?? { kind: 'ratio', windowMs, threshold: 0 },
        forMs,
        keepFiringForMs,
        evaluationIntervalMs,
        scrapeIntervalMs,
      },
      timed,
      observed: observedAlert(rule, events, seesTargets(expr)),
    };
  });
}

/** Null: it was watched as long as the judged load ran. */
export function partOfLoad({ judged }: RunView, { observed: { watched } }: AlertView): string | null {
  if (judged === null) return 'no judged load was started';
  return watched.fromMs <= judged.fromMs && watched.toMs >= judged.toMs
    ? null
    : `it was watched from ${seconds(watched.fromMs)} to ${seconds(watched.toMs)}, and the load ran from ${seconds(judged.fromMs)} to ${seconds(judged.toMs)}`;
}

function readExpr(text: string): Expr | string {
  try {
    return parsePromql(text);
  } catch (error) {
    if (error instanceof PromqlError) return `its expression cannot be read: ${error.message}`;
    throw error;
  }
}

/** A scrape that fails is what such a rule is for, and no blindness. */
function seesTargets(expr: Expr | string): boolean {
  // Beside `up`, what else the target tells is missing then.
  return typeof expr !== 'string' && selectorsOf(expr).every(({ name }) => name === 'up');
}

function observedAlert(
  { alert, watchedMs, health, lastError, heldMs }: EventOf<'alert.rule'>,
  events: RunView['events'],
  isAboutTargets: boolean,
): ObservedAlert {
  const firings = eventsOf(events, 'alert.fired').filter((fired) => fired.alert === alert);
  const gaps = eventsOf(events, 'alert.blind').filter(
    (blind) =>
      (blind.alert ?? alert) === alert &&
      !(isAboutTargets && blind.what === 'missed scrapes' && FAILED_SCRAPE.test(blind.detail)),
  );
  // What was not seen when the watch began is no part of it.
  const watched = spanOf(watchedMs);
  for (const { fromMs, toMs } of gaps.toSorted((a, b) => a.fromMs - b.fromMs))
    if (fromMs <= watched.fromMs && toMs >= watched.fromMs) watched.fromMs = Math.min(toMs, watched.toMs);
  return {
    name: alert,
    watched,
    firings: firings
      .map(({ firedMs, resolvedMs }) => ({
        firedMs: spanOf(firedMs),
        resolvedMs: resolvedMs && spanOf(resolvedMs),
      }))
      .toSorted((a, b) => a.firedMs.fromMs - b.firedMs.fromMs),
    gaps: gaps
      .map(({ what, fromMs, toMs }): Gap => ({ what, fromMs, toMs }))
      .filter(({ toMs }) => toMs > watched.fromMs),
    health,
    lastError,
    conditionHeld: heldMs && heldMs.map(spanOf),
  };
}

export function spanOf([fromMs, toMs]: readonly [number, number]): Span {
  return { fromMs, toMs };
}
