/** Which writes the stores of the reference system are said to hold: the server's own count of a write's points is not believed. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../platforms/local/ports.ts';
import { startPostgres } from '../../platforms/local/postgres.ts';
import { contract } from './contract.ts';
import { Lab, post } from './reference/fixture.ts';

const lab = new Lab({ startStore: startPostgres, freePort });
beforeAll(() => lab.open(), 60_000);
afterAll(() => lab.close());
afterEach(() => lab.clear());

const main = (from: number, to: number) => ({ runner: 'main', vu: 1, from, to, copies: 1 });
const HUNDRED = new Map([['main', 100]]);

it('takes no write of PostgreSQL for whole that has fewer points than its runner sends', async () => {
  const pod = await lab.ready();
  for (const n of [1, 2, 3, 4]) await post(pod, lab.batch(n, { points: n === 3 ? 60 : 100 }));
  for (const n of [1, 2]) await post(pod, lab.batch(n, { vu: 2, points: 60 }));
  const second = { runner: 'main', vu: 2, from: 1, to: 2, copies: 1 };
  expect(await lab.stored(HUNDRED)).toEqual([
    main(1, 2),
    { ...main(3, 3), form: 'part' },
    main(4, 4),
    { ...second, form: 'part' },
  ]);
  // Of a runner that nobody knows, the store alone can tell.
  expect(await lab.stored(new Map([['load', 100]]))).toEqual([main(1, 2), main(3, 3), main(4, 4), second]);
});

it('takes no write of ClickHouse for whole of which points are missing, by either count', async () => {
  const rows = [
    ['main', 1, 1, 4, 1, 100],
    ['main', 1, 5, 9, 1, 60],
    ['main', 1, 10, 10, 1, 0],
    ['else', 1, 1, 1, 2, 60],
  ];
  const server = http.createServer((_, response) => {
    response.end(JSON.stringify({ data: rows, rows: rows.length }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const storeEnv = { LUMINATE_STORE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const ranges = [];
  for await (const range of contract.readBack({ storeEnv, runId: 'r', pointsPerWrite: HUNDRED }))
    ranges.push(range);
  server.close();
  expect(ranges).toEqual([
    main(1, 4),
    { ...main(5, 9), form: 'part' },
    { ...main(10, 10), form: 'part' },
    { runner: 'else', vu: 1, from: 1, to: 1, copies: 2 },
  ]);
});
