import { describe, expect, it } from 'vitest';
import { Cached } from './cached.ts';
import { readFunnel } from './funnel.ts';
import { readRecent } from './recent.ts';
import { readTrend } from './trend.ts';

const DATES = { date_from: '2026-11-01', date_to: '2026-11-30' };

describe('questions to the query API', () => {
  it('are taken with what the guide fills in', () => {
    expect(readTrend({ event: 'e', ...DATES })).toMatchObject({ project_id: 'default', interval: 'day' });
    expect(readRecent({ limit: '7' })).toEqual({ project_id: 'default', limit: 7 });
    expect(readFunnel({ steps: ['a', 'b'], ...DATES })).toMatchObject({
      strict: true,
      conversion_window_days: 30,
    });
  });

  it.each([
    [readTrend({ ...DATES }), 'event'],
    [readTrend({ event: 'e', date_from: 'today', date_to: '2026-11-30' }), 'date_from'],
    [readTrend({ event: 'e', ...DATES, interval: 'hour' }), 'interval'],
    [readRecent({ limit: '501' }), 'limit'],
    [readFunnel({ steps: ['a'], ...DATES }), 'steps'],
    [readFunnel({ steps: ['a', 'b'], ...DATES, conversion_window_days: 366 }), 'conversion_window_days'],
    [readFunnel(undefined), 'expected object'],
  ])('are refused with what is wrong: %s', (refusal, what) => {
    expect(refusal).toContain(what);
  });
});

it('keeps an answer for its time, and no failure', async () => {
  const cache = new Cached<number>(60_000);
  let asked = 0;
  const ask = () => {
    asked += 1;
    return asked === 1 ? Promise.reject(new Error('no')) : Promise.resolve(asked);
  };
  await expect(cache.get('q', ask)).rejects.toThrow('no');
  expect([await cache.get('q', ask), await cache.get('q', ask), await cache.get('other', ask)]).toEqual([
    2, 2, 3,
  ]);
  const forgetful = new Cached<number>(0);
  expect([await forgetful.get('q', ask), await forgetful.get('q', ask)]).toEqual([4, 5]);
});
