import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { clientSettings } from './client.ts';
import { UsageError } from './model.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'client-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is empty where nothing is given', () => {
  expect(clientSettings({})).toEqual({ token: undefined, headers: {}, sensitive: [] });
});

it('reads a token and headers, and keeps both secret', () => {
  const file = path.join(folder, 'token');
  writeFileSync(file, 'abc.def\n');
  expect(clientSettings({ PROOFLOAD_TOKEN_FILE: file, PROOFLOAD_HEADERS: '{"X-Org":"acme"}' })).toEqual({
    token: 'abc.def',
    headers: { 'X-Org': 'acme' },
    sensitive: ['abc.def', 'acme'],
  });
});

it.each([
  { PROOFLOAD_TOKEN_FILE: '/nowhere/token' },
  { PROOFLOAD_HEADERS: '{"X-Org":1}' },
  { PROOFLOAD_HEADERS: '{"X Org":"a"}' },
  { PROOFLOAD_HEADERS: '{"X-Org":"a\\r\\nX-B: c"}' },
  { PROOFLOAD_HEADERS: 's3cret' },
])('refuses %o without repeating it', (env) => {
  expect(() => clientSettings(env)).toThrow(UsageError);
  expect(() => clientSettings(env)).not.toThrow(/s3cret/);
});
