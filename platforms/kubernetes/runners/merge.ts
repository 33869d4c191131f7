/** What several runners did together. Counts add up; latencies never do: they are read from the ledgers, all writes side by side. */

/** How one k6 ended, wherever it ran. */
export interface LoadEnd {
  exitCode: number | null;
  signal: string | null;
  /** From k6's own summary; null when it left none. */
  iterations: number | null;
  dropped: number | null;
  why: string;
  /** Of one runner whose clock is not this machine's: how far the start of its schedule may be off. */
  anchorBoundMs?: number;
}

/** The end of a load by the ends of its runners: good when all are, a count only when all have one, the words of those that failed. */
export function mergeEnds(ends: readonly ({ runner: string } & LoadEnd)[]): LoadEnd {
  const failed = ends.filter(({ exitCode }) => exitCode !== 0);
  const first = failed.find(({ exitCode, signal }) => exitCode !== null || signal !== null);
  return {
    exitCode: failed.length === 0 && ends.length > 0 ? 0 : (first?.exitCode ?? null),
    signal: first?.signal ?? null,
    iterations: total(ends.map(({ iterations }) => iterations)),
    dropped: total(ends.map(({ dropped }) => dropped)),
    why:
      failed.length === 0
        ? `${ends.length} of ${ends.length} runners ended`
        : `${failed.length} of ${ends.length} runners failed: ${failed.map(({ runner, why }) => `${runner}: ${why}`).join('; ')}`,
  };
}

function total(counts: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const count of counts) {
    if (count === null) return null;
    sum += count;
  }
  return sum;
}
