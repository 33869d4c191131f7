/** What is known of the labels of an expression's series, from the text alone. */

export interface LabelSet {
  /** No other label is there; null: any may be. */
  only: ReadonlySet<string> | null;
  /** Certainly not there. */
  not: ReadonlySet<string>;
  /** Certainly there, with a value. */
  has: ReadonlySet<string>;
  /** There as long as the series comes straight from a target: `instance` and `job`. */
  scraped: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
/** Prometheus puts them on every series that it scrapes. */
export const TARGET_LABELS: ReadonlySet<string> = new Set(['instance', 'job']);

export const ANY_LABELS: LabelSet = { only: null, not: NONE, has: NONE, scraped: NONE };
export const NO_LABELS: LabelSet = { ...ANY_LABELS, only: NONE };

export function mayHave({ only, not }: LabelSet, label: string): boolean {
  return (only === null || only.has(label)) && !not.has(label);
}

/** `by (...)`, `on (...)`. */
export function keep(set: LabelSet, labels: readonly string[]): LabelSet {
  const kept = labels.filter((label) => mayHave(set, label));
  const among = (names: ReadonlySet<string>) => new Set(kept.filter((label) => names.has(label)));
  return { only: new Set(kept), not: NONE, has: among(set.has), scraped: among(set.scraped) };
}

/** `without (...)`, `ignoring (...)`. */
export function drop({ only, not, has, scraped }: LabelSet, labels: readonly string[]): LabelSet {
  const less = (names: ReadonlySet<string>) => new Set([...names].filter((name) => !labels.includes(name)));
  return {
    only: only && less(only),
    not: new Set([...not, ...labels]),
    has: less(has),
    scraped: less(scraped),
  };
}

/** Labels that may come on top: of `group_left`, `label_replace`, a recording rule. */
export function add(
  { only, not, has, scraped }: LabelSet,
  labels: readonly string[],
  certain = false,
): LabelSet {
  return {
    only: only && new Set([...only, ...labels]),
    not: new Set([...not].filter((label) => !labels.includes(label))),
    has: certain ? new Set([...has, ...labels]) : has,
    scraped,
  };
}

/** Both sides carry the same labels, because they were matched. */
export function matched(left: LabelSet, right: LabelSet): LabelSet {
  const only =
    left.only && right.only
      ? new Set([...left.only].filter((label) => mayHave(right, label)))
      : (left.only ?? right.only);
  return {
    only,
    not: new Set([...left.not, ...right.not]),
    has: new Set([...left.has, ...right.has]),
    scraped: new Set([...left.scraped, ...right.scraped]),
  };
}

/** Of `or`: series of either side. */
export function either(left: LabelSet, right: LabelSet): LabelSet {
  const both = (a: ReadonlySet<string>, b: ReadonlySet<string>) =>
    new Set([...a].filter((name) => b.has(name)));
  return {
    only: left.only && right.only && new Set([...left.only, ...right.only]),
    not: new Set([...left.not].filter((label) => !mayHave(right, label))),
    has: both(left.has, right.has),
    scraped: both(left.scraped, right.scraped),
  };
}
