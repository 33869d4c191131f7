import { formatDuration } from '../../../record/duration.ts';
import type { Finding } from '../finding.ts';
import { callsOf } from '../promql.ts';
import { findingAt, type RuleSet } from '../set.ts';

export const title = 'A `for` on top of the window of absent_over_time()';
export const severity = 'info';

export function find({ alerts }: RuleSet): Finding[] {
  return alerts.flatMap((rule) =>
    callsOf(rule.expr, ['absent_over_time']).flatMap((call) => {
      const [arg] = call.args;
      if (rule.forMs === 0 || arg?.kind !== 'range' || arg.windowMs === null) return [];
      return [
        findingAt(rule, call, {
          why: `The window of ${formatDuration(arg.windowMs)} has to pass without a sample first, and then for: ${formatDuration(rule.forMs)}: ${formatDuration(arg.windowMs + rule.forMs)} in all.`,
          fix: 'Leave for out, or use absent() with it.',
        }),
      ];
    }),
  );
}
