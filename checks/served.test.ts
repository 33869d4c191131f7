import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge, options } from './served.ts';

const cut = { name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 };
const outage: Story = {
  faults: [cut],
  events: faultEvents('cut', 21_000, 26_000),
  write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 25_000 ? { outcome: 'F', status: 503 } : {}),
};
const ask = (story: Story, during?: string, given = {}) =>
  judge(viewOf(story), options.parse(given), during === undefined ? {} : { during });

it('passes a healthy load, and the time outside a fault', () => {
  expect(ask({})).toMatchObject({ verdict: 'pass', observed: { value: 1 } });
  expect(ask(outage)).toMatchObject({ verdict: 'pass', observed: { value: 1 } });
});

it('does not fail where the clock of a runner may have put writes on the wrong side of a window', () => {
  const off = (anchorBoundMs: number): Story => ({
    ...outage,
    edit: (event) => (event.kind === 'load.ended' ? { ...event, anchorBoundMs } : event),
  });
  for (const [anchorBoundMs, verdict] of [
    [900, 'fail'],
    [4_000, 'inconclusive'],
  ] as const)
    expect(ask(off(anchorBoundMs), 'cut').verdict).toBe(verdict);
  expect(ask(off(4_000)).reason).toContain('known to +- 4.0 s only');
  // Without a fault there are no windows.
  expect(ask({ ...off(4_000), faults: [], events: [] }).verdict).toBe('fail');
});

it('fails the window of a fault, with the worst ten seconds', () => {
  const verdict = ask(outage, 'cut');
  expect(verdict).toMatchObject({ verdict: 'fail', windowMs: [20_800, 26_000] });
  expect(verdict.reason).toContain('20 of 120 arrivals in the window of cut were served (16.67 %');
  expect(verdict.reason).toContain('100 failed');
  expect(ask(outage, 'cut', { atLeast: 0.1 }).verdict).toBe('pass');
});

it('counts dropped arrivals as not served', () => {
  const verdict = ask({ write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 25_000 ? null : {}) });
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toContain('1000 of 1100 arrivals');
  expect(verdict.reason).toContain('100 dropped');
});

it('cannot tell without arrivals', () => {
  expect(ask({ log: () => '' }).verdict).toBe('inconclusive');
  expect(ask({ edit: (event) => (event.kind === 'load.started' ? null : event) }).verdict).toBe(
    'inconclusive',
  );
});

it('says invalid of a fault without proof, and throws for one that is not planned', () => {
  const unproven = { ...outage, events: outage.events!.filter(({ kind }) => kind !== 'fault.proof') };
  expect(ask(unproven, 'cut')).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('never seen acting'),
  });
  const elsewhere: Story = {
    ...outage,
    events: [
      ...outage.events!,
      {
        at: 22_000,
        kind: 'fault.proof',
        fault: 'cut',
        saw: 'elsewhere',
        notBeforeMs: 22_000,
        detail: 'pod b too',
      },
    ],
  };
  expect(ask(elsewhere, 'cut')).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('pod b too'),
  });
  expect(() => ask({}, 'nothing')).toThrow('no fault "nothing"');
});
