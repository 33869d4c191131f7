import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { distinctIdOf, uuidOf } from '../../../systems/event-pipeline/identity.ts';
import { readPosted } from '../../../systems/event-pipeline/reference/event.ts';
import { PlainPost } from '../../../systems/event-pipeline/reference/plain-post.ts';
import { EventBatch } from './event-batch.ts';

const Body = z.strictObject({ project_id: z.string(), batch: z.array(z.record(z.string(), z.unknown())) });
const START_MS = 1_795_236_322_831;

describe('EventBatch', () => {
  it('carries the identity of each write and a time of the last half minute, whatever was in the body before', () => {
    const writes = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 2 ** 47 }), fc.integer({ min: 0, max: 90_000 })),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(
        writes,
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 9_999 }),
        (sent, points, vu) => {
          const made = new EventBatch({ runId: 'r-1', runner: 'load', vu, points });
          let nowMs = START_MS;
          for (const [n, laterMs] of sent) {
            nowMs += laterMs;
            const body = Body.parse(JSON.parse(Buffer.from(made.body(n, nowMs)).toString()));
            expect(body.project_id).toBe('r-1');
            expect(body.batch).toHaveLength(points);
            expect(typeof readPosted(body)).toBe('object');
            for (const [point, event] of body.batch.entries()) {
              expect(event['uuid']).toBe(uuidOf({ vu, n, point, points }));
              expect(event['distinct_id']).toBe(distinctIdOf({ runner: 'load', vu }));
              const ageMs = nowMs - Date.parse(String(event['timestamp']));
              expect(ageMs >= 0 && ageMs < 30_000).toBe(true);
            }
          }
        },
      ),
      { seed: 1, numRuns: 50 },
    );
  });

  it('is what the reference system reads fastest', () => {
    const made = new EventBatch({ runId: 'r-1', runner: 'load', vu: 7, points: 100 });
    expect(new PlainPost(Buffer.from(made.body(1, START_MS))).read(() => true)).toBe(true);
  });

  it('refuses names whose characters are not bytes', () => {
    expect(() => new EventBatch({ runId: 'größe', runner: 'load', vu: 1, points: 1 })).toThrow(
      'names must be ASCII',
    );
  });

  it('is about 18 KB of 100 events', () => {
    const { byteLength } = new EventBatch({
      runId: 'pipeline-control-20261121-042633-ab12',
      runner: 'load',
      vu: 123,
      points: 100,
    }).body(1, START_MS);
    expect(byteLength).toBeGreaterThan(15_000);
    expect(byteLength).toBeLessThan(20_000);
  });
});
