/** What Prometheus refuses although the grammar allows it: arguments of the wrong type or number (promql/parser/parse.go, checkAST). */
import { selects } from './matcher.ts';
import { PromqlError } from './promql-parse.ts';
import { type Binary, type Expr, isComparison, isSetOperation } from './promql.ts';

export type ValueType = 'scalar' | 'vector' | 'range' | 'string';

/** By function, the arguments in order: scalar, vector, range (m, a matrix) or string (t); `?` optional, `*` any number more of the last. */
const SIGNATURES: Record<string, string> = {
  absent_over_time: 'm',
  avg_over_time: 'm',
  changes: 'm',
  clamp: 'vss',
  clamp_max: 'vs',
  clamp_min: 'vs',
  count_over_time: 'm',
  day_of_month: 'v?',
  day_of_week: 'v?',
  day_of_year: 'v?',
  days_in_month: 'v?',
  delta: 'm',
  deriv: 'm',
  double_exponential_smoothing: 'mss',
  end: '',
  first_over_time: 'm',
  histogram_fraction: 'ssv',
  histogram_quantile: 'sv',
  histogram_quantiles: 'vts*',
  hour: 'v?',
  idelta: 'm',
  increase: 'm',
  info: 'vv?',
  irate: 'm',
  label_join: 'vttt*',
  label_replace: 'vtttt',
  last_over_time: 'm',
  mad_over_time: 'm',
  max_of: 'ss',
  max_over_time: 'm',
  min_of: 'ss',
  min_over_time: 'm',
  minute: 'v?',
  month: 'v?',
  pi: '',
  predict_linear: 'ms',
  present_over_time: 'm',
  quantile_over_time: 'sm',
  range: '',
  rate: 'm',
  resets: 'm',
  round: 'vs?',
  sort_by_label: 'vt*',
  sort_by_label_desc: 'vt*',
  start: '',
  stddev_over_time: 'm',
  stdvar_over_time: 'm',
  step: '',
  sum_over_time: 'm',
  time: '',
  ts_of_first_over_time: 'm',
  ts_of_last_over_time: 'm',
  ts_of_max_over_time: 'm',
  ts_of_min_over_time: 'm',
  vector: 's',
  year: 'v?',
};
const SCALARS = ['scalar', 'time', 'pi', 'start', 'end', 'step', 'range', 'max_of', 'min_of'];
const LETTERS: Record<string, ValueType> = { s: 'scalar', v: 'vector', m: 'range', t: 'string' };

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'range':
    case 'subquery':
      return 'range';
    case 'unary':
      return typeOf(expr.of);
    case 'call':
      return SCALARS.includes(expr.name) ? 'scalar' : 'vector';
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector';
    default:
      return 'vector';
  }
}

/** Throws PromqlError at the first part that has not the type it needs. */
export function checkTypes(expr: Expr): void {
  switch (expr.kind) {
    case 'call':
      return checkCall(expr.name, expr.args, expr.from);
    case 'aggregate':
      if (expr.param !== null) need(expr.param, expr.op === 'count_values' ? 'string' : 'scalar', expr.op);
      return need(expr.of, 'vector', expr.op);
    case 'subquery':
      return need(expr.of, 'vector', 'a subquery');
    case 'range':
      return checkTypes(expr.of);
    case 'unary':
      return operand(expr.of, 'a sign');
    case 'binary':
      operand(expr.left, expr.op);
      operand(expr.right, expr.op);
      return checkBinary(expr);
    case 'selector':
      if (expr.name === null && expr.matchers.every((matcher) => selects(matcher, '') !== false))
        throw new PromqlError(
          'a selector without a name needs a matcher that an absent label does not satisfy',
          expr.from,
        );
  }
}

function need(expr: Expr, wanted: ValueType, by: string): void {
  checkTypes(expr);
  const type = typeOf(expr);
  if (type === wanted) return;
  const range = wanted === 'range' ? ', such as [5m] behind a selector' : '';
  throw new PromqlError(`${by} needs a ${wanted}${range}, and this is a ${type}`, expr.from);
}

function operand(expr: Expr, op: string): void {
  checkTypes(expr);
  const type = typeOf(expr);
  if (type !== 'scalar' && type !== 'vector')
    throw new PromqlError(`${op} works on scalars and vectors, and this is a ${type}`, expr.from);
}

function checkCall(name: string, args: readonly Expr[], from: number): void {
  // Every function that is not listed takes one vector.
  const signature = Object.hasOwn(SIGNATURES, name) ? (SIGNATURES[name] ?? '') : 'v';
  const letters = signature.replaceAll(/[?*]/g, '');
  const most = signature.endsWith('*') ? Number.POSITIVE_INFINITY : letters.length;
  const fewest = letters.length - (/[?*]$/.test(signature) ? 1 : 0);
  if (args.length < fewest || args.length > most)
    throw new PromqlError(
      `${name} takes ${fewest === most ? fewest : `${fewest} to ${most}`} arguments, not ${args.length}`,
      from,
    );
  for (const [i, arg] of args.entries())
    need(arg, LETTERS[letters[i] ?? letters.at(-1) ?? ''] ?? 'vector', name);
}

function checkBinary(expr: Binary): void {
  const { op, bool, left, right, matching, group, from } = expr;
  const scalars = [left, right].filter((side) => typeOf(side) === 'scalar').length;
  if (bool && !isComparison(expr)) throw new PromqlError(`bool belongs to a comparison, not to ${op}`, from);
  if (scalars === 2 && isComparison(expr) && !bool)
    throw new PromqlError('a comparison of two scalars has to be written with bool', from);
  if (scalars > 0 && isSetOperation(expr)) throw new PromqlError(`${op} needs a vector on both sides`, from);
  if (scalars > 0 && matching !== null && matching.labels.length > 0)
    throw new PromqlError('on and ignoring need a vector on both sides', from);
  if (group !== null && isSetOperation(expr))
    throw new PromqlError(`group_left and group_right do not go with ${op}`, from);
  const twice = matching?.on === true && group?.include.find((label) => matching.labels.includes(label));
  if (typeof twice === 'string') throw new PromqlError(`${twice} is in on and in group_${group?.many}`, from);
}
