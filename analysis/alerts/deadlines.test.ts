import { UsageError } from '../../record/model.ts';
import { describe, expect, it } from 'vitest';
import { deadlineText } from './deadline.ts';
import { deadlines } from './deadlines.ts';
import { NO_DELAYS, type Condition, type RuleTiming } from './timing.ts';

const RATIO: Condition = { kind: 'ratio', windowMs: 300_000, threshold: 0.05 };
const TIMING: RuleTiming = {
  condition: RATIO,
  forMs: 300_000,
  keepFiringForMs: 0,
  evaluationIntervalMs: 15_000,
  scrapeIntervalMs: 15_000,
};

/** A fault from 0 on, whose start and end are known to the millisecond. */
function fault(lengthMs: number) {
  return { started: { fromMs: 0, toMs: 0 }, ended: { fromMs: lengthMs, toMs: lengthMs } };
}

function bounds(timing: RuleTiming, lengthMs: number, share: number, delays = NO_DELAYS) {
  const { firing, fire, resolve } = deadlines(timing, fault(lengthMs), share, delays);
  const seconds = (span: { fromMs: number; toMs: number } | null, from: number) =>
    span && [Math.round((span.fromMs - from) / 1_000), Math.round((span.toMs - from) / 1_000)];
  return { firing, fire: seconds(fire, 0), resolve: seconds(resolve, lengthMs) };
}

describe('a share of requests, window 5 min, for 5 min, scraped and evaluated every 15 s, threshold 5 %', () => {
  it.each([
    [1, [314, 345], [257, 315]],
    [0.5, [327, 360], [243, 300]],
    [0.2, [368, 405], [203, 255]],
    [0.1, [435, 480], [135, 180]],
    [0.06, [525, 580], [45, 80]],
  ])('share %d', (share, fire, resolve) => {
    expect(bounds(TIMING, 900_000, share)).toEqual({ firing: 'must', fire, resolve });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -0.1])('is not known for a share of %d', (share) => {
    expect(() => deadlines(TIMING, fault(900_000), share)).toThrow(UsageError);
    // A gauge has no share, and is not asked for one.
    expect(deadlines({ ...TIMING, condition: { kind: 'gauge' } }, fault(900_000), share).firing).toBe('must');
  });

  it('is never reached by a share that is not over the threshold', () => {
    for (const share of [0.05, 0.01, 0]) {
      const found = deadlines(TIMING, fault(900_000), share);
      expect(found).toMatchObject({ firing: 'never', fire: null, resolve: null, minimumFaultMs: null });
      expect(found.why).toContain('needs more than 0.05');
    }
  });

  it('must fire from the minimum length on, and may below it', () => {
    const { minimumFaultMs } = deadlines(TIMING, fault(900_000), 1);
    expect(minimumFaultMs).toBe(345_000);
    expect(deadlines(TIMING, fault(345_000), 1).firing).toBe('must');
    expect(deadlines(TIMING, fault(344_999), 1).firing).toBe('may');
  });

  it('needs p D / W over the threshold, and the condition held for long enough', () => {
    // 13.5 s of a window of at least 270 s: at 5 % no window has more.
    expect(bounds(TIMING, 13_500, 1).firing).toBe('never');
    expect(bounds(TIMING, 20_000, 1).firing).toBe('may');
    expect(bounds({ ...TIMING, forMs: 400_000 }, 60_000, 1).firing).toBe('never');
    const noFor = { ...TIMING, forMs: 0 };
    expect(bounds(noFor, 13_500, 1).firing).toBe('never');
    expect(bounds(noFor, 13_501, 1).firing).toBe('may');
    expect(bounds(noFor, 45_000, 1).firing).toBe('must');
  });

  it('keeps the upper bound for a fault shorter than the window, and no more than order for the lower', () => {
    const { fire, resolve } = deadlines(TIMING, fault(60_000), 1);
    expect((resolve?.toMs ?? 0) - 60_000).toBe(315_000);
    expect(resolve?.fromMs).toBe(Math.min(60_000 + 256_500, (fire?.fromMs ?? 0) + 15_000));
  });

  it('waits for whole evaluations: for and keep_firing_for are rounded up', () => {
    const odd = { ...TIMING, forMs: 301_000, keepFiringForMs: 20_000 };
    expect(bounds(odd, 900_000, 1)).toEqual({ firing: 'must', fire: [329, 360], resolve: [287, 345] });
  });
});

it('takes the resolution of the proofs into both ends', () => {
  const found = deadlines(
    TIMING,
    { started: { fromMs: 1_000, toMs: 3_000 }, ended: { fromMs: 900_000, toMs: 907_000 } },
    1,
  );
  expect(found.fire).toMatchObject({ fromMs: 314_500, toMs: 348_000 });
  expect(found.resolve).toMatchObject({ fromMs: 1_156_500, toMs: 1_222_000 });
  expect(found.concerns).toEqual({ fromMs: -299_000, toMs: 907_000 + 330_000 });
});

it('treats a quantile as the share of slow requests', () => {
  const condition: Condition = { kind: 'quantile', windowMs: 300_000, quantile: 0.95 };
  expect(bounds({ ...TIMING, condition }, 900_000, 1)).toEqual(bounds(TIMING, 900_000, 1));
  expect(bounds({ ...TIMING, condition }, 900_000, 0.04).firing).toBe('never');
});

it('gives a gauge no window: for, and up to one scrape and one evaluation', () => {
  const gauge: RuleTiming = { ...TIMING, condition: { kind: 'gauge' }, keepFiringForMs: 60_000 };
  expect(bounds(gauge, 400_000, 0)).toEqual({ firing: 'must', fire: [300, 330], resolve: [60, 90] });
  expect(bounds(gauge, 330_000, 0).firing).toBe('must');
  expect(bounds(gauge, 329_000, 0).firing).toBe('may');
  expect(bounds(gauge, 284_000, 0).firing).toBe('never');
});

it('gives a scrape of a dead target its timeout, for firing alone', () => {
  const down: RuleTiming = { ...TIMING, condition: { kind: 'target-down', scrapeTimeoutMs: 10_000 } };
  expect(bounds(down, 900_000, 0)).toEqual({ firing: 'must', fire: [300, 340], resolve: [0, 30] });
});

it('adds each delay to the late end only', () => {
  const delays = {
    scrapeDurationMs: 1_000,
    evaluationDurationMs: 2_000,
    countedLateMs: 30_000,
    seriesCreatedByFault: true,
  };
  expect(bounds(TIMING, 900_000, 1, delays)).toEqual({
    firing: 'must',
    fire: [314, 345 + 1 + 2 + 30 + 15],
    resolve: [257, 315 + 1 + 2 + 30],
  });
});

it('refuses a window that holds fewer than two samples', () => {
  expect(() => deadlines({ ...TIMING, scrapeIntervalMs: 151_000 }, fault(900_000), 1)).toThrow(
    /fewer than two samples/,
  );
});

it('says how a deadline came to be, term by term', () => {
  const { fire } = deadlines(TIMING, fault(900_000), 1);
  expect(fire && deadlineText(fire)).toBe(
    '5m14s..5m45s = the fault starts 0ms + the windowed share crosses the threshold 14s..15s + the next scrape 0ms..15s + the next evaluation 0ms..15s + for 5m',
  );
});
