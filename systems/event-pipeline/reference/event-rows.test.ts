import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { RowBuffer } from '../../../record/row-binary.ts';
import { rowsOf } from './event-rows.ts';
import type { Poison } from './event-rows.ts';

const UUID = '00000000-0001-8000-8001-000000000001';
const NOW_MS = 1_795_236_322_831;

function read(value: unknown): { count: number; poison: Poison[]; bytes: Buffer } {
  const rows = new RowBuffer(64);
  const poison: Poison[] = [];
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const count = rowsOf(Buffer.from(text), rows, NOW_MS, poison);
  return { count, poison, bytes: rows.bytes() };
}

it('writes one row after the other, columns in the order of the insert', () => {
  const event = { event: 'view', distinct_id: 'u1', uuid: UUID, timestamp: '2026-11-21T10:00:00.123Z' };
  const { count, poison, bytes } = read({
    project_id: 'p',
    batch: [{ ...event, properties: { a: 1 } }, event],
  });
  expect({ count, poison }).toEqual({ count: 2, poison: [] });
  const first = new RowBuffer(64);
  first.uuid(UUID);
  for (const text of ['p', 'view', 'u1']) first.string(text);
  first.int64(Date.UTC(2026, 10, 21, 10, 0, 0, 123));
  first.string('{"a":1}');
  first.int64(NOW_MS);
  expect(bytes.subarray(0, first.sizeBytes)).toEqual(first.bytes());
});

it('takes a single event, and one that leaves out what it may', () => {
  const { count, poison } = read({ event: 'view', distinct_id: 'u1' });
  expect({ count, poison }).toEqual({ count: 1, poison: [] });
});

it('keeps apart what can never be a row, with its reason and its project, and takes the rest', () => {
  expect(read('{')).toMatchObject({ count: 0, poison: [{ raw: '{', kind: 'invalid_json' }] });
  const good = { event: 'view', distinct_id: 'u1', uuid: UUID };
  const { count, poison } = read({
    project_id: 'p',
    batch: [
      good,
      { event: 'view' },
      { ...good, timestamp: 'yesterday' },
      { ...good, timestamp: '1650-01-01' },
      7,
    ],
  });
  expect(count).toBe(1);
  expect(poison).toMatchObject([
    { raw: { event: 'view', project_id: 'p' }, kind: 'invalid_event' },
    { raw: { timestamp: 'yesterday', project_id: 'p' }, kind: 'invalid_timestamp' },
    { raw: { timestamp: '1650-01-01' }, kind: 'invalid_timestamp' },
    { raw: 7, kind: 'invalid_event' },
  ]);
});

it('makes the same of a record, whether it is plain or has to be parsed', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'aZ09 /:-.{}[],é\\"'.split('')),
    minLength: 1,
    maxLength: 60,
  });
  const timestamp = fc.oneof(
    fc
      .date({ min: new Date('1890-01-01'), max: new Date('2310-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString()),
    fc.constantFrom('2026-11-21T10:00:00Z', '2026-11-21', 'yesterday', ''),
  );
  const properties = fc.dictionary(
    text.map((key) => `k${key}`),
    text,
    { maxKeys: 3, noNullPrototype: true },
  );
  const event = fc.record(
    { event: text, distinct_id: fc.constant('u1'), uuid: fc.uuid(), timestamp, properties },
    { requiredKeys: ['event', 'distinct_id', 'uuid', 'timestamp'] },
  );
  let rowCount = 0;
  fc.assert(
    fc.property(text, fc.array(event, { minLength: 1, maxLength: 4 }), (project, batch) => {
      const plain = JSON.stringify({ project_id: project, batch });
      const parsed = read(`${plain} `);
      expect(read(plain)).toEqual(parsed);
      rowCount += parsed.count;
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(rowCount).toBeGreaterThan(100);
});
