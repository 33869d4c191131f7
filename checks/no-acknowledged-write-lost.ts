/** Durability: what was acknowledged is there afterwards. A write is accused only when it was acknowledged before the read began. */
import { z } from 'zod';
import { byWindow, type Judgement, ledgerEvidence, named, ruleOfThree, seconds } from '../analysis/check.ts';
import type { FaultView } from '../analysis/faults.ts';
import { lostSpans } from '../analysis/recovery/loss.ts';
import { type AccountView, doubtsAbout } from '../analysis/account-view.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'No acknowledged write is lost';
export const scope = 'run';
export const restsOn = 'ledger';

export const options = z.strictObject({});

export function judge(view: RunView): Judgement {
  const { account } = view;
  const { lost, acknowledged, doubts, atRisk } = account;
  const common = {
    observed: { value: lost.count, unit: 'writes' },
    expected: { value: 0, unit: 'writes' },
    evidence: ledgerEvidence(view),
  };
  const unknown = `${account.unknown} unknown writes are kept apart (${ofUnknown(account)})${late(account)}`;
  // Kept, as the system promises no more; whoever asks it for them does not get them.
  const dead = (before: string, after: string) =>
    account.deadLetters === 0 ? '' : `; ${before}${account.deadLetters}${after} are dead letters`;
  if (lost.count > 0) {
    return {
      verdict: 'fail',
      reason: `${lost.count} of ${acknowledged} acknowledged writes are lost, by the window in which they were acknowledged: ${byWindow(view, lost.byWindow)} (${lostSpans(view).join('; ')}). They are ${named(lost)}${dead('of the others ', '')}; ${unknown}${doubts.length > 0 ? `; besides, ${doubts.join('; ')}` : ''}.`,
      ...common,
    };
  }
  const unsure = [
    ...doubts,
    ...(acknowledged === 0 ? ['no write was acknowledged, so none could be lost'] : []),
    ...notAtRisk(view).map(
      ({ name }) => `no write was acknowledged in the window of ${name}, so it proves nothing`,
    ),
  ];
  const words = `0 lost of ${acknowledged} acknowledged writes`;
  if (unsure.length > 0)
    return {
      verdict: 'inconclusive',
      reason: `${words}${dead('', ' of them')}, but ${unsure.join('; ')}; ${unknown}.`,
      ...common,
    };
  return {
    verdict: 'pass',
    reason: `${words} (${ruleOfThree(acknowledged)})${dead('', ' of them')}; at risk by window: ${byWindow(view, atRisk)}${whileActing(account)}; ${unknown}.`,
    ...common,
  };
}

function notAtRisk({ faults, account }: RunView): FaultView[] {
  return faults.filter(({ name, windowMs }) => windowMs !== null && !account.atRisk[name]);
}

/** An answer that was not whole says of none that it is not there. */
function ofUnknown(account: AccountView): string {
  const { readback, unknownStored, unknownAbsent } = account;
  if (readback?.complete === true && doubtsAbout(account, 'stored').length === 0)
    return `${unknownStored} stored, ${unknownAbsent} not`;
  const seen = unknownStored > 0 ? `${unknownStored} seen stored; of the others` : 'which of them are stored';
  return `${seen} is not known`;
}

/** Late is not lost, and a client that read at once did not get it. */
function late({ lagging }: AccountView): string {
  return lagging === null
    ? ''
    : `; ${lagging.count} were lagging: absent from the look that began ${seconds(lagging.absentAtMs)} after the end of the load, there in one that ended ${seconds(lagging.seenByMs)} after it`;
}

/** A cut that is total lets nothing be acknowledged: 0 is its proof, and those just before and after it are what is at risk. */
function whileActing({ whileActing: counts }: AccountView): string {
  const known = Object.entries(counts).map(([name, count]) => `${name}: ${count}`);
  return known.length === 0
    ? ''
    : `; of these acknowledged while the fault was seen acting: ${known.join(', ')}`;
}
