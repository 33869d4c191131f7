import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { createBackOff } from './back-off.ts';
import { judgeStreak } from './probes.ts';
import { rolloutStep } from './rollout.ts';

/** Plays a whole rollout; in each round some of the new pods become available, as `luck` says. */
property.prop(
  [fc.integer({ min: 1, max: 12 }), fc.nat(4), fc.nat(12), fc.nat(12), fc.infiniteStream(fc.boolean())],
  { seed: 3 },
)('a rollout keeps its bounds and ends', (replicas, maxSurge, unavailable, broken, luck) => {
  const maxUnavailable = Math.min(replicas, maxSurge === 0 ? Math.max(1, unavailable) : unavailable);
  const oldBroken = Math.min(broken, replicas);
  const state = {
    oldAvailable: replicas - oldBroken,
    oldUnavailable: oldBroken,
    newPods: 0,
    newAvailable: 0,
  };
  let rounds = 0;
  for (; state.oldAvailable + state.oldUnavailable > 0 || state.newAvailable < replicas; rounds++) {
    expect(rounds).toBeLessThan(500);
    const before = state.newAvailable + state.oldAvailable;
    const step = rolloutStep({ replicas, maxSurge, maxUnavailable, ...state });
    state.newPods += step.create;
    expect(state.newPods + state.oldAvailable + state.oldUnavailable).toBeLessThanOrEqual(
      replicas + maxSurge,
    );
    state.oldAvailable -= step.deleteOldAvailable;
    state.oldUnavailable -= step.deleteOldUnavailable;
    if (step.deleteOldAvailable > 0)
      expect(state.newAvailable + state.oldAvailable).toBeGreaterThanOrEqual(
        Math.min(before, replicas - maxUnavailable),
      );
    if (state.newAvailable < state.newPods && (luck.next().value ?? true)) state.newAvailable += 1;
  }
  expect(state.newPods).toBe(replicas);
});

const step = (newPods: number, newAvailable: number) =>
  rolloutStep({
    replicas: 3,
    maxSurge: 1,
    maxUnavailable: 0,
    newPods,
    newAvailable,
    oldAvailable: 3,
    oldUnavailable: 0,
  });

test('surge 1, unavailable 0: nothing is deleted before a new pod is available', () => {
  expect(step(0, 0)).toMatchObject({ create: 1, deleteOldAvailable: 0 });
  expect(step(1, 0)).toMatchObject({ create: 0, deleteOldAvailable: 0 });
  expect(step(1, 1)).toMatchObject({ create: 0, deleteOldAvailable: 1 });
});

test('back-off: at once, then 10 s doubling to 300 s, forgiven after 10 minutes', () => {
  const backOff = createBackOff();
  expect([1, 2, 3, 4, 5, 6, 7, 8].map((n) => backOff.next(n))).toEqual([
    0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000,
  ]);
  expect(backOff.next(600_009)).toBe(0);
});

test('a streak fails at its threshold only, and a success starts it anew', () => {
  const streak = { failures: 0 };
  const results = [false, false, true, false, false, false, false];
  expect(results.map((ok) => judgeStreak(streak, ok, 3))).toEqual([
    undefined,
    undefined,
    true,
    undefined,
    undefined,
    false,
    false,
  ]);
});
