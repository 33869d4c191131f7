/** Two texts with the same number of lines as a unified diff (https://www.gnu.org/software/diffutils/manual/html_node/Unified-Format.html). */

const CONTEXT_LINES = 3;

/** '' where nothing differs. Each changed line of `before` has its place in `after`: none was added or taken away. */
export function changedLines(
  [beforeName, before]: [name: string, text: string],
  [afterName, after]: [name: string, text: string],
): string {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const changed = old.flatMap((line, index) => (line === now[index] ? [] : [index]));
  const hunks: number[][] = [];
  for (const index of changed) {
    const last = hunks.at(-1);
    if (last !== undefined && index - (last.at(-1) ?? 0) <= 2 * CONTEXT_LINES + 1) last.push(index);
    else hunks.push([index]);
  }
  if (hunks.length === 0) return '';
  const lastLine = old.at(-1) === '' ? old.length - 1 : old.length;
  const lines = hunks.flatMap((indexes) => {
    const from = Math.max(0, (indexes[0] ?? 0) - CONTEXT_LINES);
    const to = Math.min(lastLine, (indexes.at(-1) ?? 0) + CONTEXT_LINES + 1);
    const range = `${from + 1},${to - from}`;
    return [`@@ -${range} +${range} @@`, ...hunk(old, now, from, to)];
  });
  return [`--- ${beforeName}`, `+++ ${afterName}`, ...lines, ''].join('\n');
}

/** Changed lines that follow each other: first all of the old ones, then all of the new ones. */
function hunk(old: readonly string[], now: readonly string[], from: number, to: number): string[] {
  const lines: string[] = [];
  let added: string[] = [];
  for (let index = from; index < to; index++) {
    const isSame = old[index] === now[index];
    if (isSame) lines.push(...added.splice(0), ` ${old[index]}`);
    else {
      lines.push(`-${old[index]}`);
      added = [...added, `+${now[index]}`];
    }
  }
  return [...lines, ...added];
}
