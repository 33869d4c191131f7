import type { Finding } from '../finding.ts';
import { callsOf } from '../promql.ts';
import { findingAt, type RuleSet, source } from '../set.ts';

export const title = 'irate() in an alert';
export const severity = 'warning';

/** https://prometheus.io/docs/prometheus/latest/querying/functions/#irate: "use rate for alerts and slow-moving counters". */
export function find({ alerts }: RuleSet): Finding[] {
  return alerts.flatMap((rule) =>
    callsOf(rule.expr, ['irate']).map((call) =>
      findingAt(rule, call, {
        why: `irate() looks at the last two samples only, however long the window: one quiet scrape resets the alert's wait.`,
        fix: source(rule, call).replace('irate', 'rate'),
      }),
    ),
  );
}
