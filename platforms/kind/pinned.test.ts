import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { fetchPinned } from './pinned.ts';

const CONTENT = 'what was released';
const sha256 = createHash('sha256').update(CONTENT).digest('hex');
const { signal } = new AbortController();
let server: Server;
let asked = 0;
let base: string;
let folder: string;
let file: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked += 1;
    response.statusCode = request.url === '/gone' ? 404 : 200;
    response.end(CONTENT);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  asked = 0;
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-pinned-'));
  file = path.join(folder, 'deep', 'chart.tgz');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('fetches once what is pinned', async () => {
  const pinned = { url: `${base}/chart`, sha256, limitBytes: 1_000 };
  await fetchPinned(pinned, file, signal);
  await fetchPinned(pinned, file, signal);
  expect(readFileSync(file, 'utf8')).toBe(CONTENT);
  expect(readdirSync(path.dirname(file))).toEqual(['chart.tgz']);
  expect(asked).toBe(1);
});

it('replaces a copy that was damaged', async () => {
  const pinned = { url: `${base}/chart`, sha256, limitBytes: 1_000 };
  await fetchPinned(pinned, file, signal);
  writeFileSync(file, 'damaged');
  await fetchPinned(pinned, file, signal);
  expect(readFileSync(file, 'utf8')).toBe(CONTENT);
});

it.each([
  ['something else', '/chart', 1_000, '0'.repeat(64), /has the SHA-256 [0-9a-f]{64}, and 0{64} is pinned/],
  ['too much', '/chart', 5, sha256, /could not be fetched: it is larger than 5 bytes/],
  ['a refusal', '/gone', 1_000, sha256, /could not be fetched: it answered 404; put the file at/],
])('leaves nothing of %s', async (_, place, limitBytes, pin, message) => {
  await expect(fetchPinned({ url: base + place, sha256: pin, limitBytes }, file, signal)).rejects.toThrow(
    message,
  );
  expect(existsSync(path.dirname(file))).toBe(false);
});
