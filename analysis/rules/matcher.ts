/** Which values a label matcher lets through. */
import type { Matcher } from './promql.ts';

/** Of Go's regular expressions what JavaScript reads the same way; the rest is not judged, nor what may take it for ever. */
const FOREIGN = /\(\?|\\[AQzpPC]|\[\[:|[*+}]\)[*+{]/;

/** A pattern as Prometheus anchors it; null where JavaScript may read it otherwise, an Error where nobody can read it. */
export function patternOf(value: string): RegExp | null | Error {
  if (FOREIGN.test(value) || value.length > 1_000) return null;
  try {
    return new RegExp(`^(?:${value})$`, 's');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Whether the matcher is satisfied by a value ('' for an absent label); null: not known. */
export function selects({ op, value }: Matcher, candidate: string): boolean | null {
  if (op === '=' || op === '!=') return (value === candidate) === (op === '=');
  const pattern = patternOf(value);
  return pattern instanceof RegExp ? pattern.test(candidate) === (op === '=~') : null;
}

/** The values a pattern is made of, where it only lists some: `a|b`, `^(a|b)$`. */
export function alternatives(value: string): string[] {
  return value.replaceAll(/^\^?\(?|\)?\$?$/g, '').split('|');
}
