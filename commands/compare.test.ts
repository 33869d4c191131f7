/** The command through the front door, on records written by hand: exit codes, names below --out, JSON, what cannot be read. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordOf, type Story } from '../analysis/testing.ts';
import { EXIT } from '../record/model.ts';
import type { LedgerFile } from '../record/reader.ts';
import { ROOT } from '../record/root.ts';

const EXPECT = [{ check: 'generator-valid' }, { check: 'no-acknowledged-write-lost' }];
let out = '';
beforeAll(() => {
  out = mkdtempSync(path.join(os.tmpdir(), 'compare-test-'));
  save('sound', {});
  save('same', {});
  save('loses', { stored: (text) => text.replace(/^1:1-1\n/m, '') });
  save('short', { forMs: 20_000 });
});
afterAll(() => rmSync(out, { recursive: true }));

function save(name: string, story: Story): void {
  const { plan, events, logs, stored } = recordOf({ expect: EXPECT, ...story });
  const dir = path.join(out, name);
  mkdirSync(path.join(dir, 'ledger'), { recursive: true });
  writeFileSync(path.join(dir, 'plan.json'), JSON.stringify({ ...plan, runId: name }));
  writeFileSync(
    path.join(dir, 'history.jsonl'),
    events.map((event) => `${JSON.stringify(event)}\n`).join(''),
  );
  const write = (files: LedgerFile[], ending: string) => {
    for (const { runner, chunks } of files)
      writeFileSync(path.join(dir, 'ledger', `${runner}.${ending}`), Buffer.concat([...chunks()]));
  };
  write(logs, 'log');
  write(stored, 'stored');
}

function compare(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(ROOT, 'bin/proofload.mjs'), 'compare', '--out', out, ...args],
    { encoding: 'utf8', timeout: 25_000 },
  );
  return { status, stdout, stderr };
}

it('ends with 0, 1 or 4, needs no verdict.json, believes none, and changes nothing', () => {
  writeFileSync(path.join(out, 'same', 'verdict.json'), '{"schemaVersion":0}');
  const same = compare('sound', path.join(out, 'same'));
  expect(same).toMatchObject({ status: EXIT.pass, stderr: '' });
  expect(same.stdout).toContain('NOT WORSE  nothing in B is worse than in A');
  expect(same.stdout).toContain('seed 1');
  expect(readFileSync(path.join(out, 'same', 'verdict.json'), 'utf8')).toBe('{"schemaVersion":0}');
  expect(readdirSync(path.join(out, 'sound')).toSorted()).toEqual(['history.jsonl', 'ledger', 'plan.json']);

  const worse = compare('--json', 'sound', 'loses');
  expect(worse.status).toBe(EXIT.fail);
  expect(JSON.parse(worse.stdout)).toMatchObject({ finding: 'worse', exitCode: EXIT.fail, seed: 1 });
  expect(compare('sound', 'short').status).toBe(EXIT.inconclusive);
});

it('ends with 2 for what is no run, or one of another version', () => {
  const missing = compare('sound', 'nowhere');
  expect({ status: missing.status, stdout: missing.stdout }).toEqual({ status: EXIT.usage, stdout: '' });
  expect(missing.stderr).toMatch(/^nowhere: no such run directory, .*--out/);
  mkdirSync(path.join(out, 'old'));
  writeFileSync(path.join(out, 'old', 'plan.json'), '{"schemaVersion":0}');
  const old = compare('old', 'sound');
  expect(old.status).toBe(EXIT.usage);
  expect(old.stderr).toMatch(/plan\.json: written with schemaVersion 0, and this proofload reads 1/);
});
