/** Whether an expression is a share of something, so that its threshold lies between 0 and 1. */
import type { Facts } from './facts.ts';
import { type Expr, walk } from './promql.ts';

/** Values of 0 to 1 that are not just 0 or 1. */
export function isShare(expr: Expr, facts: (expr: Expr) => Facts): boolean {
  const { values, unit } = facts(expr);
  if (values.lo !== 0 || values.hi !== 1) return false;
  const averaged = walk(expr).some(
    (part) =>
      (part.kind === 'aggregate' && part.op === 'avg') ||
      (part.kind === 'call' && ['avg_over_time', 'histogram_fraction'].includes(part.name)) ||
      (part.kind === 'binary' && part.op === '/'),
  );
  return averaged || (unit?.base === 'ratio' && unit.factor === 1);
}
