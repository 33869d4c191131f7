/** Each verdict by a time line written by hand. The rule fires 314 to 345 s after the fault and resolves 257 to 315 s after its end. */
import { expect, it } from 'vitest';
import { deadlines } from './deadlines.ts';
import { judgeAlert, type ExpectedFault } from './judge.ts';
import type { Firing, ObservedAlert } from './observed.ts';
import type { RuleTiming } from './timing.ts';

const TIMING: RuleTiming = {
  condition: { kind: 'ratio', windowMs: 300_000, threshold: 0.05 },
  forMs: 300_000,
  keepFiringForMs: 0,
  evaluationIntervalMs: 15_000,
  scrapeIntervalMs: 15_000,
};

/** A fault from second 1000 on. */
function fault(lengthS = 600, share = 1, name = 'errors', startS = 1_000): ExpectedFault {
  const times = { started: at(startS), ended: at(startS + lengthS) };
  return { name, times, deadlines: deadlines(TIMING, times, share) };
}

function at(second: number, untilS = second) {
  return { fromMs: second * 1_000, toMs: untilS * 1_000 };
}

function firing(firedS: number, resolvedS: number | null): Firing {
  return { firedMs: at(firedS), resolvedMs: resolvedS === null ? null : at(resolvedS) };
}

function alert(firings: Firing[], more: Partial<ObservedAlert> = {}): ObservedAlert {
  return {
    name: 'HighErrors',
    watched: at(0, 4_000),
    firings,
    gaps: [],
    health: 'ok',
    lastError: '',
    conditionHeld: null,
    ...more,
  };
}

function verdict(seen: ObservedAlert, faults = [fault()]): string {
  const found = judgeAlert(TIMING, faults, seen);
  return found.map((one) => `${one.fault ?? 'none'}: ${one.verdict}`).join(', ');
}

function why(seen: ObservedAlert, faults = [fault()]): string {
  return judgeAlert(TIMING, faults, seen)
    .map((one) => one.why)
    .join('; ');
}

it.each([
  ['in time', 1_330, 1_900, 'in-time'],
  ['at the earliest', 1_313.5, 1_856.5, 'in-time'],
  ['at the latest', 1_345, 1_915, 'in-time'],
  ['too early', 1_313.4, 1_900, 'early'],
  ['too late', 1_345.1, 1_900, 'late'],
  ['resolved too early', 1_330, 1_856.4, 'early'],
  ['resolved too late', 1_330, 1_915.1, 'late'],
  ['never resolved', 1_330, null, 'late'],
])('%s: fired at %d, resolved at %s: %s', (_, firedS, resolvedS, expected) => {
  expect(verdict(alert([firing(firedS, resolvedS)]))).toBe(`errors: ${expected}`);
});

it('does not decide what was not looked at often enough', () => {
  for (const firedMs of [at(1_300, 1_320), at(1_340, 1_350), at(1_300, 1_400)])
    expect(verdict(alert([{ firedMs, resolvedMs: at(1_900) }]))).toBe('errors: not-judgeable');
  expect(verdict(alert([{ firedMs: at(1_320, 1_340), resolvedMs: at(1_870, 1_910) }]))).toBe(
    'errors: in-time',
  );
  // Certain in spite of that.
  expect(verdict(alert([{ firedMs: at(1_346, 1_400), resolvedMs: at(1_900) }]))).toBe('errors: late');
  expect(verdict(alert([{ firedMs: at(1_100, 1_313), resolvedMs: at(1_900) }]))).toBe('errors: early');
});

it('tells a condition that never held from an alert that is missing', () => {
  const held = (...conditionHeld: ReturnType<typeof at>[]) => alert([], { conditionHeld });
  expect(verdict(held())).toBe('errors: condition-never-true');
  expect(verdict(held(at(100, 600)))).toBe('errors: condition-never-true');
  expect(verdict(held(at(1_020, 1_319)))).toBe('errors: condition-never-true');
  expect(why(held(at(1_020, 1_319)))).toContain('299000 ms');
  expect(verdict(held(at(1_020, 1_320)))).toBe('errors: missing');
  expect(verdict(alert([]))).toBe('errors: not-judgeable');
  expect(why(alert([]))).toContain('nobody asked');
});

it('calls flapping what fires twice for one fault', () => {
  expect(verdict(alert([firing(1_330, 1_500), firing(1_600, 1_900)]))).toBe('errors: flapping');
});

it('finds a firing that no fault explains, before, after, and without one', () => {
  expect(verdict(alert([firing(500, 560), firing(1_330, 1_900)]))).toBe('errors: in-time, none: unexpected');
  expect(verdict(alert([firing(1_330, 1_900), firing(3_000, 3_100)]))).toBe(
    'errors: in-time, none: unexpected',
  );
  expect(verdict(alert([firing(500, 560)]), [])).toBe('none: unexpected');
  const gaps = [{ what: 'Prometheus restarted' as const, ...at(450, 460) }];
  expect(verdict(alert([firing(500, 560)], { gaps }), [])).toBe('none: not-judgeable');
});

it('finds a firing for a fault that is too small, and silence right', () => {
  const small = [fault(600, 0.04)];
  expect(verdict(alert([firing(1_330, 1_900)]), small)).toBe('errors: unexpected');
  expect(why(alert([firing(1_330, 1_900)]), small)).toContain('a share of 0.04');
  expect(verdict(alert([]), small)).toBe('errors: rightly-silent');
  expect(verdict(alert([]), [])).toBe('none: rightly-silent');
});

