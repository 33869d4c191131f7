/** Nothing of this machine but a shell: programs that behave like promtool, and like something else. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RuleTest } from '../analysis/alerts/rule-test.ts';
import { playRuleTest } from './promtool-rules.ts';

let dir: string;
const { signal } = new AbortController();

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-promtool-test-'));
  mkdirSync(path.join(dir, 'bin'));
  vi.stubEnv('PATH', path.join(dir, 'bin'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

function program(name: string, body: string): string {
  const file = path.join(dir, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

const TEST: RuleTest = {
  evaluationIntervalMs: 15_000,
  rule: { expr: 'x > 1', for: '0ms', keep_firing_for: '0ms' },
  cases: [
    {
      intervalMs: 15_000,
      series: [{ series: 'x{}', values: '0 2' }],
      expectations: [{ id: 'fires', expr: 'vector(1)', atMs: 15_000, value: 1 }],
    },
  ],
};

/** Plays against a program that says this and ends with that. */
function play(stderr: string, exitCode: number) {
  writeFileSync(path.join(dir, 'said'), stderr);
  const sayLines = `while IFS= read -r line; do printf '%s\\n' "$line"; done < '${dir}/said' >&2`;
  return playRuleTest(program('fake', `${sayLines}\nexit ${exitCode}`), TEST, signal);
}

/** As promtool 3.14 says it. */
function failure(id: string, got: string): string {
  return [
    `    expr: "label_replace(vector(1), \\"expectation\\", \\"${id}\\", \\"\\", \\"\\")", time: 15s,`,
    `        exp: {expectation="${id}"} 1E+00`,
    `        got: ${got}`,
    '',
  ].join('\n');
}

it('tells that all held, and only when promtool says so', async () => {
  await expect(play('', 0)).resolves.toEqual(new Map());
  await expect(play('  FAILED:\n', 1)).rejects.toThrow(/it said nothing/);
});

it('reads what did not hold, with the value in its place', async () => {
  const said = `  FAILED:\n${failure('fires', '{expectation="fires"} -1.5E+02')}\n${failure('a.min', 'nil')}\n${failure('b', '{expectation="b"} +Inf')}`;
  await expect(play(said, 1)).resolves.toEqual(
    new Map([
      ['fires', -150],
      ['a.min', null],
      ['b', Infinity],
    ]),
  );
});

it.each([
  '  FAILED:\n    rule: Tested, time: 15s, err: found duplicate series for the match group\n',
  '/tmp/test.json: yaml: line 3: did not find expected key\n',
  `  FAILED:\n${failure('fires', 'nil')}\n    rule: Tested, time: 15s, err: vector cannot contain metrics with the same labelset\n`,
  '',
])('does not pass over anything else that promtool says: %j', async (said) => {
  await expect(play(said, 1)).rejects.toThrow(/^promtool ended with 1: /);
});

it('leaves no files behind, whatever happened', async () => {
  vi.stubEnv('TMPDIR', dir);
  await expect(play('broken\n', 1)).rejects.toThrow('broken');
  await play('', 0);
  expect(readdirSync(dir).filter((name) => name.startsWith('proofload-'))).toEqual([]);
});

it('gives promtool the rule and the series as they are', async () => {
  const file = program(
    'fake',
    `while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line" >&2; done < "\${3%/*}/rules.json"; exit 1`,
  );
  await expect(playRuleTest(file, TEST, signal)).rejects.toThrow(
    '{"alert":"Tested","expr":"x > 1","for":"0ms","keep_firing_for":"0ms"}',
  );
});
