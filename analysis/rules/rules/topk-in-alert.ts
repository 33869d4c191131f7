import type { Finding } from '../finding.ts';
import { type Expr, isComparison } from '../promql.ts';
import { findingAt, type RuleSet } from '../set.ts';

export const title = 'topk() in an alert: who is among them changes, and with it who fires';
export const severity = 'warning';

const SOME = ['topk', 'bottomk', 'limitk', 'limit_ratio'];

export function find({ alerts }: RuleSet): Finding[] {
  return alerts.flatMap((rule) =>
    chosen(rule.expr).map((part) =>
      findingAt(rule, part, {
        why: `A series that is not among the chosen ones in one evaluation is gone from the alert: it resolves, or its wait starts again, although nothing got better.`,
        fix: 'Leave it out; the threshold says which series matter.',
      }),
    ),
  );
}

/** On the way from the top to the values; what is only joined to them does no harm. */
function chosen(expr: Expr): Expr[] {
  if (expr.kind === 'aggregate') return SOME.includes(expr.op) ? [expr] : [];
  if (expr.kind === 'unary') return chosen(expr.of);
  if (expr.kind !== 'binary') return [];
  if (expr.group !== null) return chosen(expr.group.many === 'left' ? expr.left : expr.right);
  if (expr.op === 'and' || expr.op === 'unless' || isComparison(expr)) return chosen(expr.left);
  return [...chosen(expr.left), ...chosen(expr.right)];
}
