/** What can be known of an expression without data: its labels, its values, its unit, and whether its series come and go with a condition. */
import { add, ANY_LABELS, drop, keep, type LabelSet, NO_LABELS, TARGET_LABELS } from './label-set.ts';
import { CHANGE, PER_SECOND, RESULTS, WITHIN } from './function-values.ts';
import { ANY_VALUE, arithmetic, flipped, hull, type Interval, narrowed, NOT_NEGATIVE } from './interval.ts';
import { isCounter, type Unit, unitOf, valuesOf } from './metric-name.ts';
import { selects } from './matcher.ts';
import { binaryLabels } from './matching.ts';
import { isPart, namedPart, same, unscaled } from './part-of-whole.ts';
import type { Aggregate, Binary, Call, Expr, Selector } from './promql.ts';
import { isComparison, isSetOperation } from './promql.ts';
import { typeOf } from './promql-types.ts';
import { convertedUnit } from './unit.ts';

export interface Facts {
  labels: LabelSet;
  values: Interval;
  unit: Unit | null;
  /** A series is there only while something is the case: a comparison, absent(). An alert fires on any series. */
  conditional: boolean;
  /** Rises until a restart: the value of a counter itself. */
  counter: boolean;
}

/** A recorded name's expression with the labels its rule adds; null: nobody in the set, or more than one rule, records it. */
export type Recorded = (name: string) => { expr: Expr; labels: string[] } | null;

const UNKNOWN: Facts = {
  labels: ANY_LABELS,
  values: ANY_VALUE,
  unit: null,
  conditional: false,
  counter: false,
};

/** Recorded names that are followed into each other, and levels of expressions on the way: deeper than that nothing is known. */
const MAX_NAMES = 200;
const MAX_LEVELS = 1_000;

