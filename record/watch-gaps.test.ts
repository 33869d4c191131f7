import { describe, expect, it } from 'vitest';
import type { Event } from './model.ts';
import { watchGaps } from './watch-gaps.ts';
import { parseWatchLine, type WatchLine } from './watch-log.ts';

function line(atMs: number, kind = 'Pod'): WatchLine {
  return { atMs, type: 'MODIFIED', kind, name: 'n', object: {} };
}

const events: Event[] = [
  { at: 0, kind: 'run.started', runId: 'r', wallMs: 1 },
  { at: 100_000, kind: 'phase', phase: 'undo' },
  { at: 160_000, kind: 'run.ended', interrupted: false },
];
const pulse = Array.from({ length: 11 }, (_, index) => line(index * 10_000, 'Lease'));

describe('a log with the lease in it', () => {
  it('is whole where it never falls silent, whatever is silent while the run takes itself down', () => {
    expect(watchGaps(pulse, events)).toEqual([]);
  });

  it('was not written where it is silent, in the middle or at its end', () => {
    const middle = pulse.filter(({ atMs }) => atMs <= 20_000 || atMs >= 60_000);
    expect(watchGaps(middle, events)).toMatchObject([
      { kind: 'gap', what: 'watch.jsonl', fromMs: 20_000, toMs: 60_000 },
    ]);
    expect(watchGaps(pulse.slice(0, 6), events)).toMatchObject([{ fromMs: 50_000, toMs: 100_000 }]);
  });

  it('may be silent where the lease itself was not watched, and before it was', () => {
    const unwatched: Event = {
      at: 90_000,
      kind: 'gap',
      what: 'Lease watch',
      fromMs: 1,
      toMs: 2,
      why: 'gone',
    };
    expect(watchGaps(pulse.slice(0, 6), [...events, unwatched])).toEqual([]);
    expect(watchGaps([line(0), line(90_000)], events)).toEqual([]);
  });
});

it('is blind from a damaged line to the end, torn, no JSON, or of another time', () => {
  for (const bad of [parseWatchLine('{"atMs":'), parseWatchLine('{"atMs":3}'), line(1e15)]) {
    const gaps = watchGaps([line(1_000), line(2_000), bad, bad, line(5_000)], events);
    expect(gaps).toMatchObject([{ what: 'watch.jsonl', fromMs: 2_000, toMs: 160_000 }]);
    expect(gaps[0]?.why).toContain('2 lines are, from line 3 on, no change of an object');
  }
});
