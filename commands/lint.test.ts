/** The command through the front door: exit codes, JSON, and what cannot be read. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT, UsageError } from '../record/model.ts';
import { ROOT } from '../record/root.ts';
import { readForLint } from './lint-read.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'lint-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const FIXTURES = path.join(ROOT, 'analysis/lint/fixtures');

function proofload(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(ROOT, 'bin/proofload.mjs'), 'lint', ...args],
    { encoding: 'utf8', timeout: 25_000 },
  );
  return { status, stdout, stderr };
}

function file(name: string, text: string): string {
  const whole = path.join(folder, name);
  writeFileSync(whole, text);
  return whole;
}

it('ends with 0 where nothing is found, with 1 where something is, and says what and where', () => {
  const clean = proofload(path.join(FIXTURES, 'clean/web'));
  expect(clean).toMatchObject({ status: EXIT.pass, stderr: '' });
  expect(clean.stdout).toBe('8 objects in 1 files: 0 errors, 0 warnings, 0 notes\n');
  const found = proofload('--json', path.join(FIXTURES, 'luminate'));
  expect(found.status).toBe(EXIT.fail);
  const { findings } = JSON.parse(found.stdout) as { findings: unknown[] };
  expect(findings).toContainEqual({
    rule: 'hpa-policy-never-binds',
    title: expect.any(String),
    severity: 'warning',
    file: 'analysis/lint/fixtures/luminate/luminate.yaml',
    line: 200,
    object: 'HorizontalPodAutoscaler luminate-hpa',
    why: expect.stringContaining('10 > 5 > 3'),
    fix: expect.stringContaining('selectPolicy: Min'),
  });
  // Only infos: nothing that counts.
  const info = proofload(
    file('info.yaml', 'kind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: c }] }\n'),
  );
  expect(info.status).toBe(EXIT.pass);
  expect(info.stdout).toContain('info  no-memory-limit  Pod p');
});

it('ends with 2 where there is nothing to judge', () => {
  const { status, stdout, stderr } = proofload(path.join(folder, 'nowhere'));
  expect({ status, stdout }).toEqual({ status: EXIT.usage, stdout: '' });
  expect(stderr).toMatch(/nowhere: no such file or folder/);
});

it('refuses what is no manifest, with the way out', () => {
  const values = file('values.yaml', 'image:\n  tag: 1\n');
  expect(() => readForLint([values])).toThrow(/no object with a kind and a metadata\.name/);
  const template = file('t.yaml', 'kind: Pod\nmetadata: {{ include "x" . }}\n  name: {{ .Values.name }}\n');
  expect(() => readForLint([template])).toThrow(/t\.yaml:\d+.*render it first/);
  const broken = file('broken.yaml', 'a: [\n');
  expect(() => readForLint([broken])).toThrow(UsageError);
  const empty = mkdtempSync(path.join(folder, 'empty-'));
  expect(() => readForLint([empty])).toThrow(/no \*\.yaml/);
});

it('reads several paths as one set, once each, lists item by item, and names what it left out', () => {
  const pod = file('pod.yaml', 'kind: Pod\nmetadata: { name: p }\n---\n# nothing\n---\njust: text\n');
  const list = file(
    'list.yaml',
    'kind: List\nitems:\n  - { kind: Pod, metadata: { name: q, namespace: n } }\n',
  );
  const { files, manifests, skipped } = readForLint([pod, list, pod]);
  expect(files).toBe(2);
  expect(manifests.map(({ name, namespace }) => [name, namespace])).toEqual([
    ['p', undefined],
    ['q', 'n'],
  ]);
  expect(manifests[1]?.lineAt(['metadata', 'name'])).toBe(3);
  expect(skipped).toEqual([`${pod}:6`]);
});

it('refuses what has no end, leads nowhere or means nothing, as input that cannot be used', () => {
  const pod = (spec: string) => `kind: Pod\nmetadata: { name: p }\nspec: ${spec}\n`;
  expect(() => readForLint([file('cycle.yaml', pod('&a { x: *a }'))])).toThrow(
    /cycle\.yaml:3: more than 500 levels/,
  );
  expect(() => readForLint([file('alias.yaml', pod('*nobody'))])).toThrow(
    /alias\.yaml:3: \*nobody is an alias of nothing/,
  );
  const links = mkdtempSync(path.join(folder, 'links-'));
  symlinkSync('b.yaml', path.join(links, 'a.yaml'));
  expect(() => readForLint([links])).toThrow(/a\.yaml: no such file/);
  symlinkSync('a.yaml', path.join(links, 'b.yaml'));
  for (const one of [links, path.join(links, 'a.yaml')]) {
    expect(() => readForLint([one])).toThrow(UsageError);
    expect(() => readForLint([one])).toThrow(/a\.yaml: cannot be read: ELOOP/);
  }
});

it('shows escape sequences of a manifest, and lets none of them reach the terminal', () => {
  const { stdout } = proofload(
    file('esc.yaml', 'kind: Deployment\nmetadata: { name: "p\\e[2J\\nq" }\nspec: { replicas: 2 }\n'),
  );
  expect(stdout).toContain('Deployment p\\u{1b}[2J q');
  expect(stdout).not.toContain('\u001b');
});
