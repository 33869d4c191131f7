/** The reference system as processes over ClickHouse's engine, where that is in the cache (`proofload up --system ...` fetches it). */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../../../platforms/images/bundle.ts';
import { chdbPlace } from '../../../platforms/images/chdb.ts';
import { freePort } from '../../../platforms/local/ports.ts';
import { ROOT } from '../../../record/root.ts';
import { contract } from '../contract.ts';
import { ClickHouseHttp } from '../../../record/clickhouse-http.ts';
import { TABLE } from './clickhouse.ts';
import { health, Lab, post, SECRET, until } from './fixture.ts';

async function startClickHouse() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'luminate-clickhouse-'));
  const program = path.join(folder, 'clickhouse.cjs');
  writeFileSync(program, await bundleProgram(path.join(ROOT, 'platforms/stores/clickhouse/server.ts')));
  const port = await freePort();
  const url = (way = port) => `http://127.0.0.1:${way}`;
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(process.execPath, [program], {
      env: {
        CHDB_FOLDER: chdbPlace(),
        CLICKHOUSE_DATA: path.join(folder, 'data'),
        CLICKHOUSE_SCRATCH: folder,
        CLICKHOUSE_HOST: '127.0.0.1',
        CLICKHOUSE_PORT: String(port),
      },
      stdio: 'ignore',
    });
    const http = new ClickHouseHttp(url());
    await until(() =>
      http.ping(1_000).then(
        () => true,
        () => false,
      ),
    );
    http.destroy();
  };
  const kill = async () => {
    const ended = new Promise((resolve) => child?.on('close', resolve));
    child?.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    port,
    url,
    async restart() {
      await kill();
      await start();
    },
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const lacking = !existsSync(chdbPlace());
describe.skipIf(lacking)(`over ClickHouse${lacking ? ' (skipped: chdb is not in the cache)' : ''}`, () => {
  const lab = new Lab({ startStore: startClickHouse, freePort });
  beforeAll(() => lab.open(), 60_000);
  afterAll(() => lab.close());
  afterEach(() => lab.clear());
  const secrets = { 'jwt-secret': SECRET };
  const run = async (sql: string) => {
    const http = new ClickHouseHttp(lab.store.url());
    await http.run(sql, 5_000);
    http.destroy();
  };

  it('has a row for each metric, and finds the writes again', async () => {
    const pods = await Promise.all([lab.ready(), lab.ready(), lab.ready()]);
    for (const [i, pod] of pods.entries()) expect((await post(pod, lab.batch(i + 1))).status).toBe(200);
    await post(pods[0] ?? lost(), lab.batch(5, { points: 300 }));
    expect(await lab.stored()).toEqual([
      { runner: 'main', vu: 1, from: 1, to: 3, copies: 1 },
      { runner: 'main', vu: 1, from: 5, to: 5, copies: 1 },
    ]);
    const url = pods[0]?.url ?? '';
    expect(await contract.countPoints({ url, runId: lab.runId, secrets })).toBe(306);
    expect(await contract.countPoints({ url, runId: 'another', secrets })).toBe(0);
  });

  it('stores a write that comes again once more, and counts its metrics once', async () => {
    const pod = await lab.ready();
    for (const n of [1, 2, 2, 3]) expect((await post(pod, lab.batch(n))).status).toBe(200);
    expect((await lab.stored()).toSorted((a, b) => a.from - b.from)).toEqual([
      { runner: 'main', vu: 1, from: 1, to: 1, copies: 1 },
      { runner: 'main', vu: 1, from: 2, to: 2, copies: 2 },
      { runner: 'main', vu: 1, from: 3, to: 3, copies: 1 },
    ]);
    expect(await contract.countPoints({ url: pod.url, runId: lab.runId, secrets })).toBe(6);
  });

  it('takes no write for whole of which a row is missing, or one is there twice instead', async () => {
    const pod = await lab.ready();
    await post(pod, lab.batch(1, { points: 3 }));
    const first = `(SELECT * FROM ${TABLE} WHERE run_id = '${lab.runId}' AND n = 1)`;
    const copied = (replaced: string) => `INSERT INTO ${TABLE} SELECT * REPLACE (${replaced}) FROM ${first}`;
    await run(`${copied('toUInt64(2) AS n')} WHERE point < 2`);
    await run(copied('toUInt64(3) AS n, toUInt32(point % 2) AS point'));
    expect(await lab.stored()).toEqual([
      { runner: 'main', vu: 1, from: 1, to: 1, copies: 1 },
      { runner: 'main', vu: 1, from: 2, to: 3, copies: 1, form: 'part' },
    ]);
  });

  it('takes no write for whole that has fewer points than its runner sends, whatever the server counted', async () => {
    const pod = await lab.ready();
    for (const n of [1, 2, 3, 4]) await post(pod, lab.batch(n, { points: n === 3 ? 60 : 100 }));
    await post(pod, lab.batch(3, { points: 60 }));
    expect(await lab.stored(new Map([['main', 100]]))).toEqual([
      { runner: 'main', vu: 1, from: 1, to: 2, copies: 1 },
      { runner: 'main', vu: 1, from: 3, to: 3, copies: 1, form: 'part' },
      { runner: 'main', vu: 1, from: 4, to: 4, copies: 1 },
    ]);
  });

  it('keeps what it acknowledged when it and its store are killed under load', async () => {
    const pod = await lab.ready();
    const load = lab.writers(pod, 20);
    await until(() => load.acked.length >= 200);
    await lab.store.restart();
    await until(async () => (await health(pod)) === 200);
    const before = load.acked.length;
    await until(() => load.acked.length >= before + 200);
    pod.child.kill('SIGKILL');
    await load.all;
    expect(await lab.missing(load.acked)).toEqual([]);
  });

  it('answers 503 for what it cannot know, and serves again after the cut', async () => {
    const store = await lab.way();
    const pod = await lab.ready({}, store.port);
    expect((await post(pod, lab.batch(1))).status).toBe(200);
    store.cut(true);
    expect((await post(pod, lab.batch(2))).status).toBe(503);
    expect(await health(pod)).toBe(503);
    expect((await post(pod, lab.batch(3))).status).toBe(503);
    store.cut(false);
    await until(async () => (await health(pod)) === 200);
    expect((await post(pod, lab.batch(4))).status).toBe(200);
    expect(await lab.missing(['1:1', '1:4'])).toEqual([]);
  });

  it('loses with the defect ack-before-store what it acknowledged and had not stored', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'ack-before-store' });
    expect((await post(pod, lab.batch(1))).status).toBe(200);
    pod.child.kill('SIGKILL');
    await pod.exited;
    expect(await lab.missing(['1:1'])).toEqual(['1:1']);
  });

  it('stores nothing after SIGTERM with the defect drop-on-sigterm', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'drop-on-sigterm' });
    const agent = lab.client(10);
    expect((await post(pod, lab.batch(1), { agent })).status).toBe(200);
    pod.child.kill('SIGTERM');
    await until(() => pod.output().includes('SIGTERM received'));
    expect((await post(pod, lab.batch(2), { agent })).status).toBe(200);
    await pod.exited;
    expect(await lab.missing(['1:1', '1:2'])).toEqual(['1:2']);
  });
});

function lost(): never {
  throw new Error('no pod');
}
