import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findCredentials } from './client-config.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-kubeconfig-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function file(name: string, contexts: Record<string, string>, more: Record<string, unknown> = {}): string {
  const made = path.join(dir, name);
  mkdirSync(path.dirname(made), { recursive: true });
  const names = Object.keys(contexts);
  writeFileSync(
    made,
    JSON.stringify({
      clusters: names.map((one) => ({ name: one, cluster: { server: contexts[one] } })),
      users: names.map((one) => ({ name: one, user: { token: 'hidden' } })),
      contexts: names.map((one) => ({ name: one, context: { cluster: one, user: one } })),
      ...more,
    }),
  );
  return made;
}

test('the option wins over KUBECONFIG, and that over ~/.kube/config', () => {
  const option = file('option', { a: 'https://a' }, { 'current-context': 'a' });
  const variable = file('variable', { b: 'https://b' }, { 'current-context': 'b' });
  const home = file('.kube/config', { c: 'https://c' }, { 'current-context': 'c' });
  const env = { HOME: dir, KUBECONFIG: variable };
  expect(findCredentials({ kubeconfig: option }, env)).toMatchObject({
    context: 'a',
    server: 'https://a',
    kubeconfig: option,
  });
  expect(findCredentials({}, env)).toMatchObject({ context: 'b', kubeconfig: variable });
  expect(findCredentials({}, { HOME: dir })).toMatchObject({ context: 'c', kubeconfig: home });
  expect(findCredentials({}, { HOME: dir, KUBECONFIG: '' }).context).toBe('c');
});

test('of several files the first that has a name wins, and missing ones are passed over', () => {
  const first = file('first', { a: 'https://first', b: 'https://b' });
  const second = file('second', { a: 'https://second', c: 'https://c' }, { 'current-context': 'a' });
  const list = [first, path.join(dir, 'none'), second].join(path.delimiter);
  const found = findCredentials({}, { HOME: dir, KUBECONFIG: list });
  expect(found).toMatchObject({ context: 'a', server: 'https://first' });
  expect(findCredentials({ context: 'c' }, { KUBECONFIG: list }).server).toBe('https://c');
  // What is written down for later finds the same cluster again.
  expect(findCredentials({ kubeconfig: found.kubeconfig ?? '', context: 'c' }, {}).server).toBe('https://c');
});

test.each([
  ['no such file', () => ({ kubeconfig: path.join(dir, 'none') }), /none: no such kubeconfig; correct/],
  [
    'an unknown context',
    () => ({ kubeconfig: file('f', { a: 'https://a', b: 'https://b' }), context: 'x' }),
    /f: no context x \(it has a, b\); choose one of them with --context$/,
  ],
  [
    'no current context',
    () => ({ kubeconfig: file('f', { a: 'https://a' }) }),
    /f: no current context \(it has a\); choose one with --context$/,
  ],
  ['no contexts', () => ({ kubeconfig: file('f', {}), context: 'x' }), /no context x \(it has no contexts\)/],
  [
    'a missing user',
    () => ({ kubeconfig: file('f', { a: 'https://a' }, { users: [] }), context: 'a' }),
    /context a names a cluster or a user that is not there/,
  ],
  [
    'plain HTTP',
    () => ({ kubeconfig: file('f', { a: 'http://a' }), context: 'a' }),
    /http:\/\/a is not encrypted; use https/,
  ],
  ['no URL', () => ({ kubeconfig: file('f', { a: 'nonsense' }), context: 'a' }), /nonsense is not a URL/],
  [
    'a file of something else',
    () => {
      const kubeconfig = path.join(dir, 'f');
      writeFileSync(kubeconfig, 'token: "very-hidden\n  broken: [');
      return { kubeconfig };
    },
    /f: not a kubeconfig: (?!.*very-hidden).*; correct the file$/,
  ],
] as const)('%s is said in one line with the way out', (_what, options, message) => {
  expect(() => findCredentials(options(), { HOME: dir })).toThrow(
    expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(message) as string }),
  );
});

test('no kubeconfig at all', () => {
  expect(() => findCredentials({}, { HOME: dir })).toThrow(/^no kubeconfig: .*--kubeconfig$/);
  expect(() => findCredentials({}, { HOME: dir, KUBECONFIG: path.join(dir, 'none') })).toThrow(
    /^KUBECONFIG=.*none: no such file; correct it/,
  );
});

test('inside a pod its service account is used', () => {
  const env = { HOME: dir, KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  process.env['KUBERNETES_SERVICE_HOST'] = env.KUBERNETES_SERVICE_HOST;
  process.env['KUBERNETES_SERVICE_PORT'] = env.KUBERNETES_SERVICE_PORT;
  try {
    expect(findCredentials({}, env)).toMatchObject({
      server: 'https://10.0.0.1:443',
      kubeconfig: undefined,
    });
  } finally {
    delete process.env['KUBERNETES_SERVICE_HOST'];
    delete process.env['KUBERNETES_SERVICE_PORT'];
  }
});
