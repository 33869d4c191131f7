import { formatDuration } from '../../../record/duration.ts';
import type { Finding } from '../finding.ts';
import type { RuleSet } from '../set.ts';

export const title = 'A `for` shorter than the interval of its group';
export const severity = 'warning';

/** Fires at activeAt + ceil(for / interval) * interval (rules/alerting.go). */
export function find({ alerts }: RuleSet): Finding[] {
  return alerts.flatMap(({ file, name, forMs, forPlace, group: { intervalMs } }) => {
    if (intervalMs === null || forMs === 0 || forMs >= intervalMs) return [];
    return [
      {
        file,
        place: forPlace,
        object: `alert ${name}`,
        why: `The group is evaluated every ${formatDuration(intervalMs)}, so for: ${formatDuration(forMs)} waits ${formatDuration(intervalMs)}: two evaluations, whatever was between them.`,
        fix: `Write for: ${formatDuration(intervalMs)}, or a shorter interval.`,
      },
    ];
  });
}
