import { fc, test } from '@fast-check/vitest';
import { expect, it } from 'vitest';
import type { Row } from './database.ts';
import { compareRows, epochOf, epochToClear, insertStatement, SLOTS } from './schema.ts';

const KEEP_MS = 300_000;
const NOW = 1_800_000_000_000;
const SEED = { seed: 43 };
const row = (n: number): Row => ({
  runId: 'r',
  runner: 'a',
  vu: 1,
  n,
  attempt: 0,
  points: 1,
  metrics: [],
  body: Buffer.from('{}'),
});

test.prop(
  [fc.nat({ max: KEEP_MS * 10 }), fc.nat({ max: KEEP_MS }), fc.integer({ min: -37_000, max: 37_000 })],
  SEED,
)(
  'a table is never cleared while it holds what must be kept, also with clocks 37 s apart',
  (offsetMs, ageMs, skewMs) => {
    const nowMs = NOW + offsetMs;
    const cleared = epochToClear(nowMs + skewMs, KEEP_MS);
    if (cleared === null) return;
    // Neither what another process has written in the last 300 s less that difference, nor what it writes now.
    for (const writtenMs of [nowMs, nowMs - Math.max(0, ageMs - 37_000)])
      expect(epochOf(writtenMs, KEEP_MS) % SLOTS).not.toBe(cleared % SLOTS);
  },
);

it('clears every table before its turn comes again', () => {
  const cleared = new Set<number>();
  for (let nowMs = NOW; nowMs < NOW + 2 * KEEP_MS; nowMs += 200) {
    const epoch = epochToClear(nowMs, KEEP_MS);
    if (epoch !== null) cleared.add(epoch);
    if (nowMs > NOW + KEEP_MS) expect(cleared).toContain(epochOf(nowMs, KEEP_MS));
  }
});

it('has one statement for each slot and group size, and as many values as parameters', () => {
  const one = insertStatement(3, [row(1)]);
  const two = insertStatement(3, [row(1), row(2)]);
  expect(one.name).not.toBe(two.name);
  expect(insertStatement(4, [row(1)]).name).not.toBe(one.name);
  expect(insertStatement(3, [row(9)]).text).toBe(one.text);
  for (const { text, values } of [one, two]) expect(new Set(text.match(/\$\d+/g)).size).toBe(values.length);
});

it('orders writes the same way whatever order they came in', () => {
  const rows = [row(3), { ...row(1), vu: 2 }, row(1), { ...row(9), runner: 'A' }, { ...row(9), runId: 'q' }];
  const sorted = [...rows].sort(compareRows);
  expect(rows.toReversed().sort(compareRows)).toEqual(sorted);
  expect(sorted.map(({ n }) => n)).toEqual([9, 9, 1, 3, 1]);
});
