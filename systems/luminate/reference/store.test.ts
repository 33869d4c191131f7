import { afterEach, expect, it, vi } from 'vitest';
import type { Database, Row, StoreConnection } from './database.ts';
import { Store } from './store.ts';

const stores: Store[] = [];
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

const row = (n: number): Row => ({
  runId: 'r',
  runner: 'a',
  vu: 1,
  n,
  attempt: 0,
  points: 1,
  metrics: [{ name: 'm', timestamp: 1, value: 1 }],
  body: Buffer.from('received'),
});

/** A store over a database that takes an insert at most so often, and fails the inserts with these writes. */
async function open(insertEveryMs: number, failing: readonly number[] = []) {
  const groups: number[][] = [];
  const beganMs: number[] = [];
  const stored: string[] = [];
  const connect = (): StoreConnection => ({
    lost: undefined,
    onLost: undefined,
    insert(rows) {
      groups.push(rows.map(({ n }) => n));
      beganMs.push(performance.now());
      stored.push(...rows.map(({ body }) => body.toString()));
      return rows.some(({ n }) => failing.includes(n)) ? Promise.reject(new Error('no')) : Promise.resolve();
    },
    ask: () => Promise.resolve(),
    createSchema: () => Promise.resolve(),
    destroy: () => undefined,
  });
  const database: Database = {
    kind: 'clickhouse',
    lanes: 1,
    maxWrites: 3,
    maxPoints: 100,
    insertEveryMs,
    pack: (write) => ({ ...write, metrics: [], body: Buffer.from(`packed ${write.n}`) }),
    open: () => Promise.resolve(connect()),
    tidy: () => Promise.resolve(),
    countPoints: () => Promise.resolve(0),
  };
  const store = new Store(database, () => undefined);
  stores.push(store);
  await vi.waitUntil(() => store.available);
  return { store, groups, beganMs, stored, write: (n: number) => store.write(row(n)) };
}

it('sends the first write at once, and those of the time after it together', async () => {
  const { groups, beganMs, stored, write } = await open(60);
  expect(await write(1)).toBe('stored');
  expect(await Promise.all([2, 3].map(write))).toEqual(['stored', 'stored']);
  expect(groups).toEqual([[1], [2, 3]]);
  expect((beganMs[1] ?? 0) - (beganMs[0] ?? 0)).toBeGreaterThanOrEqual(60);
  expect(stored).toEqual(['packed 1', 'packed 2', 'packed 3']);
});

it('answers each write with what has become of its own group', async () => {
  const { groups, write } = await open(1, [3]);
  expect(await write(1)).toBe('stored');
  expect(await Promise.all([2, 3, 4].map(write))).toEqual(['unavailable', 'unavailable', 'unavailable']);
  expect(groups).toEqual([[1], [2, 3, 4]]);
});

it('divides what is more than one insert may hold', async () => {
  const { groups, write } = await open(1);
  await write(1);
  await Promise.all([2, 3, 4, 5].map(write));
  expect(groups).toEqual([[1], [2, 3, 4], [5]]);
});

it('sends nothing of a group that is settled or closed while it gathers', async () => {
  const { store, groups, write } = await open(40);
  await write(1);
  const dropped = write(2);
  store.settleWaiting('stored');
  expect(await dropped).toBe('stored');
  await write(3);
  const closed = write(4);
  store.close();
  expect(await closed).toBe('unavailable');
  expect(groups).toEqual([[1], [3]]);
});
