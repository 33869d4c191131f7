import { describe, expect, it } from 'vitest';
import { restPoints } from './rest-points.ts';
import { simulate, type SimulatedSync, type SimulationOptions } from './testing-simulation.ts';
import { CONTROLLER_DEFAULTS } from './types.ts';

/** Any sequence of numbers will do, as long as it is the same one each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const FIXED: SimulationOptions = {
  random: randomFrom(1),
  spec: {
    min: 3,
    max: 10,
    metrics: [{ source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 70 } }],
    behavior: {
      scaleUp: {
        stabilizationMs: 0,
        selectPolicy: 'Max',
        policies: [
          { type: 'Percent', value: 100, periodMs: 15_000 },
          { type: 'Pods', value: 2, periodMs: 15_000 },
        ],
        tolerance: null,
      },
      scaleDown: {
        stabilizationMs: 300_000,
        selectPolicy: 'Max',
        policies: [
          { type: 'Percent', value: 50, periodMs: 60_000 },
          { type: 'Pods', value: 1, periodMs: 60_000 },
        ],
        tolerance: null,
      },
    },
  },
  parameters: { ...CONTROLLER_DEFAULTS, version: [1, 35] },
  startReplicas: 3,
  forMs: 1_200_000,
  requestsMilli: { cpu: 1_000 },
  demandMilli: (_, atMs) => (atMs >= 60_000 && atMs < 400_000 ? 7_200 : 300),
  idleMilli: { cpu: 5 },
  limitMilli: 2_000,
  readyAfterMs: [4_000, 12_000],
  metricsPeriodMs: 15_000,
};
const sizes = (syncs: readonly SimulatedSync[]) =>
  syncs.map(({ current }) => current).filter((size, index, all) => size !== all[index - 1]);

describe('3 to 10 and back', () => {
  const runs = Array.from({ length: 60 }, (_, index) => simulate({ ...FIXED, random: randomFrom(index) }));

  it('reaches 10 within the bound, and 3 again, never early', () => {
    for (const syncs of runs) {
      const first = (size: number, fromMs: number) =>
        syncs.find(({ atMs, current }) => atMs >= fromMs && current === size)?.atMs ?? Number.NaN;
      expect(Math.max(...syncs.map(({ current }) => current))).toBe(10);
      // First step: 90 s (two samples, a scrape, a sync); each of two further ones: 12 s to Ready and 80 s. Then the sync that sees it.
      expect(first(10, 60_000) - 60_000).toBeLessThan(90_000 + 2 * 92_000 + 16_000);
      const down = syncs.find(({ atMs, decision }) => atMs > 400_000 && decision.rescale);
      expect((down?.atMs ?? 0) - 400_000).toBeGreaterThanOrEqual(284_000);
      expect((down?.atMs ?? 0) - 400_000).toBeLessThanOrEqual(397_000);
      expect(syncs.at(-1)?.current).toBe(3);
    }
  });

  it('goes down 10 > 5 > 3 or by partial steps', () => {
    for (const syncs of runs) {
      const down = sizes(syncs.filter(({ atMs }) => atMs > 500_000));
      expect(down.at(-1)).toBe(3);
      expect(down).toEqual(down.toSorted((a, b) => b - a));
    }
    expect(runs.map((syncs) => sizes(syncs).join('>'))).toContain('3>6>9>10>5>3');
  });

  it('comes to rest where the rest points say', () => {
    const steady = { ...FIXED, demandMilli: () => 7_000, idleMilli: { cpu: 0 }, forMs: 600_000 };
    const ends = restPoints(7_000, { spec: FIXED.spec, requestMilli: 1_000, limitMilli: 2_000 });
    const seen = new Set<number | undefined>();
    for (let seed = 0; seed < 60; seed += 1)
      seen.add(simulate({ ...steady, random: randomFrom(seed) }).at(-1)?.current);
    expect([...seen].every((size) => size !== undefined && ends.includes(size))).toBe(true);
  });
});

describe('the simulation', () => {
  it('is the same for the same seed', () => {
    const once = () => simulate({ ...FIXED, random: randomFrom(7) });
    expect(once()).toEqual(once());
  });

  it('a restart of the controller forgets the window, and starts another', () => {
    const syncs = simulate({ ...FIXED, restartAtMs: 600_000 });
    const down = syncs.find(({ atMs, decision }) => atMs > 400_000 && decision.rescale);
    expect(down?.atMs).toBeGreaterThan(900_000);
  });
});
