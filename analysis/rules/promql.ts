/** PromQL as a small tree: what the rules have to know of an expression, without parentheses and white space. */

/** Place in the expression's text. */
interface Span {
  from: number;
  to: number;
}

export interface Matcher extends Span {
  label: string;
  op: '=' | '!=' | '=~' | '!~';
  value: string;
}

export interface Selector extends Span {
  kind: 'selector';
  /** Of the metric; null: only matchers. */
  name: string | null;
  /** Without the one of the name. */
  matchers: Matcher[];
  /** `offset 1d`, `@ end()`, as written; '' for none. */
  shift: string;
}
interface Range extends Span {
  kind: 'range';
  of: Selector;
  /** Null: computed at run time. */
  windowMs: number | null;
}
interface Subquery extends Span {
  kind: 'subquery';
  of: Expr;
  windowMs: number | null;
  shift: string;
}
export interface Call extends Span {
  kind: 'call';
  name: string;
  args: Expr[];
}
export interface Aggregate extends Span {
  kind: 'aggregate';
  op: string;
  /** Of topk, quantile and the like. */
  param: Expr | null;
  of: Expr;
  /** Neither: everything becomes one series. */
  grouping: { by: boolean; labels: string[] } | null;
}
export interface Binary extends Span {
  kind: 'binary';
  op: string;
  left: Expr;
  right: Expr;
  bool: boolean;
  matching: { on: boolean; labels: string[] } | null;
  /** The side with many series for one of the other, and the labels it is given. */
  group: { many: 'left' | 'right'; include: string[] } | null;
}
interface Unary extends Span {
  kind: 'unary';
  of: Expr;
  negative: boolean;
}
interface NumberLiteral extends Span {
  kind: 'number';
  value: number;
}
interface StringValue extends Span {
  kind: 'string';
  value: string;
}

export type Expr =
  Selector | Range | Subquery | Call | Aggregate | Binary | Unary | NumberLiteral | StringValue;

/** What an expression is made of, one level down. */
export function parts(expr: Expr): Expr[] {
  switch (expr.kind) {
    case 'range':
    case 'subquery':
    case 'unary':
      return [expr.of];
    case 'call':
      return expr.args;
    case 'aggregate':
      return expr.param === null ? [expr.of] : [expr.param, expr.of];
    case 'binary':
      return [expr.left, expr.right];
    default:
      return [];
  }
}

/** The expression and everything in it, outermost first. */
export function walk(expr: Expr): Expr[] {
  return [expr, ...parts(expr).flatMap(walk)];
}

/** Every selector of an expression, those in ranges included. */
export function selectorsOf(expr: Expr): Selector[] {
  return walk(expr).filter((part) => part.kind === 'selector');
}

type Comparison = Binary & { op: '==' | '!=' | '>' | '<' | '>=' | '<=' };
type SetOperation = Binary & { op: 'and' | 'or' | 'unless' };

export function isComparison(expr: Expr): expr is Comparison {
  return expr.kind === 'binary' && ['==', '!=', '>', '<', '>=', '<='].includes(expr.op);
}

export function isSetOperation(expr: Expr): expr is SetOperation {
  return expr.kind === 'binary' && ['and', 'or', 'unless'].includes(expr.op);
}

/** The calls of the given functions in an expression. */
export function callsOf(expr: Expr, names: readonly string[]): Call[] {
  return walk(expr).filter((part) => part.kind === 'call' && names.includes(part.name)) as Call[];
}
