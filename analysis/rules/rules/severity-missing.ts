import type { Finding } from '../finding.ts';
import type { RuleSet } from '../set.ts';

export const title = 'An alert without the severity that the others of its file have';
export const severity = 'info';

/** Labels are everybody's own convention: only a file that uses this one is held to it. */
export function find({ alerts }: RuleSet): Finding[] {
  const has = ({ labels, group }: (typeof alerts)[number]) =>
    labels.has('severity') || group.labels.has('severity');
  const used = new Set(alerts.filter(has).map(({ file }) => file));
  return alerts
    .filter((rule) => used.has(rule.file) && !has(rule))
    .map(({ file, place, name }) => ({
      file,
      place,
      object: `alert ${name}`,
      why: 'Other alerts of this file have a label severity, and routes are usually made of it: this one may go nowhere.',
      fix: 'Add labels: { severity: ... }.',
    }));
}
