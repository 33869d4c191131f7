import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { checkBatch, MAX_METRICS } from './validate.ts';

const NOW = 1_800_000_000_000;
const DAY = 24 * 3_600_000;
const SEED = { seed: 42 };
const good = { name: 'cpu_load', timestamp: NOW, value: 1.5, dimensions: { run_id: 'r' } };
const check = (metrics: unknown) => checkBatch({ metrics }, NOW);

/** What is wrong with one metric, empty when nothing is. */
function errorOf(change: object): string {
  const batch = check([{ ...good, ...change }]);
  if (typeof batch === 'string') return batch;
  return batch.errors[0]?.error ?? '';
}

describe('the limits of one metric', () => {
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
  it.each([
    ['a name of 256', { name: 'a'.repeat(256) }, ''],
    ['a name of 257', { name: 'a'.repeat(257) }, 'name'],
    ['a name that begins with an underscore', { name: '_x9' }, ''],
    ['a name that begins with a digit', { name: '9x' }, 'name'],
    ['a name with a dot', { name: 'cpu.load' }, 'name'],
    ['a name with a newline at its end', { name: 'cpu\n' }, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['no name', { name: undefined }, 'name'],
    ['a time 7 days ago', { timestamp: NOW - 7 * DAY }, ''],
    ['a time before that', { timestamp: NOW - 7 * DAY - 1 }, 'timestamp'],
    ['a time 1 hour ahead', { timestamp: NOW + 3_600_000 }, ''],
    ['a time after that', { timestamp: NOW + 3_600_001 }, 'timestamp'],
    ['a time in seconds', { timestamp: NOW / 1_000 }, 'timestamp'],
    ['a time as text', { timestamp: String(NOW) }, 'timestamp'],
    ['a time that is no number', { timestamp: Number.NaN }, 'timestamp'],
    ['a value of 0', { value: 0 }, ''],
    ['an infinite value', { value: JSON.parse('1e999') as unknown }, 'value'],
    ['a value as text', { value: '1' }, 'value'],
    ['no value', { value: null }, 'value'],
    ['20 dimensions', { dimensions: keys(20) }, ''],
    ['21 dimensions', { dimensions: keys(21) }, 'more than 20'],
    ['no dimensions', { dimensions: undefined }, ''],
    ['dimensions as a list', { dimensions: ['a'] }, 'object'],
    ['dimensions that are null', { dimensions: null }, 'object'],
    ['a key of 128', { dimensions: { ['k'.repeat(128)]: 'v' } }, ''],
    ['a key of 129', { dimensions: { ['k'.repeat(129)]: 'v' } }, 'key'],
    ['a key with a dash', { dimensions: { 'a-b': 'v' } }, 'key'],
    ['an empty key', { dimensions: { '': 'v' } }, 'key'],
    ['a dimension of 256', { dimensions: { k: 'v'.repeat(256) } }, ''],
    ['a dimension of 257', { dimensions: { k: 'v'.repeat(257) } }, 'values'],
    ['a dimension that is a number', { dimensions: { k: 1 } }, 'values'],
    ['a dimension with NUL, which the store cannot hold', { dimensions: { k: 'a\0' } }, 'NUL'],
  ])('%s', (_, change, wanted) => {
    const error = errorOf(change);
    if (wanted === '') expect(error).toBe('');
    else expect(error).toContain(wanted);
  });
});

describe('a body as a whole', () => {
  it.each([
    ['nothing', undefined],
    ['a list', []],
    ['metrics that are no list', { metrics: {} }],
    ['no metrics', { metrics: [] }],
    ['more than 10,000 metrics', { metrics: Array.from({ length: MAX_METRICS + 1 }, () => good) }],
  ])('is no batch: %s', (_, body) => {
    expect(checkBatch(body, NOW)).toBeTypeOf('string');
  });

  it('may have 10,000 metrics', () => {
    const batch = check(Array.from({ length: MAX_METRICS }, () => good));
    expect(batch).toMatchObject({ accepted: MAX_METRICS, errors: [] });
  });

  it('names the metrics it rejects and takes the others', () => {
    expect(check([good, { ...good, value: 'x' }, 7])).toMatchObject({
      metrics: [good],
      accepted: 1,
      errors: [
        { index: 1, metric: 'cpu_load', error: 'value must be a finite number' },
        { index: 2, metric: '', error: 'a metric must be an object' },
      ],
    });
  });
});

describe('identity', () => {
  const named = (dimensions: object) => ({ ...good, dimensions: { run_id: 'r', ...dimensions } });

  it('is that of the first accepted metric, leading zeros or not', () => {
    const batch = check([
      { ...named({ runner: 'bad', vu: '1', seq: '1' }), value: 'x' },
      named({ runner: 'main', vu: '7', seq: '000000000042' }),
      named({ runner: 'other', vu: '8', seq: '43' }),
    ]);
    expect(batch).toMatchObject({ accepted: 2, runId: 'r', identity: { runner: 'main', vu: 7, n: 42 } });
  });

  it.each([
    ['a part is missing', { runner: 'main', vu: '7' }],
    ['a number is negative', { runner: 'main', vu: '7', seq: '-1' }],
    ['a number has a fraction', { runner: 'main', vu: '7', seq: '1.5' }],
    ['a number is larger than the store can hold', { runner: 'main', vu: '4294967296', seq: '1' }],
  ])('is left to the server when %s', (_, dimensions) => {
    expect(check([named(dimensions)])).toMatchObject({ accepted: 1, runId: 'r', identity: null });
  });
});

const metric = fc.record({
  name: fc.oneof(fc.constant('m'), fc.string()),
  timestamp: fc.oneof(fc.constant(NOW), fc.double()),
  value: fc.oneof(fc.double(), fc.anything()),
  dimensions: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.anything()),
});

test.prop([fc.array(fc.oneof(metric, fc.anything()), { minLength: 1, maxLength: 30 })], SEED)(
  'every metric is accepted or named once, and one alone is judged as it is among others',
  (metrics) => {
    const batch = check(metrics);
    if (typeof batch === 'string') throw new Error(batch);
    expect(batch.accepted + batch.errors.length).toBe(metrics.length);
    const rejected = new Set(batch.errors.map(({ index }) => index));
    expect(rejected.size).toBe(batch.errors.length);
    for (const [index, one] of metrics.entries())
      expect(check([one])).toMatchObject({ accepted: rejected.has(index) ? 0 : 1 });
  },
);

test.prop([fc.jsonValue()], SEED)('no body makes it throw', (body) => {
  const batch = checkBatch(body, NOW);
  expect(typeof batch === 'string' || batch.accepted >= 0).toBe(true);
});
