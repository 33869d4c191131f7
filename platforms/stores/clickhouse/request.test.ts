import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRequest } from './request.ts';

let server: Server;
let url = '';
/** Answers with what it understood, or with the code of what it refused. */
beforeAll(async () => {
  server = createServer((request, response) => {
    readRequest(request).then(
      (asked) => response.end(JSON.stringify(asked)),
      (error: unknown) => response.end(JSON.stringify({ code: Reflect.get(Object(error), 'code') })),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

async function ask(query: string, init: RequestInit = {}): Promise<unknown> {
  return (await fetch(`${url}/?${query}`, { method: 'POST', body: 'SELECT 1', ...init })).json();
}

it('reads database, format, id, settings and parameters', async () => {
  expect(
    await ask('database=d&default_format=JSON&query_id=q&max_threads=2&param_x=1&wait_end_of_query=1'),
  ).toEqual({
    statement: { kind: 'sql', sql: 'SELECT 1', format: null },
    database: 'd',
    format: 'JSON',
    queryId: 'q',
    settings: [
      ['max_threads', '2'],
      ['param_x', '1'],
    ],
  });
  const headers = { 'x-clickhouse-database': 'h', 'x-clickhouse-format': 'CSV' };
  expect(await ask('', { headers })).toMatchObject({ database: 'h', format: 'CSV' });
});

it('takes GET for reading only', async () => {
  const response = await fetch(`${url}/?query=SELECT+2`);
  expect(await response.json()).toMatchObject({
    statement: { sql: 'SELECT 2\n' },
    settings: [['readonly', '2']],
  });
});

it('unpacks gzip, and nothing else', async () => {
  const body = gzipSync('SELECT 3');
  expect(await ask('', { body, headers: { 'content-encoding': 'gzip' } })).toMatchObject({
    statement: { sql: 'SELECT 3' },
  });
  expect(await ask('', { headers: { 'content-encoding': 'gzip' } })).toEqual({ code: 117 });
  expect(await ask('', { headers: { 'content-encoding': 'zstd' } })).toEqual({ code: 48 });
});

it('refuses a body that unpacks into more than it keeps', async () => {
  const body = gzipSync(Buffer.alloc(65 * 1024 * 1024));
  expect(await ask('', { body, headers: { 'content-encoding': 'gzip' } })).toEqual({ code: 117 });
});

it.each([
  ['session_id=1', 48],
  ['quota_key=1', 48],
  ['compress=1', 48],
  ['async_insert=1', 48],
  ['a%27b=1', 115],
  ['query_id=a%0Ab', 36],
  ['query_id=%E2%82%AC', 36],
  ['query_id=', 36],
  [`query_id=${'x'.repeat(101)}`, 36],
  ['default_format=JSON%0A', 73],
  ['user=bob', 516],
  ['user=default&password=x', 516],
])('refuses %s', async (query, code) => {
  expect(await ask(query)).toEqual({ code });
});

it('knows the user default without a password, and nobody else', async () => {
  const basic = (text: string) => ({
    headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
  });
  expect(await ask('', basic('default:'))).toHaveProperty('statement');
  expect(await ask('', basic('default:secret'))).toEqual({ code: 516 });
  expect(await ask('', { headers: { 'x-clickhouse-user': 'bob' } })).toEqual({ code: 516 });
  expect(await ask('', { body: '' })).toEqual({ code: 62 });
});
