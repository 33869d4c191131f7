/** Names that somebody may have meant. */

const ENOUGH = 0.65;
const SHOWN = 3;

/** The most similar ones, best first; those of `unlikely` only where there is no other. */
export function similarNames(
  name: string,
  candidates: Iterable<string>,
  unlikely: ReadonlySet<string> = new Set(),
): string[] {
  const near = [...candidates]
    .map((candidate) => ({ candidate, likeness: similarity(name, candidate) }))
    .filter(({ candidate, likeness }) => candidate !== name && likeness >= ENOUGH)
    .sort((a, b) => b.likeness - a.likeness || a.candidate.localeCompare(b.candidate, 'en'))
    .map(({ candidate }) => candidate);
  const likely = near.filter((candidate) => !unlikely.has(candidate));
  return (likely.length > 0 ? likely : near).slice(0, SHOWN);
}

/** Share of pairs of neighbouring letters that two texts have in common, 0 to 1 (Dice's coefficient), whatever the case. */
function similarity(a: string, b: string): number {
  const [pairs, others] = [pairsOf(a), pairsOf(b)];
  const left = new Map<string, number>();
  for (const pair of pairs) left.set(pair, (left.get(pair) ?? 0) + 1);
  let common = 0;
  for (const pair of others) {
    const count = left.get(pair) ?? 0;
    if (count > 0) common += 1;
    left.set(pair, count - 1);
  }
  return (2 * common) / (pairs.length + others.length);
}

/** With marks at both ends, so that beginnings count and one letter is a text, too. */
function pairsOf(text: string): string[] {
  const marked = `^${text.toLowerCase()}$`;
  return Array.from({ length: marked.length - 1 }, (_, i) => marked.slice(i, i + 2));
}
