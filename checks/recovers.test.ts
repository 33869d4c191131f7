import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './recovers.ts';

const cut = { name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 };
/** Acts from 21 s to 26 s on the run's clock; the system answers again `afterMs` later. */
const story = (afterMs: number, rest: Story = {}): Story => ({
  faults: [cut],
  events: faultEvents('cut', 21_000, 26_000),
  write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 25_000 + afterMs ? { outcome: 'F', status: 503 } : {}),
  ...rest,
});
const ask = (told: Story, withinMs: number, during = 'cut') => judge(viewOf(told), { withinMs }, { during });

it('passes a recovery in time, with its resolution and both starting points', () => {
  const verdict = ask(story(4_000), 5_000);
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 4.1, unit: 's' } });
  expect(verdict.reason).toContain('began after 4.1 s +- 1.1 s (9.1 s after it began to act)');
});

it('cannot tell when pods were not watched in the window, and fails what is late all the same', () => {
  const gap = {
    at: 24_000,
    kind: 'gap' as const,
    what: 'pods watch',
    fromMs: 21_500,
    toMs: 24_000,
    why: 'no answer',
  };
  const blind = (afterMs: number) => story(afterMs, { events: [...faultEvents('cut', 21_000, 26_000), gap] });
  expect(ask(blind(4_000), 5_000)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('from 21.5 s to 24.0 s (no answer)'),
  });
  expect(ask(blind(8_000), 5_000).verdict).toBe('fail');
});

it('fails one that comes too late', () => {
  expect(ask(story(8_000), 5_000)).toMatchObject({ verdict: 'fail', observed: { value: 8.1 } });
});

it('fails one that never comes, and one that comes only for a moment', () => {
  expect(ask(story(60_000), 5_000)).toMatchObject({ verdict: 'fail', observed: { value: null } });
  const flapping = story(0, {
    write: (_, dueMs) => (dueMs >= 20_000 && dueMs % 2_000 < 1_000 ? { outcome: 'F', status: 503 } : {}),
  });
  expect(ask(flapping, 5_000).verdict).toBe('fail');
});

it('measures a blow from the blow', () => {
  const kill = story(0, {
    faults: [{ name: 'cut', fault: { chaos: 'pod-kill' } }],
    events: faultEvents('cut', 21_000, 40_000),
    write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 23_000 ? { outcome: 'U', status: 0 } : {}),
  });
  expect(ask(kill, 5_000)).toMatchObject({ verdict: 'pass', observed: { value: 3.1 } });
  expect(ask(kill, 2_000).verdict).toBe('fail');
});

it('takes no good seconds between a blow and the first that feels it for a recovery', () => {
  const kill = story(0, {
    faults: [{ name: 'cut', fault: { chaos: 'pod-kill' } }],
    events: faultEvents('cut', 21_000, 40_000),
    write: (_, dueMs) => (dueMs >= 26_000 && dueMs < 28_000 ? { outcome: 'U', status: 0 } : {}),
  });
  expect(ask(kill, 9_000)).toMatchObject({ verdict: 'pass', observed: { value: 8.1 } });
  expect(ask(kill, 5_000)).toMatchObject({ verdict: 'fail', observed: { value: 8.1 } });
  // What comes when it is over long since is not its doing.
  const over = { ...kill, events: faultEvents('cut', 21_000, 22_000) };
  expect(ask(over, 5_000)).toMatchObject({ verdict: 'pass', observed: { value: 0 } });
});

it('counts no second against the system in which the generator itself stood still', () => {
  // Good from the end of the cut on, but for the writes that k6 did not send from 27.1 s to 28.0 s.
  const stalled = (lagMs: number) =>
    story(0, {
      write: (_, dueMs) => {
        if (dueMs >= 20_000 && dueMs < 25_000) return { outcome: 'F', status: 503 };
        if (dueMs < 27_100 || dueMs >= 28_000) return {};
        return { lagMs: lagMs === 0 ? 0 : 28_000 - dueMs, latMs: 28_020 - dueMs };
      },
    });
  expect(ask(stalled(1), 3_000)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('or none that the generator sent in time'),
  });
  expect(ask(stalled(1), 4_000)).toMatchObject({ verdict: 'pass', observed: { value: 3.1 } });
  // The same wait without a word of the generator's is the system's.
  expect(ask(stalled(0), 3_000).verdict).toBe('fail');
});

