/** The whole server with the real engine, where that is in the cache (`proofload up --system ...` fetches it). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../../record/root.ts';
import { bundleProgram } from '../../images/bundle.ts';
import { chdbPlace } from '../../images/chdb.ts';

const lacking = !existsSync(chdbPlace());
describe.skipIf(lacking)(
  `the engine over HTTP${lacking ? ' (skipped: chdb is not in the cache)' : ''}`,
  () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-clickhouse-test-'));
    let server: ChildProcess;
    let url = '';

    /** Resolves when it listens. */
    async function start(): Promise<void> {
      server = spawn(process.execPath, [path.join(folder, 'server.cjs')], {
        env: {
          CHDB_FOLDER: chdbPlace(),
          CLICKHOUSE_DATA: path.join(folder, 'data'),
          CLICKHOUSE_SCRATCH: folder,
          CLICKHOUSE_HOST: '127.0.0.1',
          CLICKHOUSE_PORT: '0',
        },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      if (server.stdout === null) throw new Error('no standard output');
      for await (const line of createInterface(server.stdout)) {
        const port = /port (\d+)$/.exec(line)?.[1];
        if (port === undefined) continue;
        url = `http://127.0.0.1:${port}`;
        return;
      }
      throw new Error('the server ended before it listened');
    }
    async function ask(
      query: string,
      body: string | Uint8Array = '',
      more = '',
    ): Promise<{ status: number; text: string }> {
      const response = await fetch(`${url}/?query=${encodeURIComponent(query)}${more}`, {
        method: 'POST',
        body,
      });
      return { status: response.status, text: await response.text() };
    }

    beforeAll(async () => {
      writeFileSync(
        path.join(folder, 'server.cjs'),
        await bundleProgram(path.join(ROOT, 'platforms/stores/clickhouse/server.ts')),
      );
      await start();
    }, 60_000);
    afterAll(() => {
      server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });

    it('says what it is, and keeps what it acknowledged through a kill', { timeout: 60_000 }, async () => {
      const ping = await fetch(`${url}/ping`);
      expect([await ping.text(), ping.headers.get('x-proofload-engine')]).toEqual([
        'Ok.\n',
        expect.stringMatching(/^chdb \d+\./),
      ]);
      await ask('CREATE DATABASE d');
      const table = 'CREATE TABLE t (id UInt64, name String) ENGINE = MergeTree ORDER BY id';
      expect(await ask(table, '', '&database=d')).toEqual({ status: 200, text: '' });
      expect(await ask('INSERT INTO d.t FORMAT JSONEachRow', '{"id":1,"name":"a"}\n')).toHaveProperty(
        'status',
        200,
      );
      const binary = new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 1, 0x62]);
      expect(await ask('INSERT INTO d.t FORMAT RowBinary', binary)).toHaveProperty('status', 200);
      expect(await ask('INSERT INTO d.t FORMAT JSONEachRow', '{"id":"x"}')).toHaveProperty('status', 400);
      expect(await ask('INSERT INTO d.t FORMAT JSONEachRow', '{"id":3,"name":"c"}')).toHaveProperty(
        'status',
        200,
      );
      expect(await ask('SELECT * FROM d.none')).toHaveProperty('status', 404);
      expect(await ask('SELECT 1', '', '&no_such_setting=1')).toHaveProperty('status', 404);
      // What one request sets, no other sees.
      expect((await ask("SELECT getSetting('max_threads')", '', '&max_threads=2')).text).toBe('2\n');
      expect((await ask("SELECT getSetting('max_threads')")).text).toBe('1\n');

      server.kill('SIGKILL');
      await once(server, 'exit');
      await start();
      const kept = 'SELECT id, name FROM d.t WHERE id < {most:UInt64} ORDER BY id FORMAT JSONCompactEachRow';
      expect((await ask(kept, '', '&param_most=9')).text).toBe('[1, "a"]\n[2, "b"]\n[3, "c"]\n');
      server.kill('SIGTERM');
      expect(await once(server, 'exit')).toEqual([0, null]);
    });
  },
);
