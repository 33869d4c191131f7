import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import type { Event } from '../record/model.ts';
import { judge } from './faults-proven.ts';

const faults: Story['faults'] = [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }];
const whole = faultEvents('cut', 21_000, 26_000);
const ask = (events: Event[], story: Story = {}) => judge(viewOf({ faults, ...story, events }));
const without = (saw: string) =>
  whole.filter((event) => !(event.kind === 'fault.proof' && event.saw === saw));

it('passes a fault that was seen acting and gone', () => {
  expect(ask(whole)).toMatchObject({
    verdict: 'pass',
    reason: 'cut on a: seen acting at 21.0 s, gone at 26.0 s.',
  });
});

it('cannot tell of a fault in whose window pods were not watched', () => {
  const gap = {
    at: 24_000,
    kind: 'gap' as const,
    what: 'pods watch',
    fromMs: 21_500,
    toMs: 24_000,
    why: 'no answer',
  };
  expect(ask([...whole, gap])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('cut: pods were not watched'),
  });
});

it('says what the platform cannot play, and is not run for it', () => {
  const verdict = ask([], { faults: [{ name: 'cut', fault: { chaos: 'cut' }, notRun: 'no netem' }] });
  expect(verdict).toMatchObject({ verdict: 'not_run', reason: expect.stringContaining('no netem') });
});

it('passes a run without faults, and says so', () => {
  expect(ask([], { faults: [] })).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('nothing was disturbed'),
  });
});

it.each<[string, Event[], string]>([
  ['was never begun', [], 'cut: it was never begun'],
  ['never acted', without('acting'), 'cut: it was never seen acting'],
  ['never ended', without('gone'), 'cut: its end was never seen'],
  [
    'acted elsewhere',
    [
      ...whole,
      { at: 22_000, kind: 'fault.proof', fault: 'cut', saw: 'elsewhere', notBeforeMs: 0, detail: 'b' },
    ],
    'cut: it acted elsewhere: b',
  ],
  [
    'failed',
    [...whole, { at: 27_000, kind: 'fault.failed', fault: 'cut', why: 'heal: no' }],
    'cut: heal: no',
  ],
  [
    'was not planned',
    [...whole, { at: 1, kind: 'fault.intent', fault: 'other', targets: [], detail: '' }],
    'not planned',
  ],
])('says invalid of a fault that %s', (_, events, words) => {
  expect(ask(events)).toMatchObject({ verdict: 'invalid', reason: expect.stringContaining(words) });
});

it('says invalid of two faults of one name', () => {
  expect(ask(whole, { faults: [...faults, ...faults] })).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('planned twice'),
  });
});

it('asks nothing of a fault that a stopped run never began', () => {
  const edit: Story['edit'] = (event) =>
    event.kind === 'run.ended' ? { ...event, interrupted: true } : event;
  expect(ask([], { edit })).toMatchObject({
    verdict: 'not_run',
    reason: expect.stringContaining('interrupted'),
  });
});

it('cannot tell of the fault that a stopped run was in the middle of, unless it could not be healed', () => {
  const edit: Story['edit'] = (event) =>
    event.kind === 'run.ended' ? { ...event, interrupted: true } : event;
  for (const events of [without('gone'), whole.slice(0, 1)])
    expect(ask(events, { edit })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('interrupted'),
    });
  const left: Event = { at: 27_000, kind: 'fault.failed', fault: 'cut', why: 'heal: no' };
  expect(ask([...without('gone'), left], { edit }).verdict).toBe('invalid');
});
