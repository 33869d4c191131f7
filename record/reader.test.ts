import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Plan, UsageError } from './model.ts';
import { openRun } from './reader.ts';
import { RunWriter } from './writer.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'proofload-reader-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const plan: Plan = {
  schemaVersion: 1,
  runId: 'r',
  scenario: {
    name: 's',
    question: 'q',
    system: 'x',
    load: { script: 'x', ratePerS: 1, pointsPerWrite: 1, forMs: 1_000, warmupMs: 0 },
    calibrate: false,
    disturb: [],
    good: { served: 0.99, latencyMs: 500, bins: 3 },
    expect: [{ check: 'c', atLeast: 1 }],
  },
  platform: 'local',
  seed: 1,
  faults: [],
  workload: { name: 'w', replicas: 1, graceMs: 0, preStopMs: 0, maxSurge: 1, maxUnavailable: 0 },
  versions: {},
  machine: { cpus: 1, memoryMb: 1, cpuModel: 'm' },
};

function recordRun(): void {
  const writer = new RunWriter(dir, () => 5);
  writer.plan(plan);
  writer.emit({ kind: 'run.started', runId: 'r', wallMs: 1 });
  writer.emit({ kind: 'note', text: 'füße' });
  writer.close();
}

describe('openRun', () => {
  it('reads back what the writer wrote', () => {
    recordRun();
    const run = openRun(dir);
    expect(run.plan).toEqual(plan);
    expect(run.events).toEqual([
      { at: 5, kind: 'run.started', runId: 'r', wallMs: 1 },
      { at: 5, kind: 'note', text: 'füße' },
    ]);
    expect(run.remarks).toEqual([]);
  });

  it('reads the watch log, and says from when on a damaged one tells nothing', () => {
    recordRun();
    const pod = JSON.stringify({ atMs: 4, type: 'ADDED', kind: 'Pod', name: 'p', object: {} });
    const file = path.join(dir, 'evidence/watch.jsonl');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${pod}\n`);
    expect(openRun(dir).events.filter(({ kind }) => kind === 'gap')).toEqual([]);
    appendFileSync(file, `no line\n${pod}\n${pod.slice(0, 20)}`);
    const run = openRun(dir);
    expect([...run.watch()]).toHaveLength(2);
    expect([...run.watch()]).toHaveLength(2);
    expect(run.events.at(-1)).toMatchObject({
      kind: 'gap',
      what: 'watch.jsonl',
      fromMs: 4,
      toMs: 5,
      why: '2 lines are, from line 2 on, no change of an object (not JSON), and what came of it is not known',
    });
  });

  it('drops a torn last line and says which', () => {
    recordRun();
    appendFileSync(path.join(dir, 'history.jsonl'), '{"at":9,"kind":"note","text":"cut o');
    const run = openRun(dir);
    expect(run.events).toHaveLength(2);
    expect(run.remarks).toEqual([expect.stringContaining('history.jsonl:3: the last line is torn')]);
    expect(run.damaged).toEqual({ count: 0, lines: [] });
  });

  it('leaves out what is no event, and says which line and why', () => {
    recordRun();
    appendFileSync(
      path.join(dir, 'history.jsonl'),
      `rubbish\n{"at":1,"kind":"note"}\n${'x'.repeat(2_000_000)}\n{"at":9,"kind":"note","text":"after"}\n`,
    );
    const run = openRun(dir);
    expect(run.events.at(-1)).toEqual({ at: 9, kind: 'note', text: 'after' });
    expect(run.remarks).toEqual([
      'history.jsonl:3: not an event, left out (not JSON)',
      expect.stringContaining('history.jsonl:4: not an event, left out (text'),
      'history.jsonl:5: not an event, left out (not JSON)',
    ]);
    expect(run.damaged).toEqual({ count: 3, lines: [3, 4, 5] });
  });

  it('gives a ledger in chunks, as often as it is asked', () => {
    recordRun();
    const text = 'A 1:1 0 1 0\n'.repeat(50_000);
    writeFileSync(path.join(dir, 'ledger', 'load.log'), text);
    writeFileSync(path.join(dir, 'ledger', 'load.stored'), 'end\n');
    writeFileSync(path.join(dir, 'ledger', 'Notes.txt'), '');
    const run = openRun(dir);
    expect(run.logs.map(({ runner }) => runner)).toEqual(['load']);
    expect(run.stored.map(({ runner }) => runner)).toEqual(['load']);
    expect(run.remarks).toEqual([expect.stringContaining('Notes.txt')]);
    for (const _ of [1, 2]) {
      let [seen, chunks] = ['', 0];
      for (const chunk of run.logs[0]!.chunks()) {
        seen += Buffer.from(chunk).toString();
        chunks += 1;
      }
      expect(seen).toBe(text);
      expect(chunks).toBeGreaterThan(1);
    }
  });

  it.each([
    ['a folder without a plan', () => undefined, 'not a run directory (it has no plan.json)'],
    [
      'a folder without a history',
      () => writeFileSync(path.join(dir, 'plan.json'), JSON.stringify(plan)),
      'no history.jsonl',
    ],
    ['a plan that is no JSON', () => writeFileSync(path.join(dir, 'plan.json'), '{'), 'not JSON'],
    [
      'a plan of another version',
      () => writeFileSync(path.join(dir, 'plan.json'), '{"schemaVersion":99}'),
      'written with schemaVersion 99, and this proofload reads 1',
    ],
    [
      'a plan with a wrong field',
      () => writeFileSync(path.join(dir, 'plan.json'), JSON.stringify({ ...plan, seed: 'x' })),
      'seed',
    ],
  ])('refuses %s in words', (_, prepare, words) => {
    mkdirSync(dir, { recursive: true });
    prepare();
    expect(() => openRun(dir)).toThrow(UsageError);
    expect(() => openRun(dir)).toThrow(words);
  });

  it.each([
    ['a folder in place of a ledger', () => mkdirSync(path.join(dir, 'ledger', 'load.log'))],
    ['a link in place of a ledger', () => symlinkSync('/nowhere', path.join(dir, 'ledger', 'load.stored'))],
    [
      'a link in place of the history',
      () => (
        rmSync(path.join(dir, 'history.jsonl')),
        symlinkSync('/etc/hostname', path.join(dir, 'history.jsonl'))
      ),
    ],
    [
      'a file in place of the ledgers',
      () => (
        rmSync(path.join(dir, 'ledger'), { recursive: true }),
        writeFileSync(path.join(dir, 'ledger'), '')
      ),
    ],
  ])('refuses %s', (_, spoil) => {
    recordRun();
    spoil();
    expect(() => openRun(dir)).toThrow(UsageError);
  });

  it('refuses a folder that is not there', () => {
    expect(() => openRun(path.join(dir, 'nowhere'))).toThrow(UsageError);
  });
});
