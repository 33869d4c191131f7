import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { RowBuffer } from './row-binary.ts';

/** One string as ClickHouse reads it: LEB128 length, bytes. */
function readString(bytes: Buffer): { text: string; rest: Buffer } {
  let length = 0;
  let at = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes.readUInt8(at);
    at += 1;
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  return { text: bytes.subarray(at, at + length).toString('utf8'), rest: bytes.subarray(at + length) };
}

it('writes strings of every length and alphabet', () => {
  const texts = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.nat(300).map((length) => 'ab'.repeat(length).slice(0, length)),
      fc.constantFrom(
        'x'.repeat(127),
        'x'.repeat(128),
        '€'.repeat(42),
        '€'.repeat(43),
        'x'.repeat(20_000),
        '',
      ),
    ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(texts, (written) => {
      const rows = new RowBuffer(8);
      for (const text of written) rows.string(text);
      let left: Buffer = rows.bytes();
      for (const text of written) {
        const { text: read, rest } = readString(left);
        expect(read).toBe(Buffer.from(text).toString('utf8'));
        left = rest;
      }
      expect(left).toHaveLength(0);
    }),
    { seed: 1, numRuns: 60 },
  );
});

it('writes times before and after 1970 as Int64', () => {
  fc.assert(
    fc.property(fc.integer({ min: -2_208_988_800_000, max: 10_413_791_999_999 }), (ms) => {
      const rows = new RowBuffer(1);
      rows.milliseconds(ms);
      expect(rows.bytes().readBigInt64LE()).toBe(BigInt(ms));
    }),
    { seed: 1 },
  );
});

it('writes a UUID as its two halves, each from its last byte', () => {
  const rows = new RowBuffer(4);
  rows.uuid('00112233-4455-8677-8899-aAbBcCdDeEfF');
  expect(rows.bytes().toString('hex')).toBe('7786554433221100ffeeddccbbaa9988');
});
