import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Batch } from './batch.ts';
import { Batcher } from './batcher.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const record = (offset: number, partition = 0, events = 1) => ({
  partition,
  offset: BigInt(offset),
  value: Buffer.from(
    JSON.stringify({ batch: Array.from({ length: events }, () => ({ event: 'e', distinct_id: 'u' })) }),
  ),
});

function lab() {
  const delivered: Batch[] = [];
  const failed: Error[] = [];
  const answers: { ok(): void; fail(): void }[] = [];
  const batcher = new Batcher({
    keepsValues: false,
    deliver(batch) {
      delivered.push(batch);
      return new Promise((resolve, reject) => {
        answers.push({ ok: resolve, fail: () => reject(new Error('refused')) });
      });
    },
    onFailed: (error) => failed.push(error),
  });
  return { batcher, delivered, failed, answers };
}

describe('Batcher', () => {
  it('delivers when the first record is two seconds old, with up to where it has read', async () => {
    const { batcher, delivered } = lab();
    await vi.advanceTimersByTimeAsync(5_000);
    await batcher.add(record(7), false);
    await batcher.add(record(3, 1), false);
    await vi.advanceTimersByTimeAsync(1_900);
    expect(delivered).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(delivered[0]?.rowCount).toBe(2);
    expect(delivered[0]?.offsets).toEqual(
      new Map([
        [0, 7n],
        [1, 3n],
      ]),
    );
    batcher.stop();
  });

  it('delivers at 100,000 rows, one batch at a time, and makes the reader wait for the second', async () => {
    const { batcher, delivered, answers } = lab();
    for (let n = 0; n < 1_000; n += 1) await batcher.add(record(n, 0, 100), false);
    await vi.advanceTimersByTimeAsync(0);
    expect(delivered[0]?.rowCount).toBe(100_000);
    for (let n = 1_000; n < 1_999; n += 1) await batcher.add(record(n, 0, 100), false);
    let isTaken = false;
    const waits = batcher.add(record(1_999, 0, 100), false).then(() => (isTaken = true));
    await vi.advanceTimersByTimeAsync(3_000);
    expect([isTaken, delivered.length]).toEqual([false, 1]);
    answers[0]?.ok();
    await vi.advanceTimersByTimeAsync(0);
    await waits;
    await vi.advanceTimersByTimeAsync(0);
    expect(delivered).toHaveLength(2);
    batcher.stop();
  });

  it('rests after a full batch that was delivered fast', async () => {
    const { batcher, delivered, answers } = lab();
    for (let n = 0; n < 1_999; n += 1) await batcher.add(record(n, 0, 100), false);
    let isTaken = false;
    const waits = batcher.add(record(1_999, 0, 100), false).then(() => (isTaken = true));
    await vi.advanceTimersByTimeAsync(100);
    answers[0]?.ok();
    await vi.advanceTimersByTimeAsync(1_300);
    expect([isTaken, delivered.length]).toEqual([false, 1]);
    await vi.advanceTimersByTimeAsync(100);
    await waits;
    await vi.advanceTimersByTimeAsync(0);
    expect(delivered).toHaveLength(2);
    batcher.stop();
  });

  it('leaves alone what it took before, and counts as read what is skipped', async () => {
    const { batcher, delivered, answers } = lab();
    await batcher.add(record(1), false);
    await batcher.add(record(1), false);
    await batcher.add(record(2), true);
    const finished = batcher.finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(delivered[0]?.rowCount).toBe(1);
    expect(delivered[0]?.offsets.get(0)).toBe(2n);
    answers[0]?.ok();
    await finished;
  });

  it('delivers nothing after a delivery that was given up', async () => {
    const { batcher, delivered, answers, failed } = lab();
    await batcher.add(record(1), false);
    await vi.advanceTimersByTimeAsync(2_100);
    await batcher.add(record(2), false);
    answers[0]?.fail();
    await vi.advanceTimersByTimeAsync(2_000);
    await batcher.finish();
    expect(delivered).toHaveLength(1);
    expect(failed[0]?.message).toBe('refused');
  });
});