/** The facts of every expression of a set; each is worked out once. */
export function inference(recorded: Recorded): (expr: Expr) => Facts {
  const known = new WeakMap<Expr, Facts>();
  const open = new Set<string>();
  let level = 0;
  const of = (expr: Expr): Facts => {
    level += 1;
    const found = known.get(expr) ?? infer(expr);
    level -= 1;
    known.set(expr, found);
    return found;
  };

  function infer(expr: Expr): Facts {
    switch (expr.kind) {
      case 'number':
        return { ...UNKNOWN, labels: NO_LABELS, values: { lo: expr.value, hi: expr.value } };
      case 'range':
      case 'subquery':
        return of(expr.of);
      case 'unary': {
        const inner = of(expr.of);
        if (!expr.negative) return inner;
        return { ...inner, values: arithmetic('-', { lo: 0, hi: 0 }, inner.values), counter: false };
      }
      case 'selector':
        return selector(expr);
      case 'call':
        return call(expr);
      case 'aggregate':
        return aggregate(expr);
      case 'binary':
        return binary(expr);
      default:
        return UNKNOWN;
    }
  }

  function selector({ name, matchers, shift }: Selector): Facts {
    const there = matchers.filter((matcher) => selects(matcher, '') === false).map(({ label }) => label);
    const gone = matchers.filter(({ op, value }) => op === '=' && value === '').map(({ label }) => label);
    const rule = name === null || open.has(name) ? null : recorded(name);
    if (name !== null && rule !== null) {
      if (open.size >= MAX_NAMES || level >= MAX_LEVELS) return UNKNOWN;
      // A rule that reads itself (through others) has no facts.
      open.add(name);
      const inner = of(rule.expr);
      open.delete(name);
      return {
        ...inner,
        labels: add(add(inner.labels, rule.labels, true), there, true),
        counter: inner.counter && shift === '',
      };
    }
    const scraped = name !== null && !name.includes(':') && !name.startsWith('ALERTS');
    const labels = drop({ ...ANY_LABELS, scraped: scraped ? TARGET_LABELS : new Set<string>() }, gone);
    return {
      labels: add(labels, there, true),
      values: valuesOf(name) ?? ANY_VALUE,
      unit: unitOf(name),
      conditional: name === 'ALERTS' || name === 'ALERTS_FOR_STATE',
      counter: isCounter(name) && shift === '',
    };
  }

  function call({ name, args }: Call): Facts {
    const vector = args.find((arg) => ['vector', 'range'].includes(typeOf(arg)));
    const inner = vector ? of(vector) : { ...UNKNOWN, labels: NO_LABELS };
    const base = { ...inner, counter: false, values: RESULTS[name] ?? ANY_VALUE, unit: null };
    if (name === 'absent' || name === 'absent_over_time')
      return { ...base, labels: absentLabels(vector), conditional: true };
    if (name === 'present_over_time') return { ...base, conditional: true };
    if (name === 'vector')
      return { ...base, labels: NO_LABELS, values: args[0] ? of(args[0]).values : ANY_VALUE };
    if (name === 'scalar')
      return { ...base, labels: NO_LABELS, values: inner.values, unit: inner.unit, conditional: false };
    if (name === 'histogram_quantile') {
      const { unit } = inner;
      return {
        ...base,
        labels: drop(inner.labels, ['le']),
        // Buckets are counted per second; the quantile is in the unit of their bounds.
        unit: unit && { ...unit, base: unit.base.replace(/\/s$/, '') },
        values: unit === null ? ANY_VALUE : NOT_NEGATIVE,
      };
    }
    if (PER_SECOND.includes(name) || CHANGE.includes(name)) {
      const up = ['rate', 'irate', 'increase'].includes(name) && inner.values.lo >= 0;
      const unit = inner.unit ?? (inner.counter ? { base: '1', factor: 1 } : null);
      return {
        ...base,
        values: up ? NOT_NEGATIVE : ANY_VALUE,
        unit: unit && (PER_SECOND.includes(name) ? { ...unit, base: `${unit.base}/s` } : unit),
      };
    }
    if (name === 'sum_over_time')
      return { ...base, unit: inner.unit, values: inner.values.lo >= 0 ? NOT_NEGATIVE : ANY_VALUE };
    if (name === 'clamp_min' || name === 'clamp_max') {
      const limit = args[1]?.kind === 'number' ? args[1].value : null;
      const values =
        limit === null ? ANY_VALUE : narrowed(inner.values, name === 'clamp_min' ? '>=' : '<=', limit);
      return { ...base, unit: inner.unit, values };
    }
    if (['round', 'ceil', 'floor', 'abs'].includes(name))
      return { ...base, unit: inner.unit, values: inner.values.lo >= 0 ? NOT_NEGATIVE : base.values };
    if (!WITHIN.includes(name)) return base;
    const [, target] = args;
    const labels =
      name === 'info'
        ? ANY_LABELS
        : name.startsWith('label_') && target?.kind === 'string'
          ? add(drop(inner.labels, [target.value]), [target.value])
          : inner.labels;
    return { ...inner, labels };
  }

  function absentLabels(vector: Expr | undefined): LabelSet {
    const asked = vector?.kind === 'range' ? vector.of : vector;
    if (asked?.kind !== 'selector') return NO_LABELS;
    const equal = asked.matchers
      .filter(({ op, value }) => op === '=' && value !== '')
      .map(({ label }) => label);
    return add(NO_LABELS, equal, true);
  }

  function aggregate({ op, of: inside, param, grouping }: Aggregate): Facts {
    const inner = of(inside);
    const { values } = inner;
    const among = ['topk', 'bottomk', 'limitk', 'limit_ratio'].includes(op);
    const grouped = among
      ? inner.labels
      : grouping === null
        ? NO_LABELS
        : grouping.by
          ? keep(inner.labels, grouping.labels)
          : drop(inner.labels, grouping.labels);
    const labels =
      op === 'count_values' && param?.kind === 'string' ? add(grouped, [param.value], true) : grouped;
    const counts = op === 'count' || op === 'count_values';
    const within = among || ['min', 'max', 'avg', 'quantile'].includes(op);
    const result =
      op === 'group'
        ? { lo: 1, hi: 1 }
        : counts
          ? { lo: op === 'count' ? 1 : Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY }
          : within
            ? values
            : (op === 'sum' && values.lo >= 0) || op.startsWith('std')
              ? { ...values, lo: 0, hi: Number.POSITIVE_INFINITY }
              : ANY_VALUE;
    return {
      labels,
      values: result,
      unit: within || op === 'sum' ? inner.unit : null,
      conditional: inner.conditional,
      counter: inner.counter && (op === 'sum' || within),
    };
  }

  function binary(expr: Binary): Facts {
    const { left, right, op, bool } = expr;
    const [l, r] = [of(left), of(right)];
    const vectors = typeOf(left) === 'vector' && typeOf(right) === 'vector';
    const labels = vectors
      ? binaryLabels(expr, l.labels, r.labels)
      : typeOf(left) === 'vector'
        ? l.labels
        : r.labels;
    if (isSetOperation(expr)) {
      if (op === 'or')
        return {
          labels,
          values: hull(l.values, r.values),
          unit: l.unit,
          conditional: l.conditional && r.conditional,
          counter: l.counter && r.counter,
        };
      return { ...l, labels, conditional: op === 'unless' || l.conditional || r.conditional };
    }
    const conditional = l.conditional || r.conditional;
    if (isComparison(expr)) {
      if (bool) return { labels, values: { lo: 0, hi: 1 }, unit: null, conditional, counter: false };
      const [kept, limit, side] = typeOf(left) === 'scalar' ? [r, left, flipped(op)] : [l, right, op];
      const values = limit.kind === 'number' ? narrowed(kept.values, side, limit.value) : kept.values;
      return { ...kept, values, labels, conditional: true };
    }
    const share = quotient(expr, l, r);
    return {
      labels,
      values: share ?? arithmetic(op, l.values, r.values),
      unit: share?.lo === 0 ? { base: 'ratio', factor: 1 / share.hi } : convertedUnit(op, l, r, left, right),
      conditional,
      counter: scaledCounter(expr, l, r),
    };
  }

  function quotient({ op, left, right }: Binary, l: Facts, r: Facts): Interval | null {
    if (op !== '/') return null;
    const { factor, of: part } = unscaled(left);
    if (isPart(part, right)) return { lo: 0, hi: factor };
    const assuming = namedPart(part, right);
    if (assuming !== null) return { lo: 0, hi: factor, assuming };
    // (all - free) / all
    if (left.kind !== 'binary' || left.op !== '-' || !same(left.left, right)) return null;
    const rest = quotient({ ...left, op: '/', left: left.right, right }, of(left.right), r);
    if (rest !== null) return rest;
    return of(left.right).values.lo >= 0 && r.values.lo >= 0
      ? { ...l.values, lo: Number.NEGATIVE_INFINITY, hi: 1 }
      : null;
  }

  return of;
}

function scaledCounter({ op, left, right }: Binary, l: Facts, r: Facts): boolean {
  if (right.kind === 'number') return l.counter && ['+', '-', '*', '/'].includes(op) && right.value > 0;
  if (left.kind === 'number') return r.counter && ['+', '*'].includes(op) && left.value > 0;
  return op === '+' && l.counter && r.counter;
}
