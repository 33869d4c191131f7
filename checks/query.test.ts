import { expect, it } from 'vitest';
import { blindEvent, STARTED, watchedView } from '../analysis/alerts/testing-run.ts';
import type { Event, EventOf } from '../record/model.ts';
import { judge, options } from './query.ts';

type Series = EventOf<'query.result'>['series'];

/** Samples every 5 s from second 0 to second 60; `values` by second. */
function series(
  value: (second: number) => string | null,
  labels: Record<string, string> = { pod: 'a' },
): Series[number] {
  const values = Array.from({ length: 13 }, (_, i): [number, string] | null => {
    const text = value(i * 5);
    return text === null ? null : [i * 5_000, text];
  });
  return { labels, values: values.filter((one) => one !== null) };
}

function answer(found: Series, change: Partial<EventOf<'query.result'>> = {}): Event {
  return {
    at: 63_000,
    kind: 'query.result',
    query: 'lag',
    expr: 'max(lag)',
    file: 'evidence/query-lag.json',
    error: '',
    fromMs: 0,
    toMs: 60_000,
    stepMs: 5_000,
    series: found,
    ...change,
  };
}

const ask = (found: Series, given: object, during?: string, change = {}) =>
  judge(
    watchedView({ prometheus: [STARTED, answer(found, change)], queries: { lag: 'max(lag)' } }),
    options.parse({ query: 'lag', ...given }),
    during === undefined ? {} : { during },
  );

const steady = series(() => '5');
const rising = series((second) => String(second));

it('holds every value against the limits', () => {
  expect(ask([steady], { atMost: 5 })).toMatchObject({
    verdict: 'pass',
    observed: { value: 5, unit: 'worst value' },
    expected: { value: 5, unit: 'at most 5' },
    evidence: ['history:query.result', 'evidence/query-lag.json'],
  });
  expect(ask([rising], { atMost: 50 })).toMatchObject({
    verdict: 'fail',
    reason:
      'lag from 0.0 s to 60.0 s: the worst value is 60 at 60.0 s of {pod="a"}; 2 of 13 values are outside (asked: at most 50; 1 series).',
  });
  expect(ask([rising], { atLeast: 0 }).verdict).toBe('pass');
  expect(ask([rising], { atLeast: 1 })).toMatchObject({ verdict: 'fail', observed: { value: 0 } });
  expect(ask([rising], { within: [0, 60] }).verdict).toBe('pass');
  expect(ask([rising], { within: [1, 60] }).verdict).toBe('fail');
  expect(ask([series(() => '+Inf')], { atMost: 5 })).toMatchObject({
    verdict: 'fail',
    observed: { value: null },
  });
  expect(ask([series(() => '-Inf')], { atLeast: 5 }).verdict).toBe('fail');
});

it.each([
  ['max', 60, 'pass'],
  ['max', 59, 'fail'],
  ['mean', 30, 'pass'],
  ['mean', 29, 'fail'],
  ['last', 60, 'pass'],
  ['last', 59, 'fail'],
])('takes the %s over time: at most %d is a %s', (overTime, atMost, verdict) => {
  expect(ask([rising], { overTime, atMost }).verdict).toBe(verdict);
});

it('takes series each, summed up, or one only', () => {
  const both = [steady, series(() => '7', { pod: 'b' })];
  expect(ask(both, { atMost: 7 }).verdict).toBe('pass');
  expect(ask(both, { atMost: 6 })).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('{pod="b"}'),
  });
  expect(ask(both, { atMost: 12, overSeries: 'sum' }).verdict).toBe('pass');
  expect(ask(both, { atMost: 11, overSeries: 'sum' })).toMatchObject({
    verdict: 'fail',
    observed: { value: 12 },
  });
  expect(ask(both, { atMost: 7, overSeries: 'single' })).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('2 series instead of one: {pod="a"}, {pod="b"}'),
  });
  expect(ask([steady], { atMost: 7, overSeries: 'single' }).verdict).toBe('pass');
});

const hollow = series((second) => (second > 20 && second < 40 ? null : '5'));
const undefinedAt20 = series((second) => (second === 20 ? 'NaN' : '5'));

it.each([
  ['no series', [], 'noData', 'no data at all'],
  ['a series without samples', [{ labels: {}, values: [] }], 'noData', 'no data at all'],
  ['a hole', [hollow], 'noData', 'no data from 20.0 s to 40.0 s'],
  [
    'a late start',
    [series((second) => (second < 15 ? null : '5'))],
    'noData',
    'no data from 0.0 s to 15.0 s',
  ],
  [
    'an early end',
    [series((second) => (second > 45 ? null : '5'))],
    'noData',
    'no data from 45.0 s to 61.0 s',
  ],
  ['NaN', [undefinedAt20], 'nan', '1 of 13 values are NaN'],
  ['a word', [series(() => 'so')], 'nan', '13 of 13 values are NaN'],
] as const)('does not pass over %s unless told to', (_, found, option, why) => {
  for (const overTime of option === 'nan' ? ['every'] : ['every', 'max', 'mean', 'last'])
    for (const verdict of [undefined, 'inconclusive', 'fail', 'pass'])
      expect(
        ask(
          [...found].map(({ labels, values }) => ({ labels, values: [...values] })),
          { atMost: 5, overTime, [option]: verdict },
        ),
      ).toMatchObject({
        verdict: verdict ?? 'inconclusive',
        reason: expect.stringContaining(why),
      });
});

