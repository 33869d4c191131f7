import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fc } from '@fast-check/vitest';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UsageError } from '../../record/model.ts';
import { checkAllowed, readSettings } from './allowed.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-allowed-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function settings(text: string) {
  writeFileSync(path.join(dir, 'proofload.yaml'), text);
  return readSettings(dir);
}
const TARGET = { context: 'staging', server: 'https://10.0.0.1:6443', namespace: 'shop' };

test('reads contexts and guards, durations in milliseconds', () => {
  expect(
    settings(`contexts:
  - name: staging
    server: https://10.0.0.1:6443
    namespaces: [shop]
guards: { served: 0.5, readyPods: 1, for: 1m30s }
`),
  ).toEqual({
    file: path.join(dir, 'proofload.yaml'),
    contexts: [{ name: 'staging', server: 'https://10.0.0.1:6443', namespaces: ['shop'] }],
    guards: { served: 0.5, readyPods: 1, forMs: 90_000 },
  });
  expect(settings('contexts: []').guards).toEqual({});
});

test.each([
  ['an unknown field', 'contexts:\n  - name: a\n    namespace: x\n', /proofload\.yaml:3: .*unknown field/],
  ['a share above 1', 'guards:\n  served: 50\n', /proofload\.yaml:2: .*guards\.served/],
  ['a wrong duration', 'guards:\n  served: 1\n  for: soon\n', /:3: .*expected a duration such as 30s/],
  ['half a pod', 'guards:\n  readyPods: 0.5\n', /:2: .*guards\.readyPods/],
  ['no namespaces at all', 'contexts:\n  - name: a\n    namespaces: []\n', /:3: .*namespaces/],
  ['two documents', 'contexts: []\n---\nguards: {}\n', /:3: .*a second document/],
  ['no YAML', 'contexts: [', /:1: not valid YAML/],
])('%s is said with its line', (_what, text, message) => {
  expect(() => settings(text)).toThrow(
    expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(message) as string }),
  );
});

test('without the file, or with an empty one, nothing is allowed, and the line to add is said', () => {
  const line = '- {name: "staging", server: "https://10.0.0.1:6443", namespaces: ["shop"]}';
  const refusal = `${path.join(dir, 'proofload.yaml')} does not allow context staging (https://10.0.0.1:6443); if this run may change it, add below "contexts:" the line: ${line}`;
  expect(() => checkAllowed(readSettings(dir), TARGET)).toThrow(new UsageError(refusal));
  expect(() => checkAllowed(settings('# nothing yet\n'), TARGET)).toThrow(new UsageError(refusal));
});

test('a context is allowed in the namespaces that are named, or in all', () => {
  const some = settings('contexts: [{ name: staging, namespaces: [shop, test] }]');
  checkAllowed(some, TARGET);
  expect(() => checkAllowed(some, { ...TARGET, namespace: 'kube-system' })).toThrow(
    /does not allow namespace kube-system of context staging \(it allows shop, test\)/,
  );
  expect(() => checkAllowed(some, { ...TARGET, context: 'production' })).toThrow(
    /does not allow context production/,
  );
  checkAllowed(settings('contexts: [{ name: staging }]'), { ...TARGET, namespace: 'any' });
});

test('a context of the same name at another server is not the one that is allowed', () => {
  const one = settings('contexts: [{ name: staging, server: "https://api.example.com" }]');
  expect(() => checkAllowed(one, TARGET)).toThrow(
    /allows context staging at https:\/\/api\.example\.com, but the kubeconfig leads to https:\/\/10\.0\.0\.1:6443/,
  );
  checkAllowed(one, { ...TARGET, server: 'https://API.example.com:443/' });
});

test('the line that a refusal tells to add allows exactly that', () => {
  const word = fc.stringMatching(/^[a-zA-Z0-9@:/._-]{1,30}$/);
  fc.assert(
    fc.property(word, word, word, (context, host, namespace) => {
      const target = { context, server: `https://${host}`, namespace };
      const refused = (): string => {
        try {
          checkAllowed({ file: 'f', contexts: [], guards: {} }, target);
        } catch (error) {
          return String(error);
        }
        return '';
      };
      const line = refused().split('the line: ')[1] ?? '';
      const told = settings(`contexts:\n  ${line}\n`);
      checkAllowed(told, target);
      expect(() => checkAllowed(told, { ...target, namespace: `${namespace}x` })).toThrow(UsageError);
    }),
    { seed: 7, numRuns: 100 },
  );
});
