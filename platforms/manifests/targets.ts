/** Which of the selected pods a Chaos Mesh `mode` takes. */

export interface Mode {
  mode: 'one' | 'all' | 'fixed' | 'fixed-percent' | 'random-max-percent';
  /** As in the file: a whole number in quotes; meaningless for `one` and `all`. */
  value: string | undefined;
}

/** How many of `count` pods a mode takes; shares are rounded up (Chaos Mesh, selector/generic). */
export function countOf(fault: Mode, count: number, random: () => number): number {
  const value = Number(fault.value ?? 0);
  if (fault.mode === 'one') return Math.min(1, count);
  if (fault.mode === 'all') return count;
  if (fault.mode === 'fixed') return Math.min(value, count);
  const percent = fault.mode === 'fixed-percent' ? value : Math.floor(random() * (value + 1));
  return Math.min(count, Math.ceil((count * percent) / 100));
}

/** The pods a fault is aimed at, chosen with `random` in [0, 1) without preference. */
export function chooseTargets<T>(fault: Mode, pods: readonly T[], random: () => number): T[] {
  const left = [...pods];
  return Array.from({ length: countOf(fault, left.length, random) }, () =>
    left.splice(Math.floor(random() * left.length), 1),
  ).flat();
}
