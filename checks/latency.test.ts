import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge, options } from './latency.ts';

const ask = (story: Story, during?: string, given = {}) =>
  judge(viewOf(story), options.parse(given), during === undefined ? {} : { during });

it('passes up to one slow write in a hundred', () => {
  expect(ask({}, undefined, { p99Ms: 20 })).toMatchObject({
    verdict: 'pass',
    observed: { value: 20, unit: 'ms' },
  });
  expect(ask({ write: (index) => (index % 110 === 109 ? { latMs: 900 } : {}) }).verdict).toBe('pass');
});

it('fails beyond, by the limit of the scenario where none is given', () => {
  const verdict = ask({ write: (index) => (index % 50 === 0 ? { latMs: 900 } : {}) });
  expect(verdict).toMatchObject({ verdict: 'fail', expected: { value: 500 } });
  expect(verdict.observed?.value).toBeCloseTo(900, -1);
});

it('measures from the intended start, drops taken out', () => {
  const dropped: Story['write'] = (index) => (index === 200 ? null : {});
  expect(ask({ write: dropped }, undefined, { p99Ms: 25 }).verdict).toBe('pass');
  // The generator was late by itself: the client waited all the same.
  const late: Story['write'] = (index) => (index % 20 === 0 ? { lagMs: 600, latMs: 620 } : {});
  expect(ask({ write: late }).verdict).toBe('fail');
});

it('has no percentile where more than one in a hundred got no answer', () => {
  const verdict = ask({
    write: (index) => (index % 40 === 0 ? { outcome: 'F', status: 503, latMs: 1 } : {}),
  });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: null } });
  expect(verdict.reason).toContain('27 of 1100 arrivals');
});

it('judges the window of a fault by itself', () => {
  const slow: Story = {
    faults: [{ name: 'delay', fault: { chaos: 'delay' }, forMs: 5_000 }],
    events: faultEvents('delay', 21_000, 26_000),
    write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 25_000 ? { latMs: 800 } : {}),
  };
  expect(ask(slow).verdict).toBe('pass');
  expect(ask(slow, 'delay').verdict).toBe('fail');
  expect(ask({ ...slow, events: [] }, 'delay').verdict).toBe('invalid');
});

it('cannot tell where the generator itself held writes up in the window', () => {
  const stalled: Story = {
    faults: [{ name: 'delay', fault: { chaos: 'delay' }, forMs: 5_000 }],
    events: faultEvents('delay', 21_000, 26_000),
    write: (_, dueMs) =>
      dueMs >= 20_000 && dueMs < 22_000 ? { lagMs: 22_000 - dueMs, latMs: 22_020 - dueMs } : {},
  };
  expect(ask(stalled, 'delay')).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('more than 250 ms late meanwhile'),
  });
  // But no lateness explains an answer of 503.
  const refused: Story['write'] = (index, dueMs) =>
    dueMs >= 20_000 && index % 10 === 0
      ? { outcome: 'F', status: 503 }
      : (stalled.write?.(index, dueMs) ?? {});
  expect(ask({ ...stalled, write: refused }, 'delay').verdict).toBe('fail');
});

it('cannot tell without arrivals', () => {
  expect(ask({ log: () => '' }).verdict).toBe('inconclusive');
});
