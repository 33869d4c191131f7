/**
 * Is a difference between two runs more than their noise? A block bootstrap: whole blocks are drawn again, because writes that follow
 * one another are not independent (Künsch 1989, "The jackknife and the bootstrap for general stationary observations"; percentile
 * intervals: Efron and Tibshirani 1993, chapter 13). Single writes are never drawn.
 */
import type { Block } from './compare-samples.ts';

export const RESAMPLES = 1_000;
export const CONFIDENCE = 0.99;

/** Of all blocks together. NaN = nothing to compute it from. */
export interface Measures {
  ackedPerS: number;
  servedShare: number;
  p50Ms: number;
  p99Ms: number;
}

export type MeasureName = keyof Measures;

export function measuresOf(blocks: readonly Block[]): Measures {
  return new Sample(blocks).measures(blocks.map(() => 1));
}

/** For each measure the interval of b - a that covers the true difference with CONFIDENCE, as far as the noise within the runs goes. */
export function differences(
  a: readonly Block[],
  b: readonly Block[],
  random: () => number,
): Record<MeasureName, [lo: number, hi: number]> {
  const [before, after] = [new Sample(a), new Sample(b)];
  const drawn = Array.from(
    { length: RESAMPLES },
    () => [before.resample(random), after.resample(random)] as const,
  );
  const interval = (name: MeasureName): [number, number] => {
    const sorted = drawn.map(([x, y]) => y[name] - x[name]).sort((x, y) => x - y);
    const tail = Math.floor((RESAMPLES * (1 - CONFIDENCE)) / 2);
    // One resample without a value says that there were too few; sorting has no place for it.
    if (sorted.some(Number.isNaN)) return [Number.NaN, Number.NaN];
    return [sorted[tail] ?? Number.NaN, sorted[RESAMPLES - 1 - tail] ?? Number.NaN];
  };
  return {
    ackedPerS: interval('ackedPerS'),
    servedShare: interval('servedShare'),
    p50Ms: interval('p50Ms'),
    p99Ms: interval('p99Ms'),
  };
}

/** One run's blocks, with its latencies as ranks, so that a resample is a few additions for each distinct latency of a block. */
class Sample {
  readonly #blocks: {
    lengthS: number;
    asked: number;
    served: number;
    entries: [rank: number, count: number][];
  }[];
  readonly #valuesMs: number[];

  constructor(blocks: readonly Block[]) {
    this.#valuesMs = [...new Set(blocks.flatMap(({ latencies }) => [...latencies.keys()]))].sort(
      (x, y) => x - y,
    );
    const ranks = new Map(this.#valuesMs.map((ms, rank) => [ms, rank]));
    this.#blocks = blocks.map(({ lengthS, asked, served, latencies }) => ({
      lengthS,
      asked,
      served,
      entries: [...latencies].map(([ms, count]) => [ranks.get(ms) ?? 0, count]),
    }));
  }

  /** As many blocks as there are, drawn with replacement. */
  resample(random: () => number): Measures {
    const times = this.#blocks.map(() => 0);
    for (let draw = 0; draw < times.length; draw += 1) {
      const index = Math.floor(random() * times.length);
      times[index] = (times[index] ?? 0) + 1;
    }
    return this.measures(times);
  }

  /** `times`: how often each block counts. */
  measures(times: readonly number[]): Measures {
    const counts = new Float64Array(this.#valuesMs.length);
    let [lengthS, asked, served, timed] = [0, 0, 0, 0];
    for (const [index, block] of this.#blocks.entries()) {
      const weight = times[index] ?? 0;
      if (weight === 0) continue;
      lengthS += weight * block.lengthS;
      asked += weight * block.asked;
      served += weight * block.served;
      for (const [rank, count] of block.entries) {
        counts[rank] = (counts[rank] ?? 0) + weight * count;
        timed += weight * count;
      }
    }
    return {
      ackedPerS: served / lengthS,
      servedShare: served / asked,
      p50Ms: this.#quantile(counts, timed * 0.5),
      p99Ms: this.#quantile(counts, timed * 0.99),
    };
  }

  /** Nearest rank: the smallest latency that at least `rank` writes do not exceed. */
  #quantile(counts: Float64Array, rank: number): number {
    let below = 0;
    for (const [index, count] of counts.entries()) {
      below += count;
      if (count > 0 && below >= rank) return this.#valuesMs[index] ?? Number.NaN;
    }
    return Number.NaN;
  }
}
