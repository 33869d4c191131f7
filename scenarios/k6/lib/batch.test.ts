import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Batch } from './batch.ts';

const Body = z.strictObject({
  metrics: z.array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z_]\w*$/),
      timestamp: z.number().int(),
      value: z.number(),
      dimensions: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()),
    }),
  ),
});
const parse = (body: ArrayBuffer) => Body.parse(JSON.parse(Buffer.from(body).toString())).metrics;

const START_MS = 1_795_236_322_831;

describe('Batch', () => {
  it('carries the identity and the time of each write, whatever was in the body before', () => {
    const writes = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 999_999_999_999 }), fc.integer({ min: 0, max: 90_000 })),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(
        writes,
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 9_999 }),
        (sent, points, vu) => {
          const batch = new Batch({ runId: 'r-1', runner: 'load', vu, points });
          let nowMs = START_MS;
          for (const [n, laterMs] of sent) {
            nowMs += laterMs;
            const [first, ...others] = parse(batch.body(n, nowMs));
            expect(first?.timestamp).toBe(nowMs);
            expect(first?.dimensions).toEqual({
              seq: String(n).padStart(12, '0'),
              run_id: 'r-1',
              runner: 'load',
              vu: String(vu),
              point: '0',
              host: `load-${vu}`,
            });
            expect(others.length).toBe(points - 1);
            for (const [index, { timestamp, dimensions }] of others.entries()) {
              expect(nowMs - timestamp).toBeGreaterThanOrEqual(0);
              expect(nowMs - timestamp).toBeLessThan(30_000);
              expect(dimensions).toEqual({ run_id: 'r-1', point: String(index + 1), host: `load-${vu}` });
            }
          }
        },
      ),
      { seed: 1, numRuns: 50 },
    );
  });

  it('refuses names whose characters are not bytes', () => {
    expect(() => new Batch({ runId: 'größe', runner: 'load', vu: 1, points: 1 })).toThrow(
      'names must be ASCII',
    );
  });

  it('is about 10 KB of 100 points', () => {
    const { byteLength } = new Batch({
      runId: 'soak-20261121-042633-ab12',
      runner: 'load',
      vu: 123,
      points: 100,
    }).body(1, START_MS);
    expect(byteLength).toBeGreaterThan(10_000);
    expect(byteLength).toBeLessThan(16_000);
  });
});
