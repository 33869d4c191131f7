import { describe, expect, it } from 'vitest';
import { activitiesOf, disagreements, firingsOf } from './firings.ts';

const a = { alertname: 'A', pod: 'a' };
const b = { alertname: 'A', pod: 'b' };

describe('firingsOf', () => {
  it('fires while any label set does', () => {
    expect(
      firingsOf([
        { labels: b, fromMs: 15_000, toMs: 40_000 },
        { labels: a, fromMs: 10_000, toMs: 20_000 },
        { labels: a, fromMs: 50_000, toMs: 60_000 },
      ]),
    ).toEqual([
      { labels: [a, b], fromMs: 10_000, toMs: 40_000 },
      { labels: [a], fromMs: 50_000, toMs: 60_000 },
    ]);
  });

  it('goes on where one label set takes over from another at the same evaluation', () => {
    expect(
      firingsOf([
        { labels: a, fromMs: 10_000, toMs: 20_000 },
        { labels: b, fromMs: 20_000, toMs: null },
      ]),
    ).toEqual([{ labels: [a, b], fromMs: 10_000, toMs: null }]);
  });

  it('names a label set once', () => {
    expect(
      firingsOf([
        { labels: a, fromMs: 0, toMs: 20 },
        { labels: a, fromMs: 20, toMs: 30 },
      ]),
    ).toEqual([{ labels: [a], fromMs: 0, toMs: 30 }]);
  });
});

describe('activitiesOf', () => {
  const known = { evaluationIntervalMs: 1_000, untilMs: 60_123 };

  it('ends at the evaluation after the last sample', () => {
    expect(activitiesOf(a, [10_123, 11_123, 12_124], known)).toEqual([
      { labels: a, fromMs: 10_123, toMs: 13_124 },
    ]);
  });

  it('is two where an evaluation saw it no more', () => {
    expect(activitiesOf(a, [10_123, 12_123], known)).toEqual([
      { labels: a, fromMs: 10_123, toMs: 11_123 },
      { labels: a, fromMs: 12_123, toMs: 13_123 },
    ]);
  });

  it('has no end where the last evaluation saw it', () => {
    expect(activitiesOf(a, [59_123, 60_123], known)).toEqual([{ labels: a, fromMs: 59_123, toMs: null }]);
    expect(activitiesOf(a, [58_123, 59_123], known)).toEqual([{ labels: a, fromMs: 58_123, toMs: 60_123 }]);
  });
});

describe('disagreements', () => {
  const seen = { fromMs: 0, toMs: 100_000 };
  const one = [{ labels: [a], fromMs: 10_000, toMs: 20_000 }];

  it('are none within a millisecond', () => {
    expect(disagreements(one, [{ labels: [a], fromMs: 10_001, toMs: 19_999 }], seen)).toEqual([]);
    expect(disagreements([], [], seen)).toEqual([]);
  });

  it('are where only one fires', () => {
    expect(disagreements(one, [], seen)).toEqual([{ fromMs: 10_000, toMs: 20_000 }]);
    expect(disagreements(one, [{ labels: [a], fromMs: 12_000, toMs: null }], seen)).toEqual([
      { fromMs: 10_000, toMs: 12_000 },
      { fromMs: 20_000, toMs: 100_000 },
    ]);
  });

  it('are not looked for beyond what both saw', () => {
    expect(disagreements(one, [], { fromMs: 20_000, toMs: 100_000 })).toEqual([]);
    expect(
      disagreements(one, [{ labels: [a], fromMs: 5, toMs: null }], { fromMs: 12_000, toMs: 20_000 }),
    ).toEqual([]);
  });
});
