/** The command through the front door: exit codes, JSON, and what cannot be read. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT, UsageError } from '../record/model.ts';
import { ROOT } from '../record/root.ts';
import { readRuleFiles } from './rules-read.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'rules-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function proofload(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(ROOT, 'bin/proofload.mjs'), 'rules', ...args],
    { encoding: 'utf8', timeout: 25_000 },
  );
  return { status, stdout, stderr };
}

function file(name: string, text: string): string {
  const whole = path.join(folder, name);
  writeFileSync(whole, text);
  return whole;
}

const alert = (expr: string) => `groups: [{ name: g, rules: [{ alert: A, expr: '${expr}' }] }]\n`;

it('ends with 0 where nothing is found, with 1 where something is, and says what and where', () => {
  expect(proofload(path.join(ROOT, 'systems/luminate/rules.yaml'))).toEqual({
    status: EXIT.pass,
    stdout: '7 rules in 1 files: 0 errors, 0 warnings, 0 notes\n',
    stderr: '',
  });
  const found = proofload('--json', path.join(ROOT, 'systems/kalcifer/rules.yaml'));
  expect(found.status).toBe(EXIT.fail);
  const { findings, rules } = JSON.parse(found.stdout) as { findings: unknown[]; rules: number };
  expect(rules).toBe(5);
  expect(findings).toContainEqual({
    rule: 'join-label',
    title: 'Two sides whose labels never match',
    severity: 'warning',
    file: 'systems/kalcifer/rules.yaml',
    line: 16,
    column: 11,
    object: 'alert HighChannelBounceRate',
    why: expect.stringContaining('provider'),
    fix: expect.stringContaining('on (...)'),
  });
});

it('counts no note, and takes the scrape interval that it is told', () => {
  const rules = file('window.yaml', alert('rate(x_total[1m]) > 1'));
  expect(proofload('--scrape-interval', '20s', rules)).toMatchObject({
    status: EXIT.pass,
    stdout: expect.stringContaining('info  window-tight  alert A'),
  });
  expect(proofload('--scrape-interval', '1m', rules)).toMatchObject({ status: EXIT.fail });
});

it('ends with 2 where there is nothing to judge, with the way out', () => {
  const { status, stdout, stderr } = proofload(path.join(folder, 'nowhere'));
  expect({ status, stdout }).toEqual({ status: EXIT.usage, stdout: '' });
  expect(stderr).toMatch(/nowhere: no such file or folder/);
  const values = file('values.yaml', 'image: { tag: 1 }\n');
  expect(() => readRuleFiles([values])).toThrow(/no rule in any group or PrometheusRule/);
  expect(() => readRuleFiles([file('empty.yaml', 'groups: [{ name: g, rules: [] }]\n')])).toThrow(
    /no rule in any/,
  );
  // What Prometheus refuses is something to judge.
  expect(readRuleFiles([file('refused.yaml', 'groups: [{ rules: [] }]\n')])).toHaveLength(1);
  expect(readRuleFiles([file('unreadable.yaml', alert('x > > 1'))])).toHaveLength(1);
  expect(() => readRuleFiles([file('broken.yaml', 'a: [\n')])).toThrow(
    /broken\.yaml:\d+:\d+: not valid YAML/,
  );
  expect(() => readRuleFiles([mkdtempSync(path.join(folder, 'empty-'))])).toThrow(/no \*\.yaml/);
  expect(() => readRuleFiles([file('large.yaml', '#'.repeat(4_000_001))])).toThrow(/larger than/);
  symlinkSync('loop.yaml', path.join(folder, 'loop.yaml'));
  expect(() => readRuleFiles([path.join(folder, 'loop.yaml')])).toThrow(UsageError);
});

it('reads several paths as one set, once each, and names what it left out', () => {
  const record = file('record.yaml', 'groups: [{ name: r, rules: [{ record: "job:r", expr: "x > 5" }] }]\n');
  const use = file('use.yaml', `${alert('job:r')}---\nkind: Pod\n`);
  expect(proofload(record, use, record)).toMatchObject({
    status: EXIT.pass,
    stdout: `2 rules in 2 files: 0 errors, 0 warnings, 0 notes; not judged, no rules in it: ${use}:3\n`,
  });
});

it('lets no escape sequence of a rule reach the terminal', () => {
  const { stdout } = proofload(
    file('esc.yaml', 'groups: [{ name: g, rules: [{ alert: "a\\e[2Jb", expr: up > 1 }] }]\n'),
  );
  expect(stdout).toContain('alert a\\u{1b}[2Jb');
  expect(stdout).not.toContain('\u001b');
});
