import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { Schedule } from './schedule.ts';

interface Started {
  /** True intended start, ms since the anchor. */
  intendedMs: number;
  startMs: number;
  dueMs: number;
}

/**
 * A constant-arrival-rate executor: an arrival with no free virtual user is dropped and takes no number; the process itself may
 * stall, and starts what was due meanwhile late, all at once. Service times are long during outages, short else.
 */
function simulate(o: {
  ratePerS: number;
  seconds: number;
  vus: number;
  offsetMs: number;
  outages: { atMs: number; forMs: number }[];
  stalls: { atMs: number; forMs: number }[];
  jitterMs: () => number;
}) {
  const periodMs = 1_000 / o.ratePerS;
  const freeAtMs = Array.from({ length: o.vus }, () => 0);
  const started: Started[] = [];
  const droppedAtMs: number[] = [];
  for (let slot = 0; slot * periodMs < o.seconds * 1_000; slot += 1) {
    const intendedMs = o.offsetMs + slot * periodMs;
    const stall = o.stalls.find(({ atMs, forMs }) => intendedMs >= atMs && intendedMs < atMs + forMs);
    const startMs = (stall ? stall.atMs + stall.forMs : intendedMs) + o.jitterMs();
    const vu = freeAtMs.findIndex((free) => free <= startMs);
    if (vu < 0) {
      droppedAtMs.push(intendedMs);
      continue;
    }
    const outage = o.outages.find(({ atMs, forMs }) => startMs >= atMs && startMs < atMs + forMs);
    freeAtMs[vu] = outage ? outage.atMs + outage.forMs : startMs + 5;
    started.push({ intendedMs, startMs, dueMs: started.length * periodMs });
  }
  return { started, droppedAtMs, periodMs };
}

function scheduleOf(ratePerS: number, started: readonly Started[]): Schedule {
  const schedule = new Schedule(ratePerS);
  for (const { startMs, dueMs } of started) schedule.add(startMs, startMs - dueMs);
  schedule.settle();
  return schedule;
}

const stretch = fc.record({
  atMs: fc.integer({ min: 1_000, max: 15_000 }),
  forMs: fc.integer({ min: 50, max: 4_000 }),
});

describe('Schedule', () => {
  test.prop(
    [
      fc.record({
        ratePerS: fc.constantFrom(50, 200, 1_000),
        vus: fc.integer({ min: 5, max: 60 }),
        offsetMs: fc.integer({ min: 0, max: 400 }),
        outages: fc.array(stretch, { maxLength: 3 }),
        stalls: fc.array(fc.record({ atMs: stretch, forMs: fc.integer({ min: 10, max: 600 }) }), {
          maxLength: 2,
        }),
        jitter: fc.integer({ min: 0, max: 2 }),
      }),
    ],
    { seed: 3, numRuns: 60 },
  )('finds intended starts and drops of a generator that stalls and drops', (o) => {
    let turn = 0;
    const { started, droppedAtMs, periodMs } = simulate({
      ...o,
      seconds: 25,
      stalls: o.stalls.map(({ atMs, forMs }) => ({ atMs: atMs.atMs, forMs })),
      jitterMs: () => (o.jitter * (turn++ % 4)) / 4,
    });
    const schedule = scheduleOf(o.ratePerS, started);
    let worst = 0;
    let early = 0;
    for (const { intendedMs, startMs, dueMs } of started) {
      const found = dueMs + schedule.shiftMs(startMs);
      worst = Math.max(worst, Math.abs(found - intendedMs));
      early = Math.max(early, found - startMs);
    }
    expect(early).toBeLessThan(1e-6);
    // A bin of 100 ms has one shift, so drops in its middle are seen up to a bin early; a burst after a stall of the process
    // starts first and drops then, so its writes may be told to be late by the drops: by the stall's length at most.
    const stallMs = o.stalls.reduce((total, { forMs }) => total + forMs, 0);
    expect(worst).toBeLessThanOrEqual(100 + 2 * periodMs + o.jitter + stallMs);
    expect(Math.abs(schedule.droppedInAll - droppedAtMs.length)).toBeLessThanOrEqual(
      1 + (2 * o.jitter) / periodMs,
    );
    // Stretches without a gap add up, and drops are found where they were: to a bin, and a stall.
    const seconds = Array.from({ length: 26 }, (_, index) =>
      schedule.dropped(index * 1_000, (index + 1) * 1_000),
    );
    expect(seconds.reduce((a, b) => a + b, 0)).toBe(schedule.droppedInAll);
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(0);
  });

  it('a constant offset is no drop, and moves the intended start to where it was', () => {
    const { started } = simulate({
      ratePerS: 100,
      seconds: 5,
      vus: 10,
      offsetMs: 300,
      outages: [],
      stalls: [],
      jitterMs: () => 0,
    });
    const schedule = scheduleOf(100, started);
    expect(schedule.droppedInAll).toBe(0);
    expect(schedule.shiftMs(0)).toBe(300);
  });

  it('spreads drops over the silence in which they happened', () => {
    const { started, droppedAtMs } = simulate({
      ratePerS: 100,
      seconds: 20,
      vus: 10,
      offsetMs: 0,
      outages: [{ atMs: 5_000, forMs: 4_000 }],
      stalls: [],
      jitterMs: () => 0,
    });
    const schedule = scheduleOf(100, started);
    expect(droppedAtMs).toHaveLength(390);
    expect(schedule.dropped(0, 5_000)).toBe(0);
    for (const second of [6, 7, 8])
      expect(Math.abs(schedule.dropped(second * 1_000, (second + 1) * 1_000) - 100)).toBeLessThanOrEqual(3);
    expect(schedule.dropped(9_100, 20_000)).toBe(0);
  });

  it('says nothing of a load without a write', () => {
    const schedule = scheduleOf(100, []);
    expect([schedule.droppedInAll, schedule.shiftMs(5)]).toEqual([0, 0]);
  });
});
