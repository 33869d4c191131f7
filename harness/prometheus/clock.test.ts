import { expect, it } from 'vitest';
import { wallClock } from './clock.ts';

function clocks() {
  const time = { runMs: 0, wallMs: 1_000_000 };
  const clock = wallClock(
    () => time.runMs,
    () => time.wallMs,
  );
  const pass = (runMs: number, wallMs: number) => {
    time.runMs += runMs;
    time.wallMs += wallMs;
    clock.anchor();
  };
  return { clock, pass };
}

it("puts wall-clock times on the run's clock, and back", () => {
  const { clock, pass } = clocks();
  pass(1_000, 1_000);
  expect(clock.toRunMs(1_000_400)).toBe(400);
  expect(clock.toRunMs(999_000)).toBe(-1_000);
  expect(clock.toWallMs(1_700)).toBe(1_001_700);
});

it('follows a clock that drifts, without a word', () => {
  const { clock, pass } = clocks();
  for (let second = 0; second < 100; second++) pass(1_000, 1_001);
  expect(clock.steps()).toEqual([]);
  expect(clock.toRunMs(1_100_100)).toBe(100_000);
});

it.each([-30_000, 60_000])('says when the clock was set by %s ms, and is right before and after', (byMs) => {
  const { clock, pass } = clocks();
  pass(1_000, 1_000);
  pass(1_000, 1_000 + byMs);
  pass(1_000, 1_000);
  expect(clock.steps()).toEqual([{ fromMs: 1_000, toMs: 2_000, byMs }]);
  expect(clock.toRunMs(1_003_000 + byMs)).toBe(3_000);
  expect(clock.toWallMs(500)).toBe(1_000_500);
});
