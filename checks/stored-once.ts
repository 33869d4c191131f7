/** A write is stored once, however often it was sent and however it ended. */
import { z } from 'zod';
import { byWindow, type Judgement, ledgerEvidence, named, ruleOfThree } from '../analysis/check.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'Every stored write is stored once';
export const scope = 'run';
export const restsOn = 'ledger';

export const options = z.strictObject({});

export function judge(view: RunView): Judgement {
  const { duplicated, stored, doubts } = view.account;
  const common = {
    observed: { value: duplicated.count, unit: 'writes' },
    expected: { value: 0, unit: 'writes' },
    evidence: ledgerEvidence(view),
  };
  if (duplicated.count > 0) {
    return {
      verdict: 'fail',
      reason: `${duplicated.count} of ${stored} stored writes are there more than once, by the window in which they ended: ${byWindow(view, duplicated.byWindow)}. They are ${named(duplicated)}.`,
      ...common,
    };
  }
  const unsure = [...doubts, ...(stored === 0 ? ['nothing is stored, so nothing could be twice'] : [])];
  const words = `0 of ${stored} stored writes are there twice`;
  if (unsure.length > 0)
    return { verdict: 'inconclusive', reason: `${words}, but ${unsure.join('; ')}.`, ...common };
  return { verdict: 'pass', reason: `${words} (${ruleOfThree(stored)}).`, ...common };
}
