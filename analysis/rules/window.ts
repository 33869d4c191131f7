/** Windows of functions that need at least two samples, beside how often there is one. */
import type { Expr } from './promql.ts';

/** How often targets are scraped where nobody says it: the interval of most configurations. */
export const USUAL_SCRAPE_MS = 15_000;

/** These answer nothing with fewer than two samples in the window. */
const NEEDS_TWO = ['rate', 'irate', 'increase', 'delta', 'idelta', 'deriv', 'predict_linear'];

/** Null: no such function, or a window that is computed. */
export function windowOf(expr: Expr): { name: string; windowMs: number } | null {
  if (expr.kind !== 'call' || !NEEDS_TWO.includes(expr.name)) return null;
  const [arg] = expr.args;
  return arg?.kind === 'range' && arg.windowMs !== null ? { name: expr.name, windowMs: arg.windowMs } : null;
}
