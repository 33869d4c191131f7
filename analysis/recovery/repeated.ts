/** Faults of one kind that were played several times: how many were recovered from, and what that says about the next one. */
import { percent } from '../check.ts';
import type { FaultView } from '../faults.ts';
import type { Figure } from './part.ts';

interface Repeated {
  kind: string;
  words: string;
  /** Only where every one was clean. */
  figure: Figure | null;
}

/**
 * `clean`: of each proven fault, whether it was seen to end and clients were served again, and writes were acknowledged and none of them
 * lost. `leftOut`: those without a proof; they are named, and are no part of k.
 */
export function repeated(clean: ReadonlyMap<FaultView, boolean>, leftOut: readonly FaultView[]): Repeated[] {
  const kinds = [...new Set([...clean.keys()].map(({ kind }) => kind))];
  return kinds.flatMap((kind): Repeated[] => {
    const outcomes = [...clean].filter(([fault]) => fault.kind === kind).map(([, isClean]) => isClean);
    const count = outcomes.length;
    const good = outcomes.filter(Boolean).length;
    if (count < 2) return [];
    const unproven = leftOut.filter((fault) => fault.kind === kind).length;
    const apart = unproven === 0 ? '' : ` (${unproven} more without a proof left out)`;
    const words = `${good} of ${count} clean recoveries${apart}`;
    if (good < count) return [{ kind, words, figure: null }];
    const share = leastShare(count);
    return [
      {
        kind,
        words: `${words}: at 95 %, at least ${percent(share)} of such faults recover`,
        figure: { name: `clean recoveries from ${kind}, at least`, value: share, unit: 'share at 95 %' },
      },
    ];
  });
}

/**
 * Least share of successes that k of k is consistent with, at 95 %: .05^(1/k), the one-sided Clopper-Pearson bound for no failure
 * (https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm).
 */
export function leastShare(k: number): number {
  return 0.05 ** (1 / k);
}
