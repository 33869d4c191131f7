import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { scanStored, splitStored } from './stored-scan.ts';

const LIMIT = 2 ** 31;
/** Numbers where something changes: around 0, around the limit, and of 48 bits. */
const whole = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.integer({ min: LIMIT - 5, max: LIMIT + 5 }),
  fc.integer({ min: 0, max: 2 ** 48 }),
);
const range = fc
  .record({ vu: whole, from: whole, length: whole, copies: fc.integer({ min: 1, max: 3 }) })
  .map(({ vu, from, length, copies }) => ({ vu, from, to: from + length, copies }));

test.prop([range], { seed: 5, numRuns: 500 })(
  'what a store answered can be saved and read, and what a ledger can hold of it is as it was',
  (answered) => {
    const { within = null, beyond = null } = splitStored(answered) ?? {};
    const parts = [within, beyond].flatMap((part) => part ?? []);
    const lines = parts.map(({ vu, from, to, copies }) => `${vu}:${from}-${to} x${copies}\n`).join('');
    const read: unknown[] = [];
    const bytes = new TextEncoder().encode(`${lines}end\n`);
    expect(scanStored([bytes], (one) => read.push(one))).toEqual({ complete: true, why: '' });
    expect(read).toEqual(parts);
    expect(parts.length).toBeGreaterThan(0);
    if (answered.vu === 0 || answered.vu >= LIMIT) expect(within).toBeNull();
    else if (within !== null) {
      expect(within).toMatchObject({ vu: answered.vu, from: Math.max(1, answered.from) });
      expect(within.to).toBeLessThanOrEqual(answered.to);
    }
    const isStrange = answered.vu === 0 || answered.from === 0 || Math.max(answered.vu, answered.to) >= LIMIT;
    if (isStrange) expect(beyond).not.toBeNull();
    if (beyond === null) expect(within).toEqual(answered);
  },
);

test.each([
  { from: 0.5 },
  { to: 0 },
  { vu: -1 },
  { vu: Number.NaN },
  { to: Number.POSITIVE_INFINITY },
  { copies: 0 },
  { copies: 10 ** 9 },
])('is no range of writes: %j', (wrong) => {
  expect(splitStored({ vu: 1, from: 1, to: 3, copies: 1, ...wrong })).toBeNull();
});