it('cannot tell where the clock of a runner may be as far off as it would take', () => {
  const runner = (anchorBoundMs: number): Partial<Story> => ({
    edit: (event) => (event.kind === 'load.ended' ? { ...event, anchorBoundMs } : event),
  });
  expect(ask(story(4_000, runner(900)), 5_000).verdict).toBe('pass');
  expect(ask(story(4_000, runner(4_000)), 5_000)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('known to +- 4.0 s only'),
  });
  expect(ask(story(8_000, runner(4_000)), 5_000).verdict).toBe('inconclusive');
  expect(ask(story(4_000, runner(4_000)), 9_000).verdict).toBe('pass');
  expect(ask(story(12_000, runner(4_000)), 5_000).verdict).toBe('fail');
  // Nor does a recovery that nobody saw begin later for that.
  expect(ask(story(60_000, { ...runner(4_000), forMs: 31_000 }), 5_000).verdict).toBe('inconclusive');
  expect(ask(story(60_000, { ...runner(4_000), forMs: 45_000 }), 5_000).verdict).toBe('fail');
});

it('cannot tell when too little of the load is left', () => {
  expect(ask(story(60_000, { forMs: 28_000 }), 10_000)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('too short'),
  });
  // But a bad second after the limit settles it.
  expect(ask(story(60_000, { forMs: 28_000 }), 1_500).verdict).toBe('fail');
});

it('says invalid of a fault whose end was not proven, or that never acted', () => {
  const events = faultEvents('cut', 21_000, 26_000);
  const endless = events.filter((event) => !(event.kind === 'fault.proof' && event.saw === 'gone'));
  expect(ask(story(0, { events: endless }), 5_000)).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('end was never seen'),
  });
  expect(ask(story(0, { events: [] }), 5_000)).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('never begun'),
  });
  expect(() => judge(viewOf({}), { withinMs: 1 }, {})).toThrow('during');
});

/** The ledger without the writes due in a stretch, ms since the anchor. */
const without =
  (fromMs: number, toMs: number): NonNullable<Story['log']> =>
  (text) =>
    text
      .split('\n')
      .filter((line) => !(Number(line.split(' ')[2] ?? -1) >= fromMs && Number(line.split(' ')[2]) < toMs))
      .join('\n');

it('fails nobody for seconds that have no line', () => {
  for (const log of [without(24_000, 40_000), without(24_000, 60_000)])
    expect(ask(story(0, { log }), 5_000)).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('no write is on record'),
    });
  // Bad seconds that were seen, on both sides of the hole, settle it.
  expect(ask(story(60_000, { log: without(30_000, 31_000) }), 5_000).verdict).toBe('fail');
});

it('cannot tell when the load had ended before the fault did, and counts no negative time', () => {
  const verdict = ask(story(60_000, { forMs: 22_000 }), 5_000);
  expect(verdict.verdict).toBe('inconclusive');
  expect(verdict.reason).toContain('had ended when cut was gone');
});

it('cannot tell when the run was stopped in the middle of the fault', () => {
  const events = faultEvents('cut', 21_000, 26_000).filter(
    (event) => !(event.kind === 'fault.proof' && event.saw === 'gone'),
  );
  const edit: Story['edit'] = (event) =>
    event.kind === 'run.ended' ? { ...event, interrupted: true } : event;
  expect(ask(story(0, { events, edit }), 5_000)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('interrupted'),
  });
  const never = events.filter(({ kind }) => kind !== 'fault.proof');
  expect(ask(story(0, { events: never, edit }), 5_000).verdict).toBe('inconclusive');
});
