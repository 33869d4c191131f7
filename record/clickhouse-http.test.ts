import http from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { ClickHouseHttp, NotBegun } from './clickhouse-http.ts';

const TIMEOUT_MS = 2_000;
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** A client of a server that answers like this, and what it was asked. */
async function connected(answer: RequestListener) {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push(`${request.method} ${decodeURIComponent(request.url ?? '')} ${body}`);
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new ClickHouseHttp(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  undo.push(close, () => client.destroy());
  return { client, asked, close };
}

it('asks for a ping, runs a statement, and sends the rows of an insert behind its words', async () => {
  const { client, asked } = await connected((_, response) => void response.end());
  await client.ping(TIMEOUT_MS);
  await client.run('DROP TABLE t', TIMEOUT_MS);
  await client.run('INSERT INTO t FORMAT CSV', TIMEOUT_MS, Buffer.from('1,2'));
  expect(asked).toEqual(['GET /ping ', 'POST / DROP TABLE t', 'POST /?query=INSERT+INTO+t+FORMAT+CSV 1,2']);
});

it('binds parameters, and reads rows by their schema', async () => {
  const { client, asked } = await connected(
    (_, response) => void response.end('{"data":[["a",1],["b",2]],"rows":2}'),
  );
  const row = z.tuple([z.string(), z.number()]);
  const rows = await client.select('SELECT {x:String}, 1', row, TIMEOUT_MS, { x: 'a', most: 2 });
  expect(rows).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  expect(asked).toEqual(['POST /?param_x=a&param_most=2 SELECT {x:String}, 1 FORMAT JSONCompact']);
  await expect(client.select('SELECT 1', z.tuple([z.number()]), TIMEOUT_MS)).rejects.toThrow(z.ZodError);
});

it.each<[string, string, Record<string, string>, RegExp]>([
  [
    'an exception behind some rows',
    '{"data":[["a",1]],"rows":1,"exception":"Code: 241. x"}',
    {},
    /1 rows.*Code: 241/,
  ],
  ['an exception behind none', '{"data":[],"rows":0,"exception":"Code: 241. x"}', {}, /Code: 241/],
  ['fewer rows than it counts', '{"data":[["a",1]],"rows":2}', {}, /1 rows.*2/],
  ['no count of its rows', '{"data":[["a",1]]}', {}, /rows/],
  [
    'an error in its head',
    '{"data":[["a",1]],"rows":1}',
    { 'x-clickhouse-exception-code': '241' },
    /code 241/,
  ],
])('takes no 200 for an answer with %s', async (_, body, headers, said) => {
  const { client } = await connected((__, response) => void response.writeHead(200, headers).end(body));
  await expect(client.select('SELECT 1', z.tuple([z.string(), z.number()]), TIMEOUT_MS)).rejects.toThrow(
    said,
  );
});

it('takes a 200 whose head says that there was no error', async () => {
  const headers = { 'x-clickhouse-exception-code': '0' };
  const { client } = await connected((_, response) => void response.writeHead(200, headers).end());
  await expect(client.run('DROP TABLE t', TIMEOUT_MS)).resolves.toBeUndefined();
});

it('tells what has certainly not begun from what may have', async () => {
  const answers = [
    { status: 503, headers: { 'x-clickhouse-exception-code': '202' } },
    { status: 503, headers: { 'x-clickhouse-exception-code': '241' } },
    { status: 500, headers: {} },
  ];
  const { client, close } = await connected((_, response) => {
    const next = answers.shift();
    if (next === undefined) response.destroy();
    else response.writeHead(next.status, next.headers).end('Code: 1. why');
  });
  const failure = () => client.run('SELECT 1', TIMEOUT_MS).catch((error: unknown) => error);
  expect(await failure()).toBeInstanceOf(NotBegun);
  for (const said of [/HTTP 503 Code: 1. why/, /HTTP 500/, /other side closed|socket/i]) {
    const error = await failure();
    expect(error).not.toBeInstanceOf(NotBegun);
    expect(String(error)).toMatch(said);
  }
  await close();
  expect(await failure()).toBeInstanceOf(NotBegun);
});

it('waits no longer than it is told, and not when it is destroyed', async () => {
  const { client } = await connected(() => undefined);
  await expect(client.run('SELECT 1', 50)).rejects.toThrow(/timeout/i);
  const waiting = client.run('SELECT 1', TIMEOUT_MS);
  client.destroy();
  await expect(waiting).rejects.toThrow();
});
