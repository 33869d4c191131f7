import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import type { QueryResultRow } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { commandLineOf } from '../process-table.ts';
import { memoryJournal, until } from './fixture.ts';
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

test('lets nobody in without its password, which is written nowhere', async () => {
  for (const wrong of ['', ':wrong']) {
    const client = new Client({ connectionString: store.url().replace(`:${store.password}`, wrong) });
    client.on('error', () => undefined);
    await expect(client.connect()).rejects.toThrow(/password/);
  }
  expect(store.password).toMatch(/^[\w-]{32}$/);
  expect(existsSync(path.join(folder, 'password'))).toBe(false);
  expect(readFileSync(path.join(evidenceDir, 'store.log'), 'utf8')).not.toContain(store.password);
  // A backend may end between the list and the look; the server itself is always there.
  const commands = store.pids().map(commandLineOf);
  expect(commands.join()).toContain('postgres');
  expect(commands.join()).not.toContain(store.password);
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

describe('a start that fails leaves nothing, and', () => {
  const TMPDIR = process.env['TMPDIR'];
  const place = mkdtempSync(path.join(os.tmpdir(), 'proofload-test-'));
  chmodSync(place, 0o755);
  afterEach(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    expect(journal.open.size).toBe(0);
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  test('is an AbortError when it was interrupted, before and in the middle', async () => {
    const early = new AbortController();
    early.abort();
    const late = new AbortController();
    const starts = [early, late].map(({ signal }) => startPostgres({ ...options, signal }));
    void until('initdb', () => [...journal.open.values()].some(({ kind }) => kind === 'process')).then(() =>
      late.abort(),
    );
    for (const start of starts) await expect(start).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(folder)).toBe(false);
  });

  test('is bad input when the temporary folder cannot be used', async () => {
    process.env['TMPDIR'] = path.join(place, 'nowhere');
    await expect(startPostgres(options)).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/nowhere.*set TMPDIR to a folder that exists/),
    });
  });

  test('is bad input with the tail of its log when initdb fails', async () => {
    // PostgreSQL refuses paths of 1,024 characters and more.
    const deep = path.join(place, ...Array<string>(6).fill('x'.repeat(200)));
    mkdirSync(deep, { recursive: true });
    process.env['TMPDIR'] = deep;
    await expect(startPostgres(options)).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(
        /initdb ended with code 1; its log ends:\n.+\nIf it is the folder, set TMPDIR/s,
      ),
    });
    expect(readdirSync(deep)).toEqual([]);
  });
});
