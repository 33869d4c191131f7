/** Every acknowledged journey, and every acknowledged event, is in exactly one state, and in one that keeps what was promised. */
import { z } from 'zod';
import { type Judgement, ledgerEvidence, named, ruleOfThree } from '../analysis/check.ts';
import { journeyAccount, type RunnerStates } from '../analysis/journeys/accounted.ts';
import type { RunView } from '../analysis/view.ts';

export const title = 'Every journey is accounted for';
export const scope = 'run';
export const restsOn = 'ledger';

export const options = z.strictObject({});

export function judge(view: RunView): Judgement {
  const { runners, lost, broken, unknown, doubts } = journeyAccount(view);
  const acknowledged = runners.reduce((sum, runner) => sum + runner.acknowledged, 0);
  const accused = Object.entries(broken);
  const wrong = lost.count + accused.reduce((sum, [, { count }]) => sum + count, 0);
  const common = {
    observed: { value: wrong, unit: 'journeys and events' },
    expected: { value: 0, unit: 'journeys and events' },
    evidence: [...ledgerEvidence(view), ...view.states.map(({ runner }) => `ledger/${runner}.states`)],
  };
  const states = runners
    .filter((runner) => runner.whole || runner.acknowledged > 0)
    .map(({ runner, acknowledged: of, byState }) => `${runner}: ${of} acknowledged (${words(byState)})`)
    .join('; ');
  const apart = `${unknown.count} unknown are kept apart (${words(unknown.byState)})`;
  if (wrong > 0) {
    const parts = [
      ...(lost.count > 0 ? [`${lost.count} lost: ${named(lost)}`] : []),
      ...accused.map(([state, writes]) => `${writes.count} ${state}: ${named(writes)}`),
      ...doubts.map((doubt) => `besides, ${doubt}`),
    ];
    return {
      verdict: 'fail',
      reason: `Of ${acknowledged} acknowledged ${parts.join('; ')}. By state: ${states}; ${apart}.`,
      ...common,
    };
  }
  const idle = runners
    .filter((runner) => runner.whole && runner.acknowledged === 0)
    .map(({ runner }) => runner);
  const unsure = [
    ...doubts,
    ...(acknowledged === 0 && runners.every(({ whole }) => whole)
      ? ['nothing was acknowledged, so nothing was at risk']
      : []),
    ...idle.map((runner) => `nothing of ${runner} was acknowledged, so nothing of it was at risk`),
  ];
  if (unsure.length > 0)
    return {
      verdict: 'inconclusive',
      reason: `${clean(runners)}${unsure.join('; ')}. By state: ${states === '' ? 'none known' : states}; ${apart}.`,
      ...common,
      observed: { ...common.observed, value: runners.every(({ whole }) => whole) ? wrong : null },
    };
  return {
    verdict: 'pass',
    reason: `each of ${acknowledged} acknowledged is in exactly one state, and a good one (${ruleOfThree(acknowledged)}). By state: ${states}; ${apart}.`,
    ...common,
  };
}

/** What can be said for a run with doubts: nothing for the runners whose states are not known whole. */
function clean(runners: readonly RunnerStates[]): string {
  const unjudged = runners.filter(({ whole }) => !whole).map(({ runner }) => runner);
  const judged = runners.filter(({ whole }) => whole);
  const acknowledged = judged.reduce((sum, runner) => sum + runner.acknowledged, 0);
  const good = judged.length === 0 ? '' : `0 wrong of ${acknowledged} acknowledged, but `;
  return unjudged.length === 0 ? good : `${good}not all of ${unjudged.join(', ')} could be judged: `;
}

function words(byState: Record<string, number>): string {
  const parts = Object.entries(byState).map(([state, count]) => `${count} ${state}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}
