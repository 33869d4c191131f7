/** Text of PromQL to its tree, by Prometheus' own grammar (lezer). Types are promql-types.ts's to check. */
import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode } from '@lezer/common';
import { MAX_DURATION_MS, parsePromDurationMs } from './duration.ts';
import type { Expr, Matcher, Selector } from './promql.ts';
import { patternOf } from './matcher.ts';
import { unquote } from './promql-string.ts';

/** What cannot be read, with its place in the text. */
export class PromqlError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A rule is a line or a page; nobody can read one that is nested deeper. */
const MAX_DEPTH = 200;
const MAX_CHARACTERS = 100_000;

interface Source {
  text: string;
  depth: number;
}

/** Throws PromqlError for what is no PromQL. */
export function parsePromql(text: string): Expr {
  if (text.length > MAX_CHARACTERS)
    throw new PromqlError(`longer than ${MAX_CHARACTERS} characters; split it into recording rules`, 0);
  const tree = parser.parse(text);
  const broken = firstError(tree.topNode);
  if (broken !== null) throw syntaxError(broken, text);
  refuseDurations(tree.topNode, text);
  const expr = tree.topNode.firstChild;
  if (expr === null) throw new PromqlError('an empty expression', 0);
  return toExpr(skipComments(expr), { text, depth: 0 });
}

function firstError(top: SyntaxNode): SyntaxNode | null {
  let found: SyntaxNode | null = null;
  top.cursor().iterate((node) => {
    if (node.type.isError) found ??= node.node;
    return found === null;
  });
  return found;
}

/** Numbers with units that Prometheus refuses wherever they stand, and in [..] and after offset numbers of seconds that are too large. */
function refuseDurations(top: SyntaxNode, text: string): void {
  top.cursor().iterate(({ name, from, to }) => {
    if (!name.startsWith('NumberDurationLiteral')) return;
    const literal = text.slice(from, to).replace(/^[+-]\s*/, '');
    const isSpan = /^\d.*[a-z]$/i.test(literal) && !/^0x/i.test(literal);
    const isSeconds = !isSpan && name !== 'NumberDurationLiteral';
    if (
      isSpan ? parsePromDurationMs(literal) === null : isSeconds && Number(literal) * 1_000 > MAX_DURATION_MS
    )
      throw new PromqlError(`${literal} is no duration of Prometheus, which knows 292 years at most`, from);
  });
}

function syntaxError(node: SyntaxNode, text: string): PromqlError {
  const rest = text.slice(node.from);
  const before = text.slice(0, node.from).trimEnd();
  const [, word] = /([A-Za-z_]\w*)$/.exec(before) ?? [];
  if (rest.startsWith('(') && word !== undefined)
    return new PromqlError(`no function is called ${word}`, before.length - word.length);
  const [token = ''] = /^\s*(\w+|\S)?/.exec(rest) ?? [];
  const what =
    token.trim() === '' ? 'the expression ends too early' : `"${token.trim()}" is not expected here`;
  return new PromqlError(`${what}, after "${before.slice(-20)}"`, node.from);
}

function skipComments(node: SyntaxNode): SyntaxNode {
  let found = node;
  while (found.name === 'LineComment' && found.nextSibling !== null) found = found.nextSibling;
  return found;
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling)
    if (child.name !== 'LineComment') children.push(child);
  return children;
}

function textOf({ from, to }: SyntaxNode, { text }: Source): string {
  return text.slice(from, to);
}

function toExpr(node: SyntaxNode, outer: Source): Expr {
  const source = { text: outer.text, depth: outer.depth + 1 };
  if (source.depth > MAX_DEPTH)
    throw new PromqlError(`nested deeper than ${MAX_DEPTH} levels; split it into recording rules`, node.from);
  const { from, to } = node;
  const children = childrenOf(node);
  const [first, second] = children;
  if (
    first === undefined &&
    !['NumberDurationLiteral', 'StringLiteral', 'VectorSelector'].includes(node.name)
  )
    throw new PromqlError(`${node.name} is empty`, from);
  switch (node.name) {
    case 'ParenExpr':
      return toExpr(first as SyntaxNode, source);
    case 'NumberDurationLiteral':
      return { kind: 'number', value: numberOf(node, source), from, to };
    case 'StringLiteral':
      return { kind: 'string', value: stringOf(node, source), from, to };
    case 'VectorSelector':
      return selector(node, source);
    case 'MatrixSelector': {
      const of = toExpr(first as SyntaxNode, source);
      if (of.kind !== 'selector')
        throw new PromqlError(
          'a range such as [5m] is possible after a selector only; a subquery is written [5m:], and rate() comes before sum()',
          second?.from ?? from,
        );
      return { kind: 'range', of, windowMs: durationMs(second, source), from, to };
    }
    case 'SubqueryExpr':
      return {
        kind: 'subquery',
        of: toExpr(first as SyntaxNode, source),
        windowMs: durationMs(second, source),
        shift: '',
        from,
        to,
      };
    case 'OffsetExpr':
    case 'StepInvariantExpr':
    case 'AnchoredExpr':
    case 'SmoothedExpr':
      return shifted(toExpr(first as SyntaxNode, source), node, source);
    case 'UnaryExpr':
      return {
        kind: 'unary',
        of: toExpr(children.at(-1) as SyntaxNode, source),
        negative: textOf(first as SyntaxNode, source) === '-',
        from,
        to,
      };
    case 'FunctionCall': {
      const [name, body] = children;
      return {
        kind: 'call',
        name: name === undefined ? '' : textOf(name, source),
        args: body === undefined ? [] : childrenOf(body).map((arg) => toExpr(arg, source)),
        from,
        to,
      };
    }
    case 'AggregateExpr':
      return aggregate(node, children, source);
    case 'BinaryExpr':
      return binary(node, children, source);
    default:
      throw new PromqlError(`${node.name} is not understood`, from);
  }
}

