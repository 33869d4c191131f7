import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordQueue } from './record-queue.ts';
import type { OutRecord } from './topic-producer.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const record = (key: string, sizeBytes = 10): OutRecord => ({ key, value: Buffer.alloc(sizeBytes) });

/** A broker whose answers the test gives. */
function broker() {
  const sends: { records: OutRecord[]; ok(): void; fail(): void }[] = [];
  const queue = new RecordQueue({
    send: (records) =>
      new Promise((resolve, reject) => {
        sends.push({ records, ok: resolve, fail: () => reject(new Error('no')) });
      }),
    timeoutMs: 5_000,
  });
  return { queue, sends };
}

describe('RecordQueue', () => {
  it('gathers for a moment, and acknowledges when the broker does', async () => {
    const { queue, sends } = broker();
    const first = queue.offer([record('a')]);
    const second = queue.offer([record('b')]);
    await vi.advanceTimersByTimeAsync(24);
    expect(sends).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(sends[0]?.records.map(({ key }) => key)).toEqual(['a', 'b']);
    sends[0]?.ok();
    expect(await Promise.all([first, second])).toEqual(['acknowledged', 'acknowledged']);
  });

  it('sends at once what fills a send, at most four at a time', async () => {
    const { queue, sends } = broker();
    for (let n = 0; n < 64 * 5; n += 1) void queue.offer([record(String(n))]);
    expect(sends.map(({ records }) => records.length)).toEqual([64, 64, 64, 64]);
    sends[0]?.ok();
    await vi.advanceTimersByTimeAsync(0);
    expect(sends).toHaveLength(5);
  });

  it('keeps a send small enough for one batch of a broker', async () => {
    const { queue, sends } = broker();
    for (let n = 0; n < 4; n += 1) void queue.offer([record(String(n), 300 * 1024)]);
    await vi.advanceTimersByTimeAsync(25);
    expect(sends[0]?.records).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(25);
    expect(sends[1]?.records).toHaveLength(2);
  });

  it('says unknown after a failed send, and to all records of one caller if one failed', async () => {
    const { queue, sends } = broker();
    const both = queue.offer([record('a', 700 * 1024), record('b', 700 * 1024)]);
    await vi.advanceTimersByTimeAsync(50);
    expect(sends).toHaveLength(2);
    sends[0]?.ok();
    sends[1]?.fail();
    expect(await both).toBe('unknown');
  });

  it('says unknown after five seconds, and never sends what nobody waits for any more', async () => {
    const { queue, sends } = broker();
    for (let n = 0; n < 64 * 4; n += 1) void queue.offer([record(String(n))]); // all four sends hang
    const late = queue.offer([record('late')]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await late).toBe('unknown');
    for (const send of sends.splice(0)) send.fail();
    await vi.advanceTimersByTimeAsync(100);
    expect(sends).toHaveLength(0);
    await queue.idle();
  });

  it('refuses what does not fit, whole', async () => {
    const { queue } = broker();
    for (let n = 0; n < 2_000 + 64 * 4; n += 1) void queue.offer([record(String(n))]);
    expect(await queue.offer([record('x')])).toBe('full');
  });

  it('hands out what it drops, and is idle when the rest is answered', async () => {
    const { queue, sends } = broker();
    for (let n = 0; n < 64 * 4; n += 1) void queue.offer([record(String(n))]);
    const waiting = queue.offer([record('w')]);
    expect(queue.drop('acknowledged').map(({ key }) => key)).toEqual(['w']);
    expect(await waiting).toBe('acknowledged');
    let isIdle = false;
    const idle = queue.idle().then(() => (isIdle = true));
    await vi.advanceTimersByTimeAsync(25);
    expect(isIdle).toBe(false);
    for (const send of sends) send.ok();
    await idle;
  });
});
