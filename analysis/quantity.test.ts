import { expect, it } from 'vitest';
import { milliOf, numberOf } from './quantity.ts';

it.each<[unknown, number]>([
  ['100m', 100],
  ['2', 2_000],
  [2, 2_000],
  ['0.5', 500],
  ['.5', 500],
  ['1.5Gi', 1.5 * 2 ** 30 * 1_000],
  ['512Mi', 512 * 2 ** 20 * 1_000],
  ['64k', 64_000_000],
  ['1e3', 1_000_000],
  ['1E3', 1_000_000],
  ['1E', 1e21],
  ['123456789n', 124],
  ['123000000n', 123],
  ['1n', 1],
  ['0', 0],
  ['-1500u', -2],
])('%s is %i thousandths, rounded up', (quantity, milli) => {
  expect(milliOf(quantity)).toBe(milli);
});

it.each(['', '.', 'm', '1 m', '1mi', 'x', '1e', null, undefined, {}])('%j is no quantity', (quantity) => {
  expect(milliOf(quantity)).toBeNull();
  expect(numberOf(quantity)).toBeNull();
});

it('as a number it is not rounded to thousandths', () => {
  expect([numberOf('0.0005'), numberOf('50m'), numberOf('0.05'), numberOf('-1Ki')]).toEqual([
    0.0005, 0.05, 0.05, -1_024,
  ]);
});