function shifted(of: Expr, node: SyntaxNode, source: Source): Expr {
  const shift = source.text.slice(of.to, node.to).trim();
  const { from, to } = node;
  if (of.kind === 'range')
    return { ...of, of: { ...of.of, shift: `${of.of.shift} ${shift}`.trim() }, from, to };
  if (of.kind === 'selector' || of.kind === 'subquery')
    return { ...of, shift: `${of.shift} ${shift}`.trim(), from, to };
  throw new PromqlError('offset and @ stand behind a selector or a subquery, nothing else', of.to);
}

function aggregate(node: SyntaxNode, children: SyntaxNode[], source: Source): Expr {
  const { from, to } = node;
  const op = textOf(children[0] as SyntaxNode, source).toLowerCase();
  const modifier = children.find(({ name }) => name === 'AggregateModifier');
  const body = children.find(({ name }) => name === 'FunctionCallBody');
  const args = body === undefined ? [] : childrenOf(body).map((arg) => toExpr(arg, source));
  const takes = ['topk', 'bottomk', 'limitk', 'limit_ratio', 'quantile', 'count_values'].includes(op) ? 2 : 1;
  const of = args.at(-1);
  if (of === undefined || args.length !== takes)
    throw new PromqlError(`${op} takes ${takes} argument${takes === 1 ? '' : 's'}, not ${args.length}`, from);
  return {
    kind: 'aggregate',
    op,
    param: takes === 2 ? (args[0] ?? null) : null,
    of,
    grouping: modifier
      ? {
          by: modifier.getChild('By') !== null,
          labels: labelsOf(modifier.getChild('GroupingLabels'), source),
        }
      : null,
    from,
    to,
  };
}

function binary(node: SyntaxNode, children: SyntaxNode[], source: Source): Expr {
  const [left, op] = children;
  const clause = children.find(({ name }) => name === 'MatchingModifierClause');
  // The first list of labels is on's or ignoring's, the second group_left's.
  const lists = clause?.getChildren('GroupingLabels') ?? [];
  const many = clause?.getChild('GroupLeft') ? 'left' : clause?.getChild('GroupRight') ? 'right' : null;
  return {
    kind: 'binary',
    op: textOf(op as SyntaxNode, source).toLowerCase(),
    left: toExpr(left as SyntaxNode, source),
    right: toExpr(children.at(-1) as SyntaxNode, source),
    bool: children.some(({ name }) => name === 'BoolModifier'),
    matching: clause
      ? { on: clause.getChild('On') !== null, labels: labelsOf(lists[0] ?? null, source) }
      : null,
    group: many && { many, include: labelsOf(lists[1] ?? null, source) },
    from: node.from,
    to: node.to,
  };
}

function labelsOf(list: SyntaxNode | null, source: Source): string[] {
  return list === null
    ? []
    : childrenOf(list).map((label) =>
        label.name === 'LabelName' ? textOf(label, source) : stringOf(label, source),
      );
}

function selector(node: SyntaxNode, source: Source): Selector {
  const identifier = node.getChild('Identifier');
  const list = node.getChild('LabelMatchers');
  let name = identifier && textOf(identifier, source);
  const matchers: Matcher[] = [];
  for (const child of list ? childrenOf(list) : []) {
    if (child.name === 'QuotedLabelName') {
      name = stringOf(child, source);
      continue;
    }
    const [label, op, value] = childrenOf(child);
    if (label === undefined || op === undefined || value === undefined) continue;
    const matcher: Matcher = {
      label: label.name === 'LabelName' ? textOf(label, source) : stringOf(label, source),
      op: textOf(op, source) as Matcher['op'],
      value: stringOf(value, source),
      from: child.from,
      to: child.to,
    };
    const pattern = matcher.op.endsWith('~') ? patternOf(matcher.value) : null;
    if (pattern instanceof Error)
      throw new PromqlError(`"${matcher.value}" is no regular expression: ${pattern.message}`, value.from);
    if (matcher.label === '__name__' && matcher.op === '=') name = matcher.value;
    else matchers.push(matcher);
  }
  return { kind: 'selector', name, matchers, shift: '', from: node.from, to: node.to };
}

function stringOf(node: SyntaxNode, source: Source): string {
  const value = unquote(textOf(node, source));
  if (value === null)
    throw new PromqlError(
      `${textOf(node, source)} has an unknown escape sequence; a backslash is written twice, or the text between backquotes`,
      node.from,
    );
  return value;
}

/** Durations are numbers of seconds. */
function numberOf(node: SyntaxNode, source: Source): number {
  const text = textOf(node, source).replaceAll(/[_\s]/g, '').toLowerCase();
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/.exec(text) ?? [];
  const spanMs = /[a-z]$/.test(rest) && !rest.startsWith('0x') ? parsePromDurationMs(rest) : null;
  const value = rest === 'inf' ? Number.POSITIVE_INFINITY : spanMs === null ? Number(rest) : spanMs / 1_000;
  return sign === '-' ? -value : value;
}

/** Null: an expression such as `step()`, or one that is computed. */
function durationMs(node: SyntaxNode | undefined, source: Source): number | null {
  if (node === undefined) return null;
  const text = textOf(node, source).trim();
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : null;
  return seconds ?? parsePromDurationMs(text);
}
