/** Label selectors. Upstream: apimachinery LabelSelectorAsSelector. */
import type { z } from 'zod';
import { list, map, maybe, scalar, strings, text } from './lenient.ts';

const shape = {
  matchLabels: strings,
  matchExpressions: list(map({ key: text, operator: text, values: list(scalar) })),
};
export const LabelSelector = map(shape);
/** Where an absent selector is not an empty one. */
export const MaybeLabelSelector = maybe(shape);
export type LabelSelector = z.infer<typeof LabelSelector>;

/** Whether a selector chooses pods with these labels. An empty one is taken as choosing none: no author of one means all pods. */
export function selects(
  { matchLabels, matchExpressions }: LabelSelector,
  labels: Record<string, string>,
): boolean {
  const pairs = Object.entries(matchLabels);
  if (pairs.length + matchExpressions.length === 0) return false;
  return (
    pairs.every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key = '', operator, values }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      if (operator === 'In') return value !== undefined && values.includes(value);
      return operator === 'NotIn' && (value === undefined || !values.includes(value));
    })
  );
}

/** A budget's selector (policy/v1): an empty one chooses every pod of the namespace, an absent one none. */
export function budgetSelects(selector: LabelSelector | undefined, labels: Record<string, string>): boolean {
  if (selector === undefined) return false;
  const empty = Object.keys(selector.matchLabels).length + selector.matchExpressions.length === 0;
  return empty || selects(selector, labels);
}
