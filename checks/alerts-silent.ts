/** No alert fires that nobody expects, over the whole run: an alert that cries wolf is not looked at when it matters. */
import { z } from 'zod';
import { judgeAlert } from '../analysis/alerts/judge.ts';
import {
  ALERT_EVIDENCE,
  alertViews,
  type AlertView,
  partOfLoad,
  unwatched,
} from '../analysis/alerts/view.ts';
import { type Judgement, seconds } from '../analysis/check.ts';
import { eventsOf } from '../analysis/load-view.ts';
import type { RunView } from '../analysis/view.ts';
import { nearest } from '../record/nearest.ts';

export const title = 'No other alert fires';
export const scope = 'run';
export const restsOn = 'load';
export const needsPrometheus = true;

export const options = z.strictObject({
  /** Alerts that may fire: those that a fault of the run is expected to set off. */
  except: z.array(z.string().min(1)).default([]),
});

const MAX_NAMED = 10;

export function judge(view: RunView, { except }: z.infer<typeof options>): Judgement {
  const unseen = unwatched(view);
  if (unseen) return unseen;
  const alerts = alertViews(view);
  const names = alerts.map(({ rule }) => rule.alert);
  const say = (verdict: Judgement['verdict'], reason: string): Judgement => ({
    verdict,
    reason: `${reason}.`,
    evidence: ALERT_EVIDENCE,
  });
  const stranger = except.find((name) => !names.includes(name));
  if (stranger !== undefined && alerts.length > 0) {
    const near = nearest(names, stranger);
    return say(
      'invalid',
      `"${stranger}" of except is no alert of the rules${near === undefined ? '' : `, did you mean "${near}"?`} (${names.join(', ')})`,
    );
  }
  const watched = alerts.filter(({ rule }) => !except.includes(rule.alert));
  if (watched.length === 0)
    return say(
      'inconclusive',
      alerts.length === 0 ? 'no alert was read back from Prometheus' : 'every alert of the rules is excepted',
    );
  const judged = watched.map((alert) => ({ alert, found: judgeAlert(alert.timing, [], alert.observed) }));
  const loud = judged.filter(({ found }) => found.some(({ verdict }) => verdict === 'unexpected'));
  const unsure = judged.flatMap(({ alert, found }) => {
    const why = found.find(({ verdict }) => verdict === 'not-judgeable')?.why ?? partOfLoad(view, alert);
    return why === null ? [] : [`${alert.rule.alert}: ${why}`];
  });
  // A history that lost the rule, or a firing told of no rule: whatever it was, it was not silent.
  const ruleless = [...new Set(eventsOf(view.events, 'alert.fired').map(({ alert }) => alert))].filter(
    (alert) => !names.includes(alert) && !except.includes(alert),
  );
  unsure.push(...ruleless.map((alert) => `${alert}: it fired, and its rule is not on record`));
  const doubts = unsure.length === 0 ? '' : `not known of ${listed(unsure)}`;
  if (loud.length > 0)
    return {
      ...say(
        'fail',
        [listed(loud.flatMap(({ alert }) => firingsOf(view, alert))), doubts].filter(Boolean).join('; '),
      ),
      observed: { value: loud.length, unit: 'alerts fired' },
      expected: { value: 0, unit: 'alerts fired' },
    };
  if (doubts !== '') return say('inconclusive', doubts);
  return {
    ...say('pass', `${watched.length} alerts were watched for as long as they take to fire, and none did`),
    observed: { value: 0, unit: 'alerts fired' },
  };
}

/** Each firing with its time and its labels, without those that every alert has. */
function firingsOf({ events }: RunView, { rule: { alert } }: AlertView): string[] {
  return eventsOf(events, 'alert.fired')
    .filter((fired) => fired.alert === alert)
    .map(({ firedMs, resolvedMs, labels }) => {
      const until = resolvedMs === null ? 'to the end of the watch' : `to ${seconds(resolvedMs[1])}`;
      const series = labels.map(
        (label) =>
          `{${Object.entries(label)
            .filter(([key]) => key !== 'alertname')
            .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
            .join(', ')}}`,
      );
      return `${alert} fired from ${seconds(firedMs[1])} ${until} ${listed(series)}`.trimEnd();
    });
}

function listed(texts: readonly string[]): string {
  const more = texts.length - MAX_NAMED;
  return `${texts.slice(0, MAX_NAMED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