it('lets no doubt excuse a value outside, nor one doubt the other', () => {
  for (const found of [hollow, undefinedAt20])
    expect(ask([found], { atMost: 4, noData: 'pass', nan: 'pass' }).verdict).toBe('fail');
  const both = series((second) => (second > 20 && second < 40 ? null : second === 50 ? 'NaN' : '5'));
  expect(ask([both], { atMost: 5, noData: 'pass' }).verdict).toBe('inconclusive');
  expect(ask([both], { atMost: 5, nan: 'pass' }).verdict).toBe('inconclusive');
  expect(ask([both], { atMost: 5, noData: 'fail' }).verdict).toBe('fail');
  // One sample that is missing is no hole, and one series may follow the other.
  expect(ask([series((second) => (second === 20 ? null : '5'))], { atMost: 5 }).verdict).toBe('pass');
  const handed = [
    series((second) => (second < 30 ? '5' : null)),
    series((second) => (second < 30 ? null : '5'), { pod: 'b' }),
  ];
  expect(ask(handed, { atMost: 5 }).verdict).toBe('pass');
  // Not a number in any of it is not a number.
  for (const overTime of ['max', 'mean'])
    expect(ask([undefinedAt20], { atMost: 5, overTime }).verdict).toBe('inconclusive');
});

it('looks at the window of a fault only', () => {
  const burst = series((second) => (second >= 25 && second <= 30 ? '9' : '5'));
  expect(ask([burst], { atMost: 5 }, 'cut').verdict).toBe('fail');
  const before = series((second) => (second < 20 ? '9' : '5'));
  expect(ask([before], { atMost: 5 }).verdict).toBe('fail');
  expect(ask([before], { atMost: 5 }, 'cut')).toMatchObject({
    verdict: 'pass',
    windowMs: [20_800, expect.any(Number)],
  });
  const none = series((second) => (second > 15 ? null : '5'));
  expect(ask([none], { atMost: 5 }, 'cut').verdict).toBe('inconclusive');
});

it('takes an error, and a query that was not asked, for no answer', () => {
  expect(
    ask([], { atMost: 5, noData: 'pass' }, undefined, { error: 'HTTP 422: many-to-many' }),
  ).toMatchObject({
    verdict: 'invalid',
    reason: 'lag has no answer: HTTP 422: many-to-many.',
  });
  expect(judge(watchedView({}), options.parse({ query: 'lag', atMost: 1 }), {})).toMatchObject({
    verdict: 'invalid',
    reason: 'lag was never asked.',
  });
  expect(
    judge(watchedView({ prometheus: [] }), options.parse({ query: 'lag', atMost: 1 }), {}).reason,
  ).toContain('Prometheus was never started');
});

it.each([
  {},
  { atMost: 1, atLeast: 0 },
  { within: [1] },
  { within: [2, 1] },
  { atMost: 1, overTime: 'min' },
  { atMost: Number.NaN },
])('refuses the limits %j', (given) => {
  expect(options.safeParse({ query: 'lag', ...given }).success).toBe(false);
});

it('says nothing of a system that Prometheus did not scrape, whatever the answer', () => {
  // `... or vector(0)` always has one.
  const unscraped = blindEvent('not scraped', 0, 60_000, 'connection refused');
  for (const found of [[steady], []])
    expect(
      judge(
        watchedView({ prometheus: [STARTED, answer(found), unscraped] }),
        options.parse({ query: 'lag', atMost: 9, noData: 'pass' }),
        {},
      ),
    ).toMatchObject({ verdict: 'invalid', reason: expect.stringContaining('never scraped the system') });
});

it('owes the whole of the load, and not only what was asked for', () => {
  const half = answer([series((second) => (second > 30 ? null : '5'))], { toMs: 30_000 });
  const view = watchedView({ prometheus: [STARTED, half] });
  expect(judge(view, options.parse({ query: 'lag', atMost: 9 }), {})).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('no data from 30.0 s to 61.0 s'),
  });
});

it('does not take one pod for all of them while another was not scraped', () => {
  const missed = (fromMs: number, toMs: number) =>
    judge(
      watchedView({
        prometheus: [STARTED, answer([steady]), blindEvent('missed scrapes', fromMs, toMs, 'up 0: b')],
      }),
      options.parse({ query: 'lag', atMost: 9 }),
      {},
    );
  expect(missed(20_000, 40_000)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('missed scrapes from 20.0 s to 40.0 s (up 0: b)'),
  });
  expect(missed(20_000, 25_000).verdict).toBe('pass');
});
