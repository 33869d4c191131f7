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

const owns = (field: string) => ({ fieldsV1: { 'f:spec': { [field]: {} }, 'f:metadata': {} } });
const scale = { manager: 'kube-controller-manager', subresource: 'scale', operation: 'Update' };
const managedFields = [
  { manager: 'proofload', operation: 'Apply', time: '2026-01-01T00:00:00Z', ...owns('f:template') },
  { ...scale, ...owns('f:replicas') },
  { manager: 'no fields' },
];

it('keeps of managedFields who owns the number of replicas, and of nothing that has none', () => {
  const object = (kind: string): KubeObject => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: Object.assign({ name: 'x' }, { managedFields }),
  });
  for (const kind of ['Deployment', 'ReplicaSet', 'StatefulSet'])
    expect(JSON.parse(written(object(kind)).trim().split('\n').at(-1) ?? '')).toMatchObject({
      object: { metadata: { name: 'x', managedFields: [scale] } },
    });
  expect(written(object('Pod')).trim().split('\n').at(-1)).not.toContain('managedFields');
  const { managedFields: _, ...none } = { managedFields, ...object('Deployment').metadata };
  const unowned = { ...object('Deployment'), metadata: none };
  expect(written(unowned).trim().split('\n').at(-1)).not.toContain('managedFields');
});
