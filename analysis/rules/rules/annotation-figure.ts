import type { Finding } from '../finding.ts';
import { nearMiss } from '../figure.ts';
import { walk } from '../promql.ts';
import { decisive, type RuleSet, source, thresholdOf } from '../set.ts';

export const title = 'An annotation that names another figure than the expression';
export const severity = 'warning';

/** Only figures that are off by a factor between two units: whoever reads the alert believes one of them. */
export function find({ alerts, facts }: RuleSet): Finding[] {
  return alerts.flatMap((rule) => {
    const [threshold, ...more] = decisive(rule.expr).flatMap((part) => thresholdOf(part) ?? []);
    const unit = threshold && facts(threshold.measured).unit;
    if (!threshold || !unit || more.length > 0 || threshold.limit === 0) return [];
    const durationsMs = [
      rule.forMs,
      ...walk(rule.expr).map((part) => ('windowMs' in part ? part.windowMs : null)),
    ];
    for (const [name, { text, line, column }] of rule.annotations) {
      const figure = nearMiss(text, unit, threshold.limit, durationsMs);
      if (figure === null) continue;
      return [
        {
          file: rule.file,
          place: { line, column },
          object: `alert ${rule.name}`,
          why: `${name} says ${figure.said}, and ${source(rule, threshold.comparison)} is ${figure.meant}.`,
          fix: 'Make the two say the same.',
          assuming: `the text means this threshold`,
        },
      ];
    }
    return [];
  });
}
