/** The load second by second, put through the rule: inside the formula where the load is constant, and right where no formula is. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { deadlines } from './deadlines.ts';
import { ledgerDeadlines } from './ledger-deadlines.ts';
import { cycles, type Load } from './phases.ts';
import { extrapolatedRate } from './rate.ts';
import type { RuleTiming } from './timing.ts';

const WINDOW = { windowMs: 60_000, threshold: 0.1 };
const TIMING: RuleTiming = {
  condition: { kind: 'ratio', ...WINDOW },
  forMs: 30_000,
  keepFiringForMs: 0,
  evaluationIntervalMs: 10_000,
  scrapeIntervalMs: 10_000,
};
const TIMES = { started: { fromMs: 100_000, toMs: 100_000 }, ended: { fromMs: 300_000, toMs: 300_000 } };

/** `seconds` of 100 requests each, bad as the function says. */
function load(seconds: number, badShare: (second: number) => number, all = () => 100): Load {
  return {
    fromMs: 0,
    binMs: 1_000,
    bins: Array.from({ length: seconds }, (_, second) => ({
      all: all(),
      bad: badShare(second) * all(),
    })),
  };
}

function step(share: number): Load {
  return load(500, (second) => (second >= 100 && second < 300 ? share : 0));
}

it('stays within the formula for a constant share', () => {
  fc.assert(
    fc.property(
      fc.record({
        scrapeS: fc.integer({ min: 2, max: 15 }),
        evaluationS: fc.integer({ min: 2, max: 20 }),
        windowS: fc.integer({ min: 60, max: 100 }),
        forS: fc.integer({ min: 0, max: 60 }),
        keepS: fc.integer({ min: 0, max: 40 }),
        share: fc.double({ min: 0.12, max: 1, noNaN: true }),
      }),
      ({ scrapeS, evaluationS, windowS, forS, keepS, share }) => {
        const window = { windowMs: windowS * 1_000, threshold: 0.1 };
        const timing: RuleTiming = {
          condition: { kind: 'ratio', ...window },
          forMs: forS * 1_000,
          keepFiringForMs: keepS * 1_000,
          evaluationIntervalMs: evaluationS * 1_000,
          scrapeIntervalMs: scrapeS * 1_000,
        };
        const { firing, fire, resolve } = deadlines(timing, TIMES, share);
        for (const { firedMs, resolvedMs } of cycles(timing, window, step(share), 100_000)) {
          if (firing === 'must') expect(firedMs).not.toBeNull();
          if (firedMs === null) continue;
          expect(firedMs).toBeGreaterThanOrEqual(fire?.fromMs ?? Infinity);
          expect(firedMs).toBeLessThanOrEqual(fire?.toMs ?? -1);
          expect(resolvedMs).toBeGreaterThanOrEqual(resolve?.fromMs ?? Infinity);
          expect(resolvedMs).toBeLessThanOrEqual(resolve?.toMs ?? -1);
        }
      },
    ),
    { seed: 7, numRuns: 40 },
  );
});

it('gives a load second by second its own deadlines', () => {
  const { firing, fire, resolve, minimumFaultMs } = ledgerDeadlines(TIMING, TIMES, step(1));
  const formula = deadlines(TIMING, TIMES, 1);
  expect(firing).toBe('must');
  expect(minimumFaultMs).toBeNull();
  // A bin on each side, twice, is what seconds leave open.
  expect(fire?.fromMs).toBeGreaterThanOrEqual((formula.fire?.fromMs ?? 0) - 2_000);
  expect(fire?.toMs).toBeLessThanOrEqual((formula.fire?.toMs ?? 0) + 2_000);
  expect(resolve?.toMs).toBeLessThanOrEqual((formula.resolve?.toMs ?? 0) + 2_000);
  expect(fire?.terms.map(({ name }) => name)).toEqual(['over all phases', 'bins of the load']);
});

it('fires later where the window is full of an earlier peak', () => {
  const peak = load(500, (second) => (second >= 100 && second < 300 ? 0.5 : 0));
  peak.bins.slice(60, 90).forEach((bin) => (bin.all = 2_000));
  const late = ledgerDeadlines(TIMING, TIMES, peak).fire;
  const even = ledgerDeadlines(TIMING, TIMES, step(0.5)).fire;
  expect(late?.fromMs).toBeGreaterThan(even?.toMs ?? Infinity);
});

it('never fires without traffic, for too small a share, or for too short a time', () => {
  const silent = load(
    500,
    () => 0,
    () => 0,
  );
  for (const quiet of [silent, step(0.09), load(500, (second) => (second >= 100 && second < 103 ? 1 : 0))])
    expect(ledgerDeadlines(TIMING, TIMES, quiet)).toMatchObject({ firing: 'never', fire: null });
});

it('leaves it open where the phases decide', () => {
  const short = load(500, (second) => (second >= 100 && second < 108 ? 1 : 0));
  expect(ledgerDeadlines({ ...TIMING, forMs: 40_000 }, TIMES, short).firing).toBe('may');
});

it('gives no deadline to resolve where the load is not known for long enough', () => {
  const cut = { ...step(1), bins: step(1).bins.slice(0, 310) };
  expect(ledgerDeadlines(TIMING, TIMES, cut)).toMatchObject({ firing: 'must', resolve: null });
});

it('adds delays, and the first increment to firing alone', () => {
  const delays = {
    scrapeDurationMs: 1_000,
    evaluationDurationMs: 0,
    countedLateMs: 0,
    seriesCreatedByFault: true,
  };
  const [plain, late] = [
    ledgerDeadlines(TIMING, TIMES, step(1)),
    ledgerDeadlines(TIMING, TIMES, step(1), delays),
  ];
  expect((late.fire?.toMs ?? 0) - (plain.fire?.toMs ?? 0)).toBe(11_000);
  expect((late.resolve?.toMs ?? 0) - (plain.resolve?.toMs ?? 0)).toBe(1_000);
});

it('refuses a load that does not cover the fault, and a condition without a window', () => {
  expect(() => ledgerDeadlines(TIMING, TIMES, { ...step(1), fromMs: 50_000 })).toThrow(/a window earlier/);
  expect(() => ledgerDeadlines(TIMING, TIMES, { ...step(1), bins: step(1).bins.slice(0, 290) })).toThrow(
    /known from 0 to 290000/,
  );
  expect(() => ledgerDeadlines({ ...TIMING, condition: { kind: 'gauge' } }, TIMES, step(1))).toThrow(
    /looks at no window/,
  );
});

it('extrapolates to the edges of the window, but not below zero and not into a hole', () => {
  const rate = (first: [number, number], last: [number, number], count: number) =>
    extrapolatedRate(
      {
        first: { atMs: first[0], value: first[1] },
        last: { atMs: last[0], value: last[1] },
        count,
      },
      60_000,
      60_000,
    );
  expect(rate([5_000, 1_000], [55_000, 1_500], 6)).toBeCloseTo(10, 9);
  // From zero: no more than what was counted, to the end of the window.
  expect(rate([5_000, 0], [55_000, 500], 6)).toBeCloseTo((500 * 55) / 50 / 60, 9);
  // 30 s without a sample at the start: half an interval.
  expect(rate([30_000, 1_000], [60_000, 1_300], 4)).toBeCloseTo((300 * 35) / 30 / 60, 9);
  expect(rate([55_000, 1_000], [55_000, 1_000], 1)).toBeNull();
  expect(rate([5_000, 7], [55_000, 7], 6)).toBe(0);
});
