import type { Finding } from '../finding.ts';
import { isPart, unscaled } from '../part-of-whole.ts';
import { callsOf, isSetOperation, walk } from '../promql.ts';
import { findingAt, type RuleSet, source, thresholdsOf } from '../set.ts';

export const title = 'A success ratio that is silent when nothing comes at all';
export const severity = 'info';

export function find({ alerts }: RuleSet): Finding[] {
  return alerts.flatMap((rule) => {
    // Whoever combines conditions has thought of more than one case.
    if (walk(rule.expr).some(isSetOperation)) return [];
    return thresholdsOf(rule.expr).flatMap(({ comparison, measured, op }) => {
      const share =
        measured.kind === 'binary' &&
        measured.op === '/' &&
        isPart(unscaled(measured.left).of, measured.right);
      const rates = callsOf(measured, ['rate', 'increase', 'irate']).length > 0;
      if (!share || !rates || !op.startsWith('<')) return [];
      return [
        findingAt(rule, comparison, {
          why: `Without any traffic ${source(rule, measured)} is 0/0 = NaN, or empty, and neither is ${op} anything: a full outage may not fire.`,
          fix: 'Keep a second alert for no traffic (rate == 0, or absent), or for the target down.',
        }),
      ];
    });
  });
}
