import { describe, expect, it } from 'vitest';
import { missedScrapes, podLives } from './scrapes.ts';

const never = () => false;

/** Samples of `up` at these times, those that failed after them. */
function up(atMs: number[], failedMs: number[] = [], shownUntilMs = Math.max(...atMs, ...failedMs)) {
  const samples = [
    ...atMs.map((at) => ({ atMs: at, value: '1' })),
    ...failedMs.map((at) => ({ atMs: at, value: '0' })),
  ].toSorted((one, other) => one.atMs - other.atMs);
  return { labels: { pod: 'a' }, samples, shownUntilMs };
}

describe('missedScrapes', () => {
  it('finds nothing where scrapes follow each other', () => {
    expect(missedScrapes([up([1_000, 2_001, 2_999, 4_400])], 1_000, never)).toEqual([]);
    expect(missedScrapes([], 1_000, never)).toEqual([]);
  });

  it('finds the stretch without one', () => {
    expect(missedScrapes([up([1_000, 2_000, 4_000, 5_000])], 1_000, never)).toEqual([
      { fromMs: 2_000, toMs: 4_000, detail: 'a was not scraped for 2000 ms' },
    ]);
  });

  it('finds those that failed, as one stretch', () => {
    expect(missedScrapes([up([1_000, 4_000], [2_000, 3_000])], 1_000, never)).toEqual([
      { fromMs: 1_000, toMs: 3_000, detail: 'up 0: a' },
    ]);
    expect(missedScrapes([up([2_000], [1_000])], 1_000, never)).toEqual([
      { fromMs: 0, toMs: 1_000, detail: 'up 0: a' },
    ]);
  });

  it('misses nothing of a pod that did not run', () => {
    const isDown = (pod: string, fromMs: number, toMs: number) =>
      pod === 'a' && fromMs <= 3_000 && toMs >= 1_500;
    expect(missedScrapes([up([1_000, 4_000], [2_000, 3_000])], 1_000, isDown)).toEqual([]);
    expect(missedScrapes([up([1_000], [2_000, 3_000, 4_000])], 1_000, isDown)).toEqual([
      { fromMs: 3_000, toMs: 4_000, detail: 'up 0: a' },
    ]);
  });

  it('tells a target that is not read from one that was taken away', () => {
    expect(missedScrapes([up([1_000, 2_000], [], 4_250)], 1_000, never)).toEqual([]);
    expect(missedScrapes([up([1_000, 2_000], [], 9_000)], 1_000, never)).toEqual([
      { fromMs: 2_000, toMs: 9_000, detail: 'a was not scraped for 7000 ms' },
    ]);
  });
});

describe('podLives', () => {
  it('knows when a pod did not run', () => {
    const lives = podLives();
    lives.told('a', 'created', 1_000);
    lives.told('a', 'started', 1_100);
    lives.told('a', 'ready', 2_000);
    lives.told('a', 'unready', 5_000);
    lives.told('a', 'exited', 7_000);
    lives.told('a', 'ready', 9_000);
    lives.told('a', 'deleted', 20_000);
    expect(lives.isDown('a', 1_500, 1_600)).toBe(true);
    expect(lives.isDown('a', 2_001, 6_999)).toBe(false);
    expect(lives.isDown('a', 6_000, 7_000)).toBe(true);
    expect(lives.isDown('a', 9_001, 19_999)).toBe(false);
    expect(lives.isDown('a', 30_000, 30_001)).toBe(true);
    expect(lives.isDown('b', 0, 30_000)).toBe(false);
  });
});
