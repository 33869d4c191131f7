/** The name that somebody may have meant: at most three letters away; undefined: none is. */
export function nearest(names: readonly string[], name: string): string | undefined {
  return names.find((candidate) => distance(candidate, name) <= 3);
}

/** Levenshtein distance, for suggestions only. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
