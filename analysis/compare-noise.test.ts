import { expect, it } from 'vitest';
import { randomFrom } from '../harness/random.ts';
import { differences, measuresOf } from './compare-noise.ts';
import type { Block } from './compare-samples.ts';

/** Blocks of 100 writes whose speed wanders: what is slow now is likely to be slow in the next block, too. */
function noisy(random: () => number, count: number, factor = 1): Block[] {
  let drift = 0;
  return Array.from({ length: count }, () => {
    drift = 0.3 * drift + 0.15 * normal(random);
    const latencies = new Map<number, number>();
    for (let write = 0; write < 100; write += 1) {
      const ms = Math.round(40 * factor * Math.exp(drift + 0.5 * normal(random)));
      latencies.set(ms, (latencies.get(ms) ?? 0) + 1);
    }
    return { lengthS: 5, asked: 100, served: 100, latencies };
  });
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

it('takes nearest ranks over all blocks together', () => {
  const block = (entries: [number, number][]): Block => ({
    lengthS: 5,
    asked: 60,
    served: 50,
    latencies: new Map(entries),
  });
  // The open loop of methods' vectors in small: 99 of 100 at 10 ms, one at 460 ms.
  expect(
    measuresOf([
      block([[10, 50]]),
      block([
        [10, 49],
        [460, 1],
      ]),
    ]),
  ).toEqual({
    ackedPerS: 10,
    servedShare: 50 / 60,
    p50Ms: 10,
    p99Ms: 10,
  });
  expect(
    measuresOf([
      block([[10, 50]]),
      block([
        [10, 48],
        [460, 2],
      ]),
    ]).p99Ms,
  ).toBe(460);
  expect(measuresOf([]).p99Ms).toBeNaN();
});

it('is the same for the same seed', () => {
  const [a, b] = [noisy(randomFrom(1), 20), noisy(randomFrom(2), 20)];
  expect(differences(a, b, randomFrom(7))).toEqual(differences(a, b, randomFrom(7)));
});

it('finds a real difference, in its direction', () => {
  const { p50Ms, ackedPerS } = differences(
    noisy(randomFrom(1), 30),
    noisy(randomFrom(2), 30, 2),
    randomFrom(3),
  );
  expect(p50Ms[0]).toBeGreaterThan(25);
  expect(p50Ms[1]).toBeLessThan(60);
  expect(ackedPerS).toEqual([0, 0]);
});

it('has no interval where a resample may hold no write', () => {
  const empty: Block = { lengthS: 5, asked: 100, served: 0, latencies: new Map() };
  expect(differences([empty], [empty], randomFrom(1)).p50Ms).toEqual([Number.NaN, Number.NaN]);
});
