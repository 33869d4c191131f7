import { describe, expect, test } from 'vitest';
import { resolveAmount, rollingBounds } from './amount.ts';

describe('an amount', () => {
  test.each([
    ['25%', 10, 'up', 3],
    ['25%', 10, 'down', 2],
    ['25%', 3, 'up', 1],
    ['25%', 3, 'down', 0],
    ['100%', 3, 'down', 3],
    ['2', 3, 'up', 2],
  ] as const)('%s of %i rounded %s is %i', (amount, replicas, round, expected) => {
    expect(resolveAmount(amount, replicas, round)).toBe(expected);
  });

  test.each(['', '-1', '1.5', '25 %', 'all'])('"%s" is none', (amount) => {
    expect(resolveAmount(amount, 3, 'up')).toBeNull();
    expect(rollingBounds({ maxSurge: amount, maxUnavailable: '1' }, 3)).toBeNull();
  });
});

test('surge and unavailable that come to 0 both leave one unavailable', () => {
  expect(rollingBounds({ maxSurge: '0', maxUnavailable: '10%' }, 3)).toEqual({
    maxSurge: 0,
    maxUnavailable: 1,
  });
  expect(rollingBounds({ maxSurge: '25%', maxUnavailable: '25%' }, 10)).toEqual({
    maxSurge: 3,
    maxUnavailable: 2,
  });
});
