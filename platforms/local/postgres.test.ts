import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import type { QueryResultRow } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryJournal } from './fixture.ts';
import { postgresHandshake } from './handshake.ts';
import { startPostgres } from './postgres.ts';
import type { Postgres } from './postgres.ts';

const runId = `test-pg-${process.pid}`;
const evidenceDir = mkdtempSync(path.join(os.tmpdir(), 'proofload-test-'));
const folder = path.join(os.tmpdir(), `proofload-${runId}-store`);
const journal = memoryJournal();
const lost: string[] = [];
const options = {
  runId,
  evidenceDir,
  undo: journal,
  signal: new AbortController().signal,
  onLost: (why: string) => lost.push(why),
};
const sharedMemory = () =>
  existsSync('/dev/shm') ? readdirSync('/dev/shm').filter((name) => name.startsWith('PostgreSQL')) : [];
const before = sharedMemory();
let store: Postgres;

beforeAll(async () => {
  store = await startPostgres(options);
});
afterAll(() => rmSync(evidenceDir, { recursive: true, force: true }));

async function query<R extends QueryResultRow>(text: string): Promise<R[]> {
  const client = new Client({ connectionString: store.url() });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

test('is a durable UTF-8 server', async () => {
  expect(await postgresHandshake(store.port, 1000)).toMatchObject({ answered: true });
  const settings = await query<{ name: string; setting: string }>(
    `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'server_encoding', 'dynamic_shared_memory_type')`,
  );
  expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
    fsync: 'on',
    synchronous_commit: 'on',
    server_encoding: 'UTF8',
    dynamic_shared_memory_type: 'mmap',
  });
});

test('what was committed is there after kill -9 of the whole tree and a restart, with a backend busy', async () => {
  await query('create table kept (n int)');
  await query('insert into kept values (1), (2)');
  const busy = query('select pg_sleep(60)').catch((error: unknown) => error);
  while (
    (await query(`select 1 from pg_stat_activity where query like '%sleep(60)%' and state = 'active'`))
      .length < 2
  );
  const pids = store.pids();
  expect(pids.length).toBeGreaterThan(4);
  await store.kill9();
  expect(await busy).toBeInstanceOf(Error);
  expect(await postgresHandshake(store.port, 1000)).toEqual({ answered: false, why: 'ECONNREFUSED' });
  expect(store.pids()).toEqual([]);
  await store.restart();
  expect(await query('select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }]);
  expect(lost).toEqual([]);
});

test('an end that nobody asked for is told', async () => {
  const [server] = store.pids();
  process.kill(server ?? 0, 'SIGKILL');
  await expect.poll(() => lost.length).toBe(1);
  expect(lost[0]).toContain('SIGKILL');
  await store.restart();
});

test('remove leaves no process, folder, journal entry or shared memory', async () => {
  const pids = store.pids();
  await store.remove();
  expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect([...journal.open.values()]).toEqual([]);
  expect(sharedMemory()).toEqual(before);
});

test('a failed start says why, with the log, and leaves nothing', async () => {
  const stopped = new AbortController();
  stopped.abort();
  await expect(startPostgres({ ...options, signal: stopped.signal })).rejects.toThrow(/initdb failed/);
  expect(existsSync(folder)).toBe(false);
  expect(journal.open.size).toBe(0);
});
