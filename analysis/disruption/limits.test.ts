import { expect, it } from 'vitest';
import { drainLimits, drainTimeMs } from './limits.ts';

const rules = (preStopMs: number, graceMs: number) =>
  drainLimits({ name: 'luminate', preStopMs, graceMs }).map(({ rule }) => rule);

it.each([
  [15_000, 30_000, 15_000],
  [15_900, 30_000, 15_000],
  [0, 30_000, 30_000],
  [30_000, 30_000, 2_000],
  [29_500, 30_000, 2_000],
  [45_000, 30_000, 2_000],
])('a hook of %i ms in a grace of %i ms leaves %i ms', (preStopMs, graceMs, leftMs) => {
  expect(drainTimeMs({ preStopMs, graceMs })).toBe(leftMs);
});

it('says what no request can survive, with the figures', () => {
  const [limit, ...more] = drainLimits({ name: 'luminate', preStopMs: 15_000, graceMs: 30_000 });
  expect(limit?.text).toBe(
    'luminate: of its 30 s of grace the preStop hook takes 15 s, so a request that takes longer than 15 s after SIGTERM is cut by SIGKILL, whatever the application does',
  );
  expect(more).toEqual([]);
});

it('names settings that leave requests uncovered', () => {
  expect(rules(0, 30_000)).toEqual(['request-cut-by-grace', 'no-cover-for-propagation']);
  expect(rules(30_000, 30_000)).toEqual(['request-cut-by-grace', 'hook-takes-the-grace']);
});
