/** The comparison with the truth log is seen to fail, too: on ledgers and logs written by hand. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JudgedRun } from './proofload.ts';
import { dataFindings, expectExactly, expectMissingIn } from './truth.ts';
import { accountOf } from './truth-account.ts';
import { readTruth } from './truth-log.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'truth-test-'));
  mkdirSync(path.join(folder, 'ledger'));
  mkdirSync(path.join(folder, 'truth'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** 1:3 is lost, 1:4 doubled (and 1:5, which was not acknowledged), 1:6 was acknowledged in its second attempt. */
const LOG = `# anchor 1700000000000
A 1:1 0 5 0
A 1:2 10 5 0
A 1:3 20 5 0
A 1:4 30 5 0
U 1:5 40 5 0 0 1211 3
T 1:6 50 5 0 1211 n -
A 1:6 50 9 0 201 0 2
F 1:7 60 5 0 429 0 1
`;
const STORED = '1:1-2\n1:4-5 x2\n1:6-6\nend\n';

function ledger(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, 'ledger', name), text);
}

function truth(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, 'truth', name), text);
}

function judged(
  observed: Record<string, number>,
  verdict: 'pass' | 'fail' | 'inconclusive' = 'fail',
): JudgedRun {
  const verdicts = Object.entries(observed).map(([check, value]) => ({
    id: check,
    check,
    title: '',
    verdict,
    optional: false,
    reason: '',
    observed: { value, unit: 'writes' },
    evidence: [''],
  }));
  return {
    schemaVersion: 1,
    runId: 'by-hand',
    scenario: '',
    platform: 'local',
    verdict,
    exitCode: 1,
    rehearsal: true,
    verdicts,
    figures: [],
    remarks: [],
    runDir: folder,
  };
}

const compare = (observed: Record<string, number>, leeway?: Parameters<typeof expectExactly>[2]): number =>
  expectExactly(judged(observed), path.join(folder, 'truth'), leeway);

it('accepts what was logged and nothing else', () => {
  ledger({ 'load.log': LOG, 'load.stored': STORED });
  truth({ 'pod-1': 'load 1 3\nload 1 7\n', 'pod-2': 'load 1 4\nload 1 5\nload 1 6\n' });
  expect(compare({ 'no-acknowledged-write-lost': 1, 'stored-once': 2 })).toBe(2);
});

it('refuses an accusation that the system knows nothing of', () => {
  ledger({ 'load.log': LOG, 'load.stored': STORED });
  truth({ pod: 'load 1 4\n' });
  expect(() => compare({})).toThrow(/accused, and never logged[\s\S]*load 1 3/);
});

it('refuses a loss that is not accused', () => {
  ledger({ 'load.log': LOG, 'load.stored': STORED });
  truth({ pod: 'load 1 2\nload 1 3\nload 1 4\n' });
  expect(() => compare({})).toThrow(/logged, and not accused: load 1 2/);
  expect(compare({}, { commitsUnderWay: 1 })).toBe(2); // a commit that its killed process did not hear of
});

it('holds copies against nobody where what was read twice is stored twice', () => {
  ledger({ 'load.log': LOG, 'load.stored': STORED });
  truth({ pod: 'load 1 2\nload 1 3\n' });
  expect(compare({ 'no-acknowledged-write-lost': 1 }, { readTwice: true })).toBe(1);
  ledger({ 'load.stored': STORED.replace(' x2', '') });
  expect(() => compare({}, { readTwice: true })).toThrow(/logged, and not accused: load 1 2/);
});

it('holds losses against the log of a broker', () => {
  ledger({ 'load.log': LOG, 'load.stored': STORED });
  const log = ['1', '2', '4', '5', '6'].map((n) => `load 1 ${n}`);
  const run = judged({ 'no-acknowledged-write-lost': 1 });
  expect(expectMissingIn(new Set(log), run)).toBe(1);
  expect(() => expectMissingIn(new Set([...log, 'load 1 3']), run)).toThrow(
    /accused, and in the broker's log/,
  );
  expect(() => expectMissingIn(new Set(log.slice(1)), run)).toThrow(/not in the broker's log, and not/);
  expect(() => expectMissingIn(new Set(log), judged({ 'no-acknowledged-write-lost': 2 }))).toThrow(
    /no-acknowledged-write-lost/,
  );
});

it('refuses a verdict that counts otherwise', () => {
  ledger({ 'load.log': LOG, 'load.stored': STORED });
  truth({ pod: 'load 1 3\nload 1 4\n' });
  expect(() => compare({ 'no-acknowledged-write-lost': 2 })).toThrow(/no-acknowledged-write-lost/);
});

it('accuses by state, where there are states, and where a write has none', () => {
  ledger({
    'load.log': LOG,
    'load.stored': '1:1-6\nend\n',
    'load.states': '# kept moved\n# broken stale failed\n1:1-1 moved\n1:2-2 stale\n1:4-6 moved\nend\n',
  });
  expect(accountOf(folder).unaccounted).toEqual(new Set(['load 1 2', 'load 1 3']));
  expect(accountOf(folder).lost).toEqual(new Set());
});

it('takes back what came through, whichever process kept it', () => {
  truth({
    'ack.1': 'load 1 1\nload 1 2\n',
    'ack.2': 'load 1 1\n',
    'ack.1.kept': 'load 1 2\n',
    'ack.2.kept': 'load 1 1\n',
  });
  expect(readTruth(path.join(folder, 'truth'))).toEqual({ written: new Set(), left: 0 });
});

it.each([
  [{ 'load.log': LOG, 'load.stored': '1:1-6\n' }, /not "end"/],
  [{ 'load.log': LOG, 'load.stored': '1:x-6\nend\n' }, /"1:x-6" is no range/],
  [{ 'load.log': 'A 1:1 0 5' }, /torn/],
  [{ 'load.log': 'something\n' }, /"something" is no line/],
])('does not count what it cannot read: %j', (files, message) => {
  ledger(files);
  expect(() => accountOf(folder)).toThrow(message);
});

it('does not compare with a log that is damaged', () => {
  truth({ pod: 'load 1\n' });
  expect(() => readTruth(path.join(folder, 'truth'))).toThrow(/"load 1" is no <runner> <vu> <n>/);
});

it('names the checks about data that did not pass', () => {
  const observed = { 'stored-once': 1, 'no-restarts': 1 };
  expect(dataFindings(judged(observed))).toEqual(['stored-once fail']);
  expect(dataFindings(judged(observed, 'inconclusive'))).toEqual(['stored-once inconclusive']);
  expect(dataFindings(judged(observed, 'pass'))).toEqual([]);
});
