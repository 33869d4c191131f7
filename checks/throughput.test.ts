import { expect, it } from 'vitest';
import { type Story, viewOf } from '../analysis/testing.ts';
import { type RunnersStory, runnersRecord } from '../analysis/testing-runners.ts';
import { buildView } from '../analysis/view.ts';
import { judge } from './throughput.ts';

/** The load is 20 writes/s of 100 points: 2,000 points/s. */
const ask = (pointsPerS: number, story: Story = {}) => judge(viewOf(story), { pointsPerS });

it('passes what was acknowledged', () => {
  expect(ask(2_000)).toMatchObject({ verdict: 'pass', observed: { value: 2_000, unit: 'points/s' } });
});

it('fails where the rate was offered and not acknowledged', () => {
  const verdict = ask(1_990, { write: (index) => (index % 100 === 0 ? { outcome: 'F', status: 503 } : {}) });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 1_980 } });
});

it('does not refute what the machine could not offer', () => {
  const verdict = ask(4_000, { events: [{ at: 1, kind: 'rate', askedPerS: 40, ratePerS: 20 }] });
  expect(verdict).toMatchObject({ verdict: 'not_run', reason: expect.stringContaining('20 of 40 writes/s') });
  const stolen = ask(4_000, {
    events: [{ at: 1, kind: 'rate', askedPerS: 40, ratePerS: 20, steal: 0.12 }],
  });
  expect(stolen.reason).toContain('this machine, of which the hypervisor took 12.00 %, found 20 of 40');
  expect(ask(4_000)).toMatchObject({ verdict: 'not_run', reason: expect.stringContaining('offers no more') });
});

it('cannot tell without a load', () => {
  expect(ask(1, { edit: (event) => (event.kind === 'load.started' ? null : event) }).verdict).toBe(
    'inconclusive',
  );
});

it('cannot tell from a ledger that is not all there', () => {
  const log: NonNullable<Story['log']> = (text) => text.slice(0, text.length / 2);
  expect(ask(1_990, { log })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the generator counted 1200 iterations'),
  });
});

const askThree = (pointsPerS: number, story: Omit<RunnersStory, 'count'> = {}) =>
  judge(buildView(runnersRecord({ count: 3, ...story })), { pointsPerS });

it('asks the runners together, in the seconds that they share', () => {
  const verdict = askThree(2_000);
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 2_000 } });
  expect(verdict.reason).toContain('2000 offered');
  expect(verdict.evidence).toEqual(expect.arrayContaining(['ledger/load-1.log', 'ledger/load-3.log']));
  // Begun three seconds apart: the edges, where not all of them were at work, would be short of it.
  expect(askThree(1_980, { staggerMs: 3_000 }).verdict).toBe('pass');
});

it('fails for all runners where the rate was offered and not acknowledged', () => {
  const write: NonNullable<Story['write']> = (index) =>
    index % 100 === 0 ? { outcome: 'F', status: 503 } : {};
  expect(askThree(1_990, { write })).toMatchObject({ verdict: 'fail', observed: { value: 1_980 } });
});

it('cannot tell when one of the ledgers is not all there', () => {
  const ledger: NonNullable<RunnersStory['ledger']> = (runner, text) =>
    runner === 'load-2' ? text.slice(0, text.length / 2) : text;
  expect(askThree(1_990, { ledger })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('ledger/load-2.log'),
  });
});
