import { describe, expect, it } from 'vitest';
import { mergeEnds } from './merge.ts';
import { Seconds, type SecondSummary } from './seconds.ts';

const well = (runner: string, iterations: number | null, dropped: number | null = 0) => ({
  runner,
  exitCode: 0,
  signal: null,
  iterations,
  dropped,
  why: 'k6 ended',
});

describe('the end of several runners', () => {
  it('is good when all are, with the sums', () => {
    expect(mergeEnds([well('a-1', 10, 1), well('a-2', 20, 2)])).toEqual({
      exitCode: 0,
      signal: null,
      iterations: 30,
      dropped: 3,
      why: '2 of 2 runners ended',
    });
  });

  it('has no count where one has none, and the words of the one that failed', () => {
    const gone = { ...well('a-2', null, null), exitCode: null, why: 'pod gone' };
    expect(mergeEnds([well('a-1', 10), gone])).toEqual({
      exitCode: null,
      signal: null,
      iterations: null,
      dropped: null,
      why: '1 of 2 runners failed: a-2: pod gone',
    });
  });

  it('of none is not good', () => {
    expect(mergeEnds([]).exitCode).toBeNull();
  });
});

describe('the seconds of several runners', () => {
  const told = (fill: (seconds: Seconds) => void) => {
    const all: SecondSummary[] = [];
    const seconds = new Seconds((second) => all.push(second));
    fill(seconds);
    seconds.finish();
    return all;
  };

  it('have the percentile of all writes, not the mean of two percentiles', () => {
    const all = told((seconds) => {
      for (let n = 0; n < 99; n += 1) seconds.add('a-1', { outcome: 'A', dueMs: n, latMs: 10, lagMs: 0 });
      seconds.add('a-2', { outcome: 'A', dueMs: 1, latMs: 900, lagMs: 0 });
    });
    expect(all).toEqual([{ second: 0, acked: 100, failed: 0, unknown: 0, p50Ms: 10, p99Ms: 10 }]);
  });

  it('take from each runner what its own drops have shifted', () => {
    const all = told((seconds) => {
      seconds.add('a-1', { outcome: 'A', dueMs: 0, latMs: 510, lagMs: 500 });
      seconds.add('a-2', { outcome: 'A', dueMs: 0, latMs: 10, lagMs: 0 });
    });
    expect(all[0]).toMatchObject({ p50Ms: 10, p99Ms: 10 });
  });

  it('are told once, silent ones too, and a late write in the next', () => {
    const all = told((seconds) => {
      seconds.tell(2_500);
      seconds.add('a-1', { outcome: 'U', dueMs: 0, latMs: 10, lagMs: 0 });
      seconds.add('a-1', { outcome: 'F', dueMs: 2_000, latMs: 10, lagMs: 0 });
    });
    expect(all.map(({ second, failed, unknown }) => [second, failed, unknown])).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [2, 1, 1],
    ]);
  });
});
