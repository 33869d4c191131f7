/** Units through arithmetic: bytes by 1024 are KiB, seconds times 1000 are milliseconds, a sum by its count is an average. */
import type { Facts } from './facts.ts';
import type { Unit } from './metric-name.ts';
import { constantOf } from './constant.ts';
import type { Expr } from './promql.ts';

/** By base unit, the constants that change its scale and nothing else. */
const SCALES: Record<string, readonly number[]> = {
  s: [1e3, 1e6, 1e9, 60, 3600, 86_400],
  By: [1e3, 1e6, 1e9, 1e12, 1024, 1024 ** 2, 1024 ** 3, 1024 ** 4],
  ratio: [100],
};

/** Null: not known. */
export function convertedUnit(op: string, l: Facts, r: Facts, left: Expr, right: Expr): Unit | null {
  const constant = constantOf(right);
  if (constant !== null && l.unit !== null) return scaled(op, l.unit, constant);
  if (op === '*' && constantOf(left) !== null && r.unit !== null)
    return scaled(op, r.unit, constantOf(left) ?? 1);
  if (op === '/') return divided(l.unit, r.unit);
  if (op === '*' && (constant === 100 || constantOf(left) === 100)) {
    const share = constant === 100 ? l.values : r.values;
    return share.lo === 0 && share.hi === 1 ? { base: 'ratio', factor: 0.01 } : null;
  }
  const equal = l.unit !== null && l.unit.base === r.unit?.base && l.unit.factor === r.unit.factor;
  return (op === '+' || op === '-') && equal ? l.unit : null;
}

function scaled(op: string, unit: Unit, by: number): Unit | null {
  if (op === '+' || op === '-') return unit;
  const scales = SCALES[unit.base.replace(/\/s$/, '')] ?? [];
  if (!scales.includes(by)) return null;
  if (op === '/') return { ...unit, factor: unit.factor * by };
  return op === '*' ? { ...unit, factor: unit.factor / by } : null;
}

function divided(a: Unit | null, b: Unit | null): Unit | null {
  if (a === null || b === null) return null;
  if (a.base === b.base) return { base: 'ratio', factor: a.factor / b.factor };
  return a.base.replace(/\/s$/, '') !== a.base && b.base === '1/s'
    ? { ...a, base: a.base.replace(/\/s$/, '') }
    : null;
}
