import type { Finding } from '../finding.ts';
import type { ReadRule, RuleSet } from '../set.ts';

export const title = 'Two alerts with one name and the same labels';
export const severity = 'warning';

export function find({ alerts }: RuleSet): Finding[] {
  const first = new Map<ReadRule['group'], Map<string, ReadRule>>();
  return alerts.flatMap((rule) => {
    const seen = first.get(rule.group) ?? new Map<string, ReadRule>();
    first.set(rule.group, seen);
    const labels = [...rule.labels].map(([name, { text }]) => `${name}=${text}`).sort();
    const key = JSON.stringify([rule.name, labels]);
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, rule);
      return [];
    }
    return [
      {
        file: rule.file,
        place: rule.place,
        object: `alert ${rule.name}`,
        why: `The alert in line ${before.place.line} has this name and these labels, too: where both fire for a series, Alertmanager sees one alert, and one that resolves ends both.`,
        fix: 'Give one another name, or a label of its own, such as severity.',
      },
    ];
  });
}
