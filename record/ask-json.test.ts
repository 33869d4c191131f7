import http from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askJson, neverSent } from './ask-json.ts';

const ANSWERS: Record<string, string> = {
  '/json': '{"a":1}',
  '/text': 'x'.repeat(300),
  '/long': 'x'.repeat(100_001),
};
const asked: http.IncomingHttpHeaders[] = [];
const server = http.createServer((request, response) => {
  asked.push(request.headers);
  const answer = ANSWERS[request.url ?? ''];
  if (answer !== undefined) response.writeHead(202).end(answer);
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const ask = (path: string, timeoutMs = 5_000) =>
  askJson(new URL(path, url), { method: 'POST', token: 't0', payload: { b: 2 }, timeoutMs });
const failure = (asking: Promise<unknown>) => asking.then(() => undefined).catch((error: unknown) => error);

it('gives back status and body, with a token and on a connection of its own', async () => {
  expect(await ask('/json')).toEqual({ status: 202, body: { a: 1 } });
  expect(asked.at(-1)).toMatchObject({ authorization: 'Bearer t0', connection: 'close' });
  await askJson(new URL('/json', url), { method: 'GET', timeoutMs: 5_000 });
  expect(asked.at(-1)).not.toHaveProperty('authorization');
});

it('gives back the beginning of what is no JSON, and refuses what has no end', async () => {
  expect((await ask('/text')).body).toBe('x'.repeat(200));
  await expect(ask('/long')).rejects.toThrow('more than 100000 characters');
});

it('tells a question that was never sent from one without an answer', async () => {
  const refused = await failure(askJson(new URL('http://127.0.0.1:1/'), { method: 'GET', timeoutMs: 5_000 }));
  expect(refused).toBeInstanceOf(Error);
  expect(neverSent(refused)).toBe(true);
  const silent = await failure(ask('/silent', 200));
  expect(silent).toBeInstanceOf(Error);
  expect(neverSent(silent)).toBe(false);
  expect(neverSent(undefined)).toBe(false);
});