it('leaves a fault alone that the phases decide on', () => {
  const short = [fault(60)];
  expect(verdict(alert([]), short)).toBe('errors: not-judgeable');
  expect(why(alert([]), short)).toContain('need not');
  expect(verdict(alert([firing(1_340, 1_360)]), short)).toBe('errors: in-time');
});

it('says nothing about what was firing already', () => {
  expect(verdict(alert([firing(900, 1_900)]))).toBe('errors: not-judgeable, none: unexpected');
});

it('says nothing about two faults too near to each other', () => {
  const near = [fault(), fault(60, 1, 'more', 2_000)];
  expect(verdict(alert([firing(1_330, 1_900)]), near)).toBe('errors: not-judgeable, more: not-judgeable');
  const far = [fault(), fault(600, 1, 'more', 2_600)];
  const twice = alert([firing(1_330, 1_900), firing(2_930, 3_500)], { watched: at(0, 5_000) });
  expect(verdict(twice, far)).toBe('errors: in-time, more: in-time');
});

it.each(['missed scrapes', 'missed evaluations', 'Prometheus restarted', 'nobody looked'] as const)(
  'does not pass over a gap: %s',
  (what) => {
    const gap = (fromS: number, toS: number) => ({ gaps: [{ what, ...at(fromS, toS) }] });
    expect(verdict(alert([firing(1_330, 1_900)], gap(1_200, 1_201)))).toBe('errors: not-judgeable');
    expect(why(alert([firing(1_330, 1_900)], gap(1_200, 1_201)))).toContain(what);
    // It belongs to the first window that the fault touches.
    expect(verdict(alert([firing(1_330, 1_900)], gap(690, 701)))).toBe('errors: not-judgeable');
    expect(verdict(alert([firing(1_330, 1_900)], gap(600, 699)))).toBe('errors: in-time');
    expect(verdict(alert([], gap(600, 699)), [])).toBe('none: not-judgeable');
  },
);

it.each<Partial<ObservedAlert>>([
  { health: 'err', lastError: 'many-to-many' },
  { health: 'unknown' },
  { watched: at(800, 4_000) },
  { watched: at(0, 1_920) },
  { watched: at(0) },
])('does not pass on what was not seen: %o', (more) => {
  expect(verdict(alert([firing(1_330, 1_900)], more))).toBe('errors: not-judgeable');
  expect(verdict(alert([], { ...more, conditionHeld: [] }))).toBe('errors: not-judgeable');
});

it('does not call an alert silent that nobody could watch', () => {
  expect(verdict(alert([], { health: 'err' }), [])).toBe('none: not-judgeable');
  expect(verdict(alert([], { watched: at(0) }), [])).toBe('none: not-judgeable');
});

it('calls an alert silent only after a time in which it would have fired', () => {
  // 300 s of window, 300 s of for, a scrape and an evaluation of 15 s each.
  const seen = (untilS: number) => alert([], { watched: at(0, untilS) });
  expect(verdict(seen(630), [])).toBe('none: rightly-silent');
  expect(verdict(seen(629.999), [])).toBe('none: not-judgeable');
  expect(why(seen(0.001), [])).toContain('watched for 1 ms only: it may take 630000 ms to fire');
});

it('does not judge a resolution that the load does not tell', () => {
  const open = fault();
  open.deadlines = { ...open.deadlines, resolve: null };
  expect(verdict(alert([firing(1_330, 1_900)]), [open])).toBe('errors: not-judgeable');
  expect(verdict(alert([firing(1_400, 1_900)]), [open])).toBe('errors: late');
});

it('does not call one late that was watched no longer than it may fire', () => {
  const one = fault();
  const { resolve } = one.deadlines;
  const until = one.deadlines.concerns.toMs / 1_000;
  const later = resolve && { ...resolve, toMs: one.deadlines.concerns.toMs + 10_000 };
  const open = { ...one, deadlines: { ...one.deadlines, resolve: later } };
  expect(verdict(alert([firing(1_330, null)], { watched: at(0, until + 1) }), [open])).toBe(
    'errors: not-judgeable',
  );
  expect(verdict(alert([firing(1_330, null)], { watched: at(0, until + 11) }), [open])).toBe('errors: late');
});

it('tells milliseconds as whole ones', () => {
  const times = { started: { fromMs: 1_000_000.123, toMs: 1_000_000.456 }, ended: at(1_300) };
  const short = { name: 'errors', times, deadlines: deadlines(TIMING, times, 1) };
  const held = [{ fromMs: 1_000_000.1, toMs: 1_010_496.389_666 }];
  for (const conditionHeld of [null, [], held])
    for (const faults of [[fault()], [short]])
      expect(why(alert([], { conditionHeld }), faults)).not.toMatch(/\d\.\d+ ms/);
});

it('says why a silence says nothing in words', () => {
  const endless = { ...TIMING, condition: { kind: 'ratio' as const, windowMs: Infinity, threshold: 0 } };
  expect(judgeAlert(endless, [], alert([]))).toMatchObject([
    {
      verdict: 'not-judgeable',
      why: expect.stringContaining('how far back its expression looks is not known'),
    },
  ]);
});
