/** A batch is taken whole or not at all: success for a part of it leaves the client with nothing it could send again. */
import { z } from 'zod';
import { doubtsAbout } from '../analysis/account-view.ts';
import { byWindow, history, type Judgement, named, ruleOfThree } from '../analysis/check.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'A write is taken whole or not at all';
export const scope = 'run';
export const restsOn = 'ledger';

export const options = z.strictObject({});

export function judge(view: RunView): Judgement {
  const { partial, runners } = view.account;
  const answered = runners.reduce((total, runner) => total + runner.acknowledged, 0) + partial.count;
  const common = {
    observed: { value: partial.count, unit: 'writes' },
    expected: { value: 0, unit: 'writes' },
    evidence: [...runners.map(({ runner }) => `ledger/${runner}.log`), history('load.started')],
  };
  if (partial.count > 0) {
    return {
      verdict: 'fail',
      reason: `${partial.count} of ${answered} writes answered with success were not taken whole: ${byWindow(view, partial.byWindow)}. They are ${named(partial)}.`,
      ...common,
    };
  }
  const unsure = [
    // Those about the ledgers: it does not matter here what was read back.
    ...doubtsAbout(view.account, 'log'),
    ...(answered === 0 ? ['no write was answered with success'] : []),
  ];
  const words = `0 of ${answered} writes answered with success were taken in part`;
  if (unsure.length > 0)
    return { verdict: 'inconclusive', reason: `${words}, but ${unsure.join('; ')}.`, ...common };
  return { verdict: 'pass', reason: `${words} (${ruleOfThree(answered)}).`, ...common };
}
