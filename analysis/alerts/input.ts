/** Series that a unit test of a rule is given. */
import type { Selector } from '../rules/promql.ts';

/** What something is worth in each stage of a test: below the threshold, above it. */
export type Levels = readonly number[];

export interface Input {
  name: string;
  labels: Readonly<Record<string, string>>;
  kind: 'gauge' | 'counter';
  /** Values of a gauge, events a second of a counter: one for each level of the test. */
  levels: Levels;
  selector: Selector;
}

/** A rule, or a part of it, that no series can be derived for; the message names the part. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
}

/** As promtool reads it; the same for the same labels in any order. */
export function seriesName({ name, labels }: Pick<Input, 'name' | 'labels'>): string {
  const inside = Object.keys(labels)
    .sort()
    .map((label) => `${label}=${JSON.stringify(labels[label])}`);
  return `${name}{${inside.join(',')}}`;
}
