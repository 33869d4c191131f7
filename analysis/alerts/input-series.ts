/**
 * Series that give an expression a value: its tree, solved from the outside in. A counter is a line with a slope, a gauge is flat, a
 * histogram has its buckets around the value. What is not understood is said, never guessed.
 */
import { constantOf } from '../rules/constant.ts';
import { isCounter } from '../rules/metric-name.ts';
import type { Aggregate, Binary, Call, Expr } from '../rules/promql.ts';
import { bucketsFor } from './input-histogram.ts';
import { labelsFor, partOfWhole } from './input-labels.ts';
import { type Input, type Levels, NotUnderstood, seriesName } from './input.ts';

/** What both sides of a division or a difference are measured by, where nothing else says how much. */
const USUAL_LEVEL = 100;

interface Solving {
  /** Labels that an aggregation keeps, so each of its series has them. */
  keeps: readonly string[];
  /** Levels that are given already, by selector and function as written. */
  given: Map<string, Levels>;
  /** The expression that the places of the tree belong to. */
  text: string;
}

/** Throws NotUnderstood. */
export function inputsFor(expr: Expr, values: Levels, text: string): Input[] {
  const inputs = solve(expr, values, { keeps: [], given: new Map(), text });
  const found = new Map<string, Input>();
  for (const input of inputs) {
    const name = seriesName(input);
    const same = found.get(name) ?? input;
    if (String(same.levels) !== String(input.levels))
      throw new NotUnderstood(`${name} would have to have two values at once`);
    found.set(name, same);
  }
  return [...found.values()];
}

function solve(expr: Expr, values: Levels, solving: Solving): Input[] {
  if (!values.every(Number.isFinite))
    throw new NotUnderstood(`a part of it would have to be ${values.join(' and ')}`);
  switch (expr.kind) {
    case 'selector':
      return series(expr, 'gauge', values, solving);
    case 'unary':
      return solve(
        expr.of,
        values.map((value) => (expr.negative ? -value : value)),
        solving,
      );
    case 'aggregate':
      return aggregate(expr, values, solving);
    case 'call':
      return call(expr, values, solving);
    case 'binary':
      return binary(expr, values, solving);
    default:
      throw new NotUnderstood(`a ${expr.kind} in this place`);
  }
}

function series(expr: Expr, kind: Input['kind'], levels: Levels, { keeps, given, text }: Solving): Input[] {
  if (expr.kind !== 'selector') throw new NotUnderstood(`a ${expr.kind} where a series is needed`);
  if (expr.name === null) throw new NotUnderstood('a selector without a name');
  if (expr.shift !== '') throw new NotUnderstood(expr.shift);
  if (kind === 'gauge' && isCounter(expr.name))
    throw new NotUnderstood(`${expr.name} is a counter by its name and compared as it stands: it only grows`);
  given.set(text.slice(expr.from, expr.to), levels);
  return [{ name: expr.name, labels: labelsFor(expr, keeps), kind, levels, selector: expr }];
}

/** With one series under it, each of these is that series. */
function aggregate({ op, of, grouping }: Aggregate, values: Levels, solving: Solving): Input[] {
  if (!['sum', 'avg', 'min', 'max'].includes(op)) throw new NotUnderstood(op);
  return solve(of, values, {
    ...solving,
    keeps: grouping === null || !grouping.by ? solving.keeps : [...solving.keeps, ...grouping.labels],
  });
}

function call({ name, args }: Call, values: Levels, solving: Solving): Input[] {
  if (name === 'histogram_quantile') {
    const [quantile, of] = args;
    const q = quantile === undefined ? null : constantOf(quantile);
    if (q === null || of === undefined) throw new NotUnderstood('a quantile that is computed');
    return bucketsFor({ quantile: q, values }, of, (part, perS) =>
      solve(part, perS, { ...solving, given: new Map() }),
    );
  }
  const [range] = args.slice(-1);
  if (range?.kind !== 'range' || range.windowMs === null) throw new NotUnderstood(`${name}()`);
  const windowS = range.windowMs / 1_000;
  // Events a second for each that the function answers.
  const scales: Record<string, number> = {
    rate: 1,
    irate: 1,
    increase: 1 / windowS,
    deriv: 1,
    delta: 1 / windowS,
  };
  const scale = scales[name];
  if (scale !== undefined) {
    if (!['deriv', 'delta'].includes(name) && values.some((value) => value < 0))
      throw new NotUnderstood(`${name}() would have to be below zero`);
    return series(
      range.of,
      'counter',
      values.map((value) => value * scale),
      solving,
    );
  }
  if (['avg_over_time', 'min_over_time', 'max_over_time', 'last_over_time'].includes(name))
    return series(range.of, 'gauge', values, solving);
  throw new NotUnderstood(`${name}()`);
}

function binary(expr: Binary, values: Levels, solving: Solving): Input[] {
  const { op, left, right } = expr;
  const always = (number: number | null) => (number === null ? null : values.map(() => number));
  // Nothing says how large the right side is, unless it is a number or given elsewhere: `(total - free) / total`.
  const [knownLeft, knownRight] = [left, right].map(
    (side) => always(constantOf(side)) ?? givenLevels(side, solving),
  );
  if (knownLeft) return solve(right, inverse(rightOf[op], values, knownLeft), solving);
  const levels = knownRight ?? values.map(() => USUAL_LEVEL);
  const whole = constantOf(right) === null ? solve(right, levels, solving) : [];
  const part = solve(left, inverse(leftOf[op], values, levels), solving);
  return op === '/' ? partOfWhole(part, whole) : [...part, ...whole];
}

type Inverse = (value: number, known: number) => number;

/** The x of `x op known = value`. */
const leftOf: Record<string, Inverse> = {
  '+': (value, known) => value - known,
  '-': (value, known) => value + known,
  '*': (value, known) => value / known,
  '/': (value, known) => value * known,
};

/** The x of `known op x = value`. */
const rightOf: Record<string, Inverse> = {
  '+': (value, known) => value - known,
  '-': (value, known) => known - value,
  '*': (value, known) => value / known,
  '/': (value, known) => known / value,
};

function inverse(of: Inverse | undefined, values: Levels, known: Levels): Levels {
  if (of === undefined) throw new NotUnderstood('an operator that cannot be turned round');
  return values.map((value, i) => of(value, known[i] ?? Number.NaN));
}

/** Of a plain series that has its levels already; null: it has none. */
function givenLevels(expr: Expr, { given, text }: Solving): Levels | null {
  return expr.kind === 'selector' ? (given.get(text.slice(expr.from, expr.to)) ?? null) : null;
}
