/** What a run shows of each alert: its logic, its wiring, its times. One is never taken for another. */
import type { VerdictFile } from '../../record/model.ts';
import { eventsOf } from '../load-view.ts';
import type { RunView } from '../view.ts';
import { judgeAlert } from './judge.ts';
import { alertViews, type AlertView, partOfLoad } from './view.ts';

type Alerts = NonNullable<VerdictFile['alerts']>;

/** Undefined: no Prometheus was asked for. An alert of rules that were refused has its logic alone. */
export function alertClaims(view: RunView): Alerts | undefined {
  const { plan, events } = view;
  if (plan.scenario.prometheus === undefined) return undefined;
  const live = alertViews(view);
  const logic = eventsOf(events, 'alert.logic');
  const names = new Set([...live.map(({ rule }) => rule.alert), ...logic.map(({ alert }) => alert)]);
  return {
    ...(plan.compress !== undefined && { compress: plan.compress }),
    rules: [...names].map((alert) => {
      const known = logic.filter((found) => found.alert === alert);
      const wiring = liveClaim(
        view,
        live.filter(({ rule }) => rule.alert === alert),
      );
      return {
        alert,
        findings: [...new Set(known.flatMap(({ findings }) => findings))],
        logic: logicClaim(known.map(({ virtual }) => virtual)),
        wiring,
        realTime: plan.compress === undefined ? wiring : 'not-shown',
      };
    }),
  };
}

type Claims = Alerts['rules'][number];

/** Of several rules of one name, the worst. */
function logicClaim(known: readonly Claims['logic'][]): Claims['logic'] {
  if (known.includes('fails')) return 'fails';
  return known.length > 0 && known.every((one) => one === 'holds') ? 'holds' : 'not-tested';
}

function liveClaim(view: RunView, rules: readonly AlertView[]): Claims['wiring'] {
  // Firings bear the name alone: of two rules of one name it is not known which of them fired.
  if (rules.some(({ observed }) => observed.firings.length > 0))
    return rules.length === 1 ? 'fired' : 'not-shown';
  const isSilent = (alert: AlertView) =>
    partOfLoad(view, alert) === null &&
    judgeAlert(alert.timing, [], alert.observed).every(({ verdict }) => verdict === 'rightly-silent');
  return rules.length > 0 && rules.every(isSilent) ? 'silent' : 'not-shown';
}

/** When alerts began to fire, on the run's clock; undefined: no alert was watched. */
export function alertsFiringMs({ events }: Pick<RunView, 'events'>): number[] | undefined {
  if (eventsOf(events, 'alert.rule').length === 0) return undefined;
  return eventsOf(events, 'alert.fired').map(({ firedMs }) => firedMs[1]);
}
