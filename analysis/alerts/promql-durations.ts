/** Where the durations of an expression stand in its text. */
import { parser } from '@prometheus-io/lezer-promql';
import { parsePromDurationMs } from '../rules/duration.ts';
import { PromqlError } from '../rules/promql-parse.ts';

export interface DurationPlace {
  from: number;
  to: number;
  ms: number;
  /** A window is one of a range or a subquery, or a subquery's step. */
  kind: 'window' | 'offset';
}

/**
 * Ranges, subqueries with their steps, and offsets; `5m` in any other place is a number of seconds, so a threshold, and left out. `text` is an
 * expression that was read without an error. Throws PromqlError for a duration that is computed.
 */
export function durationsIn(text: string): DurationPlace[] {
  const found: DurationPlace[] = [];
  parser
    .parse(text)
    .cursor()
    .iterate(({ name, from, to, node }) => {
      if (name === 'DurationExpr' && node.firstChild?.name !== 'NumberDurationLiteralInDurationContext')
        throw new PromqlError(`the duration ${text.slice(from, to)} is computed`, from);
      if (name !== 'NumberDurationLiteralInDurationContext') return;
      const literal = text.slice(from, to);
      const ms = parsePromDurationMs(literal) ?? Number(literal) * 1_000;
      if (Number.isNaN(ms)) throw new PromqlError(`the duration ${literal} is none that can be scaled`, from);
      found.push({ from, to, ms, kind: isWindow(node) ? 'window' : 'offset' });
    });
  return found;
}

/** Directly between the brackets; an offset is in a node of its own. */
function isWindow({ parent }: { parent: { parent: { name: string } | null } | null }): boolean {
  return ['MatrixSelector', 'SubqueryExpr'].includes(parent?.parent?.name ?? '');
}
