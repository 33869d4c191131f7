/** What promtool's answers to a generated unit test say of its rule. */

/** holds: as the rule says. fails: promtool saw it do otherwise. not-tested: no test could be made or played, so nothing is known. */
export type VirtualVerdict = 'holds' | 'fails' | 'not-tested';

/** By id of an expectation that did not hold, what that means; the first that did not says it best. */
const MEANINGS: Readonly<Record<string, string>> = {
  healthy: 'it fires below its threshold already',
  'not-before-for': 'it fires before its condition held for as long as for says',
  fires: 'it does not fire above its threshold',
  'keeps-firing': 'it does not keep firing for as long as keep_firing_for says',
  resolves: 'it does not resolve',
  silent: 'it fires below its threshold',
  'fires-over-a-gap': 'a missed scrape keeps it from firing',
  'fires-on-over-a-gap': 'it fires no more for a while when a scrape is missed',
};

/** Null in place of a value: the expression gave nothing at all. */
export function verdictOf(failures: ReadonlyMap<string, number | null>): {
  verdict: VirtualVerdict;
  why: string;
} {
  if (failures.size === 0) return { verdict: 'holds', why: '' };
  const values = ['value-above', 'value-below'].flatMap((id) =>
    failures.has(id) ? [failures.get(id) ?? null] : [],
  );
  // -1: no value; 0: another value than the one that the series were made for.
  if (values.length > 0 && values.every((value) => value === -1))
    return {
      verdict: 'fails',
      why: 'what it compares has no value at all, although its series are there: it cannot fire',
    };
  if (values.length > 0)
    return { verdict: 'not-tested', why: 'what it compares has another value than its series were made for' };
  const meanings = Object.entries(MEANINGS).filter(([id]) => failures.has(id));
  return meanings.length === 0
    ? { verdict: 'not-tested', why: `promtool answered ${[...failures.keys()].join(', ')}` }
    : { verdict: 'fails', why: meanings.map(([, meaning]) => meaning).join('; ') };
}
