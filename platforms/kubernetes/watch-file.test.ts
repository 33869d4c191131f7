import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { KubeObject } from './cluster.ts';
import { openWatchFile } from './watch-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'watch-file-test-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function written(object: KubeObject, sensitive: string[] = []): string {
  const file = openWatchFile({ evidenceDir: dir, emit: () => undefined, nowMs: () => 1, sensitive });
  file.write('ADDED', object);
  file.close();
  return readFileSync(path.join(dir, 'watch.jsonl'), 'utf8');
}
const spec = {
  initContainers: [{ name: 'init', env: [{ name: 'TOKEN', value: 'hush-init' }] }],
  containers: [
    {
      name: 'app',
      image: 'app:1',
      env: [
        { name: 'PASSWORD', value: 'hush-app' },
        { name: 'URL', valueFrom: { secretKeyRef: { name: 'keys', key: 'url' } } },
      ],
    },
  ],
};

it.each<[string, Record<string, unknown>]>([
  ['Pod', { spec }],
  ['Deployment', { spec: { template: { spec } } }],
])('keeps values of environment variables and what kubectl applied out of a %s', (kind, more) => {
  const annotations = {
    'kubectl.kubernetes.io/last-applied-configuration': '{"password":"hush-applied"}',
    'example.org/team': 'blue',
  };
  const text = written({ apiVersion: 'v1', kind, metadata: { name: 'x', annotations }, ...more });
  expect(text).not.toContain('hush');
  expect(text).toContain('{"name":"PASSWORD","value":"[redacted]"}');
  expect(text).toContain('"annotations":{"example.org/team":"blue"}');
  expect(text).toContain('"image":"app:1"');
  expect(text).toContain('"secretKeyRef":{"name":"keys","key":"url"}');
});

it('keeps what a Secret holds and every sensitive value out, and leaves values elsewhere alone', () => {
  const data = { key: 'aHVzaA==' };
  const secret = written({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data });
  expect(secret).not.toContain('aHVzaA');
  const object = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
    tolerations: [{ value: 'plain' }],
  };
  expect(written({ ...object, note: 'says pa55word here' }, ['pa55word'])).toMatch(
    /"value":"plain".*says \[redacted\] here/,
  );
});
