/** Labels for series, so that the matchers of a rule select them, or do not. */
import { alternatives, selects } from '../rules/matcher.ts';
import type { Matcher, Selector } from '../rules/promql.ts';
import { type Input, NotUnderstood } from './input.ts';

const ANY_VALUE = 'a';

/** Labels that satisfy a selector, with those that are kept by an aggregation around it. */
export function labelsFor({ matchers }: Selector, keeps: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const label of [...keeps, ...matchers.map((matcher) => matcher.label)]) {
    const own = matchers.filter((matcher) => matcher.label === label);
    const value = candidates(own, keeps.includes(label)).find((candidate) =>
      own.every((matcher) => selects(matcher, candidate) === true),
    );
    if (value === undefined)
      throw new NotUnderstood(`no value of ${label} could be found that its matchers let through`);
    if (value !== '') labels[label] = value;
  }
  return labels;
}

/** The simplest first; an absent label ('') only where none has to be there. */
function candidates(matchers: readonly Matcher[], needed: boolean): string[] {
  const written = matchers
    .filter(({ op }) => op === '=' || op === '=~')
    .flatMap(({ op, value }) => (op === '=' ? [value] : alternatives(value).flatMap(examplesOf)));
  return [...written, ...(needed ? [] : ['']), ANY_VALUE, 'b'];
}

/** Texts that a simple pattern matches: `5..` 500, `/api/.+` /api/a. */
function examplesOf(pattern: string): string[] {
  const filled = (dot: string) =>
    pattern
      .replaceAll(/\.[+*]/g, ANY_VALUE)
      .replaceAll(/\[(.)[^\]]*\][+*]?/g, '$1')
      .replaceAll('\\d+', '0')
      .replaceAll('\\d', '0')
      .replaceAll(/(?<!\\)\./g, dot)
      .replaceAll('\\', '');
  return [filled('0'), filled(ANY_VALUE)];
}

/**
 * The whole of `part / whole` counts the part, too, where its selector takes the part's series: then its own series are the rest.
 * Throws NotUnderstood where part and whole cannot be told apart, or the part would be more than the whole.
 */
export function partOfWhole(part: readonly Input[], whole: readonly Input[]): Input[] {
  const rest = whole.map((input) => {
    const counted = part.filter((one) => one.name === input.name && takes(input.selector, one.labels));
    if (counted.length === 0) return input;
    const levels = input.levels.map((level, i) =>
      counted.reduce((left, one) => left - (one.levels[i] ?? Number.NaN), level),
    );
    if (levels.some((level) => level < 0))
      throw new NotUnderstood(`a part of ${input.name} would have to be more than the whole`);
    return counted.reduce((left, one) => ({ ...left, labels: without(left, one.selector) }), {
      ...input,
      levels,
    });
  });
  return [...part, ...rest];
}

function takes({ matchers }: Selector, labels: Input['labels']): boolean {
  return matchers.every((matcher) => selects(matcher, labels[matcher.label] ?? '') === true);
}

/** Labels that the input's own selector takes, and another one does not. */
function without({ selector, labels }: Input, other: Selector): Input['labels'] {
  for (const { label, value } of other.matchers)
    for (const candidate of ['', value, 'other', ...alternatives(value)]) {
      const changed = { ...labels, [label]: candidate };
      if (takes(selector, changed) && !takes(other, changed))
        return Object.fromEntries(Object.entries(changed).filter(([, text]) => text !== ''));
    }
  throw new NotUnderstood(`${selector.name} is on both sides, and nothing tells its part from the whole`);
}
