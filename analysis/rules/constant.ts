import type { Expr } from './promql.ts';

/** The value of a number, or of numbers multiplied: `1024 * 1024`. Null: it has none. */
export function constantOf(expr: Expr): number | null {
  if (expr.kind === 'number') return expr.value;
  if (expr.kind === 'unary') {
    const value = constantOf(expr.of);
    return value === null ? null : expr.negative ? -value : value;
  }
  if (expr.kind !== 'binary') return null;
  const [a, b] = [constantOf(expr.left), constantOf(expr.right)];
  if (a === null || b === null) return null;
  const results: Record<string, number> = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '^': a ** b };
  return results[expr.op] ?? null;
}
