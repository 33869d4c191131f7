import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge, options } from './steady-state.ts';

const ask = (story: Story) => judge(viewOf(story), options.parse({}));
const failing =
  (from: number, to: number): NonNullable<Story['write']> =>
  (_, dueMs) =>
    dueMs >= from && dueMs < to ? { outcome: 'F', status: 503 } : {};
const cut: Story = {
  faults: [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }],
  events: faultEvents('cut', 21_000, 26_000),
};

it('passes where both stretches are healthy', () => {
  const verdict = ask({ ...cut, write: failing(20_000, 26_000) });
  expect(verdict.verdict).toBe('pass');
  expect(verdict.reason).toContain('before the first fault: 100.00 % of 14 seconds good');
});

it('fails where the system is worse afterwards', () => {
  expect(ask({ ...cut, write: failing(40_000, 45_000) })).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('after the recovery from cut'),
  });
});

it('fails where it never comes back although there was time', () => {
  expect(ask({ ...cut, write: failing(20_000, 60_000) })).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('not seen again'),
  });
});

it('cannot tell where the clock of a runner may have put bad seconds behind a recovery', () => {
  const edit: Story['edit'] = (event) =>
    event.kind === 'load.ended' ? { ...event, anchorBoundMs: 4_000 } : event;
  for (const write of [failing(40_000, 45_000), failing(20_000, 60_000)])
    expect(ask({ ...cut, edit, write })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('known to +- 4.0 s only'),
    });
});

it('cannot tell when it was never healthy, or when there is too little to look at', () => {
  expect(ask({ ...cut, write: failing(10_000, 14_000) })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('not healthy before'),
  });
  expect(ask({ ...cut, warmupMs: 19_000 })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('too few'),
  });
  expect(ask({ ...cut, write: failing(20_000, 60_000), forMs: 29_000 })).toMatchObject({
    verdict: 'inconclusive',
  });
  const endless = cut.events!.filter((event) => !(event.kind === 'fault.proof' && event.saw === 'gone'));
  expect(ask({ ...cut, events: endless })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the end of cut was not seen'),
  });
});

it('judges the whole load where nothing was disturbed', () => {
  expect(ask({}).verdict).toBe('pass');
  expect(ask({ write: failing(30_000, 34_000) }).verdict).toBe('fail');
});

it('needs a second that was seen bad: seconds without a line are no finding', () => {
  const log: NonNullable<Story['log']> = (text) =>
    text
      .split('\n')
      .filter((line) => Number(line.split(' ')[2] ?? 0) < 20_000)
      .join('\n');
  expect(ask({ ...cut, log })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('no write is on record'),
  });
});
