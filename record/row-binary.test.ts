import { fc, test } from '@fast-check/vitest';
import { expect, it } from 'vitest';
import { RowBuffer } from './row-binary.ts';

const SEED = { seed: 7 };
const MILLISECONDS = { min: -2_208_988_800_000, max: 10_413_792_000_000 };

/** Starts as small as can be, so that it has to grow. */
function written(write: (rows: RowBuffer) => void): Buffer {
  const rows = new RowBuffer(1);
  write(rows);
  return rows.bytes();
}

/** A string as the format says it, with Node's own means. */
function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = [];
  let left = bytes.length;
  for (; left >= 128; left = Math.floor(left / 128)) length.push((left % 128) + 128);
  return Buffer.from([...length, left, ...bytes]);
}

test.prop([fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 9 })], SEED)(
  'a string is its length in LEB128 and its bytes',
  (texts) => {
    const bytes = written((rows) => {
      for (const text of texts) rows.string(text);
    });
    const expected = Buffer.concat(texts.map(stringBytes));
    expect(bytes).toEqual(expected);
    const copied = written((rows) => {
      for (const text of texts) {
        const source = Buffer.from(`"${text}"`);
        rows.utf8(source, 1, source.length - 1);
      }
    });
    expect(copied).toEqual(expected);
  },
);

it.each(['', 'a', 'a'.repeat(127), 'a'.repeat(128), 'é'.repeat(63), 'é'.repeat(64), `${'a'.repeat(126)}é`])(
  'a string of a length at which its length takes another byte: %s',
  (text) => {
    expect(written((rows) => rows.string(text))).toEqual(stringBytes(text));
  },
);

test.prop([fc.nat({ max: 2 ** 32 - 1 }), fc.maxSafeInteger(), fc.integer(MILLISECONDS), fc.double()], SEED)(
  'a number is little endian',
  (small, large, milliseconds, real) => {
    const bytes = written((rows) => {
      rows.uint32(small);
      rows.int64(large);
      rows.int64(milliseconds);
      rows.float64(real);
    });
    expect(bytes.readUInt32LE(0)).toBe(small);
    expect(Number(bytes.readBigInt64LE(4))).toBe(large);
    expect(Number(bytes.readBigInt64LE(12))).toBe(milliseconds);
    expect(bytes.readDoubleLE(20)).toBe(real);
    expect(bytes.length).toBe(28);
  },
);

test.prop([fc.uuid()], SEED)('a UUID is two UInt64', (uuid) => {
  const hex = uuid.replaceAll('-', '');
  const half = (text: string) => Buffer.from(text, 'hex').toReversed();
  const expected = Buffer.concat([half(hex.slice(0, 16)), half(hex.slice(16))]);
  expect(written((rows) => rows.uuid(uuid))).toEqual(expected);
  expect(written((rows) => rows.uuid(uuid.toUpperCase()))).toEqual(expected);
  expect(written((rows) => rows.uuidAt(Buffer.from(`"${uuid}"`), 1))).toEqual(expected);
});

it('repeats what was written, and takes it back', () => {
  const rows = new RowBuffer(4);
  rows.uint32(1);
  rows.uint32(2);
  rows.again(0, 4);
  expect([...rows.bytes()]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]);
  rows.truncate(4);
  expect([...rows.bytes(), rows.sizeBytes]).toEqual([1, 0, 0, 0, 4]);
});
