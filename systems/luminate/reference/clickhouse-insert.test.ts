/** What becomes of an insert that is turned away, cut or not answered. */
import http from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { clickhouse } from './clickhouse.ts';

const ROW = {
  runId: 'r',
  runner: 'a',
  vu: 1,
  n: 1,
  attempt: 0,
  points: 1,
  metrics: [{ name: 'm', timestamp: 1, value: 1 }],
  body: Buffer.from('{}'),
};
const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A connection to a server that answers pings, and inserts like this; `inserts` counts them. */
async function connected(answer: (insert: number, ...rest: Parameters<RequestListener>) => void) {
  let inserts = 0;
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/ping') response.end('Ok.\n');
      else answer((inserts += 1), request, response);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = await clickhouse({ url, timeoutMs: 2_000, bodyKeepMs: 0 }).open();
  return { connection, server, inserts: () => inserts };
}

it('is stored when the server says so', async () => {
  const { connection, inserts } = await connected((_, __, response) => void response.end());
  await connection.insert([ROW]);
  expect([inserts(), connection.lost]).toEqual([1, undefined]);
  connection.destroy();
});

it('is sent again while the server turns it away before it begins', async () => {
  const busy = { 'x-clickhouse-exception-code': '202' };
  const { connection, inserts } = await connected((insert, _, response) => {
    if (insert < 3) response.writeHead(503, busy);
    response.end();
  });
  await connection.insert([ROW]);
  expect(inserts()).toBe(3);
  connection.destroy();
});

it.each<[string, (response: http.ServerResponse) => void]>([
  ['fails in the server', (response) => void response.writeHead(500).end('Code: 241. Memory limit')],
  ['is cut', (response) => void response.destroy()],
  ['is not answered in time', () => undefined],
])('is sent once when it %s: it may be stored', async (_, answer) => {
  const { connection, inserts } = await connected((__, ___, response) => answer(response));
  let told = 0;
  connection.onLost = () => (told += 1);
  await expect(connection.insert([ROW])).rejects.toThrow();
  expect([inserts(), told]).toEqual([1, 1]);
  expect(connection.lost).toBeInstanceOf(Error);
});

it('has no connection where nobody listens', async () => {
  const { connection, server } = await connected(() => undefined);
  connection.destroy();
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const gone = clickhouse({ url: `http://127.0.0.1:${port}`, timeoutMs: 400, bodyKeepMs: 0 });
  await expect(gone.open()).rejects.toThrow('ECONNREFUSED');
  await expect(gone.countPoints('r', 400)).rejects.toThrow('ECONNREFUSED');
});
