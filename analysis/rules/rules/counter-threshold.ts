import type { Finding } from '../finding.ts';
import { type Expr, selectorsOf, walk } from '../promql.ts';
import { decisive, findingAt, type RuleSet, source, thresholdOf } from '../set.ts';

export const title = 'A counter compared without rate() or increase(): it fires once and never resolves';
export const severity = 'warning';

/** A counter only rises until its process restarts. */
export function find({ alerts, facts }: RuleSet): Finding[] {
  const lifetime = (part: Expr) =>
    part.kind === 'binary' && part.op === '/' && facts(part.left).counter && facts(part.right).counter;
  return alerts.flatMap((rule) => {
    const parts = decisive(rule.expr).flatMap((part) => thresholdOf(part) ?? []);
    const bad = parts.filter(
      ({ measured, op, limit }) =>
        (facts(measured).counter && (op === '>' || op === '>=' || (op === '!=' && limit === 0))) ||
        walk(measured).some(lifetime),
    );
    // Beside a condition that ends, the counter's own does no harm.
    if (bad.length < parts.length) return [];
    return bad.map(({ comparison, measured, op, limit }) => {
      const counters = selectorsOf(measured).map((selector) => source(rule, selector));
      return findingAt(rule, comparison, {
        why: facts(measured).counter
          ? `${counters[0]} only rises: once above ${limit}, the alert stays until the process restarts.`
          : `${source(rule, measured)} is an average over the whole life of the process: it moves late, and hardly back.`,
        fix: facts(measured).counter
          ? `Ask how much it rose: increase(${counters[0]}[5m]) ${op} ...`
          : `Take rate(...[5m]) of ${counters.join(' and ')}.`,
        assuming: `${selectorsOf(measured)[0]?.name} is a counter, as its name says`,
      });
    });
  });
}
