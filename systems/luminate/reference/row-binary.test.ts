import { fc, test } from '@fast-check/vitest';
import { expect, it } from 'vitest';
import { COLUMNS, rowsOf } from './row-binary.ts';

const SEED = { seed: 44 };

/** What a reader of the format finds, by the columns in their order. */
function decode(bytes: Buffer): Record<string, unknown>[] {
  let at = 0;
  const length = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const text = (): string => {
    const sizeBytes = length();
    at += sizeBytes;
    return bytes.toString('utf8', at - sizeBytes, at);
  };
  const uint32 = () => bytes.readUInt32LE((at += 4) - 4);
  const whole = () => Number(bytes.readBigInt64LE((at += 8) - 8));
  const map = () => Object.fromEntries(Array.from({ length: length() }, () => [text(), text()]));
  const read: Record<string, () => unknown> = {
    run_id: text,
    runner: text,
    vu: uint32,
    n: whole,
    points: uint32,
    point: uint32,
    timestamp: whole,
    metric_name: text,
    value: () => bytes.readDoubleLE((at += 8) - 8),
    dimensions: map,
  };
  const rows = [];
  while (at < bytes.length)
    rows.push(Object.fromEntries(COLUMNS.split(', ').map((column) => [column, read[column]?.()])));
  return rows;
}

const text = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength });
const write = fc.record({
  runId: text(200),
  runner: text(20),
  vu: fc.nat({ max: 999_999_999 }),
  n: fc.nat({ max: 999_999_999_999_999 }),
  metrics: fc.array(
    fc.record({
      name: text(256),
      timestamp: fc.nat({ max: 4_000_000_000_000 }),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }),
      dimensions: fc.dictionary(
        text(9).filter((key) => key !== '__proto__'),
        text(256),
        { maxKeys: 20, noNullPrototype: true },
      ),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

test.prop([fc.array(write, { maxLength: 5 })], SEED)(
  'every metric is a row that says of which write it is a part',
  (writes) => {
    const rows = writes.map(({ metrics, ...rest }) => ({
      ...rest,
      metrics,
      points: metrics.length,
      attempt: 0,
      body: Buffer.alloc(0),
    }));
    expect(decode(Buffer.concat(rows.map(rowsOf)))).toEqual(
      writes.flatMap(({ runId, runner, vu, n, metrics }) =>
        metrics.map(({ name, timestamp, value, dimensions }, point) => ({
          run_id: runId,
          runner,
          vu,
          n,
          points: metrics.length,
          point,
          timestamp,
          metric_name: name,
          value,
          dimensions,
        })),
      ),
    );
  },
);

it('takes a metric without dimensions, and a time between two milliseconds', () => {
  const row = { runId: '', runner: 'r', vu: 0, n: 1, attempt: 0, points: 1, body: Buffer.alloc(0) };
  const metrics = [{ name: 'm', timestamp: 1_800_000_000_000.75, value: -0.5 }];
  expect(decode(rowsOf({ ...row, metrics }))).toMatchObject([
    { timestamp: 1_800_000_000_000, value: -0.5, dimensions: {} },
  ]);
});
