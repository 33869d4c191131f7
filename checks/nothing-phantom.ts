/** The system holds nothing that it refused, and nothing that nobody wrote. */
import { z } from 'zod';
import { type Judgement, ledgerEvidence, named } from '../analysis/check.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'Nothing is stored that failed or was never written';
export const scope = 'run';
export const restsOn = 'ledger';

export const options = z.strictObject({});

export function judge(view: RunView): Judgement {
  const { phantom, failedStored, failedInPart, failed, stored, doubts } = view.account;
  const count = phantom.count + failedStored.count;
  const common = {
    observed: { value: count, unit: 'writes' },
    expected: { value: 0, unit: 'writes' },
    evidence: ledgerEvidence(view),
  };
  // With lines missing or damaged, a number past the last line may have been written all the same: only a refused write is sure.
  if (failedStored.count > 0 || (phantom.count > 0 && doubts.length === 0)) {
    const inPart = failedInPart > 0 ? ` (${failedInPart} in part)` : '';
    const found = [
      ...(failedStored.count > 0
        ? [`${failedStored.count} of ${failed} failed writes are stored${inPart}: ${named(failedStored)}`]
        : []),
      ...(phantom.count > 0
        ? [`${phantom.count} stored writes were never attempted: ${named(phantom)}`]
        : []),
    ];
    return { verdict: 'fail', reason: `${found.join('; ')}.`, ...common };
  }
  const unsure = [
    ...doubts,
    ...(phantom.count > 0 ? [`${phantom.count} stored writes have no line: ${named(phantom)}`] : []),
    ...(stored === 0 ? ['nothing is stored'] : []),
  ];
  const words = `${stored} stored writes were all attempted, and none of the ${failed} failed ones is among them`;
  if (unsure.length > 0)
    return { verdict: 'inconclusive', reason: `it cannot be told: ${unsure.join('; ')}.`, ...common };
  return { verdict: 'pass', reason: `${words}.`, ...common };
}
