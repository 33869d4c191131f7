import type { Finding } from '../finding.ts';
import { type Expr, walk } from '../promql.ts';
import { inEveryPart, type ReadRule, type RuleSet, source } from '../set.ts';

export const title = 'rate() of something that is no counter any more';
export const severity = 'warning';

/** "rate() first, then sum()": a sum falls when one of its targets restarts or goes, and rate() takes that for a restart of all. */
export function find({ rules }: RuleSet): Finding[] {
  const records = new Map<string, ReadRule>();
  for (const rule of rules) if (rule.kind === 'record') records.set(rule.name, rule);
  const inside = (arg: Expr | undefined): Expr | undefined => {
    if (arg?.kind === 'subquery') return arg.of;
    return arg?.kind === 'range' && arg.of.name !== null ? records.get(arg.of.name)?.expr : undefined;
  };
  return inEveryPart(rules, (part, rule) => {
    if (part.kind !== 'call' || !['rate', 'irate', 'increase'].includes(part.name)) return null;
    const [arg] = part.args;
    const of = inside(arg);
    if (arg === undefined || of === undefined) return null;
    const summed = walk(of).some(
      (inner) => inner.kind === 'aggregate' && ['sum', 'avg', 'count'].includes(inner.op),
    );
    const already = walk(of).some(
      (inner) => inner.kind === 'call' && ['rate', 'irate', 'increase'].includes(inner.name),
    );
    if (!summed && !already) return null;
    return {
      why: already
        ? `${source(rule, arg)} is a rate already, which falls as often as it rises; ${part.name}() of it means nothing.`
        : `${source(rule, arg)} is a sum: when one series of it restarts or goes, ${part.name}() counts all the others once more.`,
      fix: already
        ? 'Take max_over_time or avg_over_time of it, or deriv.'
        : `First ${part.name}, then the sum: sum(${part.name}(...[5m])).`,
    };
  });
}
