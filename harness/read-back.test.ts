import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { recordOf } from '../analysis/testing.ts';
import type { StoredRange } from '../record/contract.ts';
import type { Event, EventOf } from '../record/model.ts';
import { RunWriter } from '../record/writer.ts';
import { readBack } from './read-back.ts';
import type { Session } from './session.ts';

let dir: string;
let writer: RunWriter;
const nowMs = () => Date.now();

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-read-back-'));
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
  writer.close();
  rmSync(dir, { recursive: true, force: true });
});

const range = (from: number, to: number): StoredRange => ({ runner: 'load', vu: 1, from, to, copies: 1 });

interface Told {
  /** What each look gives back, the last one again and again; an error = it breaks off after its ranges. */
  looks: (StoredRange | Error)[][];
  /** The system's own counts, the last one again and again. */
  counts?: (number | null)[];
  ledger?: string;
  aborted?: boolean;
  /** It was the harness itself that ended the run. */
  byHarness?: boolean;
  /** The run is interrupted while this look begins, from 1. */
  interruptAt?: number;
  /** How long a look takes. */
  lookMs?: number;
}

/** A load that ended with three acknowledged writes of one virtual user, and then the read-back. */
async function play({
  looks,
  counts = [3],
  ledger = 'A 1:1 0 5 0\nA 1:2 1 5 0\nA 1:3 2 5 0\n',
  aborted,
  byHarness,
  interruptAt,
  lookMs = 0,
}: Told) {
  const interrupt = new AbortController();
  if (aborted) interrupt.abort();
  writer = new RunWriter(dir, nowMs);
  const events: Event[] = [];
  writer.observe((event) => events.push(event));
  const { plan, events: healthy } = recordOf({});
  writer.plan(plan);
  for (const event of healthy)
    if (event.kind.startsWith('load.') || event.kind === 'run.started') writer.emit({ ...event, at: 0 });
  writeFileSync(path.join(dir, 'ledger', 'load.log'), ledger);
  let [asked, looked] = [0, 0];
  const askedFor: unknown[] = [];
  const session = {
    dir,
    writer,
    plan,
    nowMs,
    signal: interrupt.signal,
    isAborted: () => byHarness === true,
    enter: () => undefined,
    platform: { loadUrl: () => 'http://none', secrets: () => ({}), storeEnv: () => ({}) },
    contract: {
      countPoints: () => Promise.resolve(counts[Math.min(asked++, counts.length - 1)] ?? null),
      async *readBack(options: unknown) {
        askedFor.push(options);
        if (looked + 1 === interruptAt) interrupt.abort();
        if (lookMs > 0) await new Promise((resolve) => setTimeout(resolve, lookMs));
        for (const one of looks[Math.min(looked++, looks.length - 1)] ?? []) {
          await Promise.resolve();
          if (one instanceof Error) throw one;
          yield one;
        }
      },
    },
  } as unknown as Session;
  const done = readBack(session);
  await vi.advanceTimersByTimeAsync(120_000);
  await done;
  const told = events.filter((event): event is EventOf<'readback'> => event.kind === 'readback');
  const notes = events.flatMap((event) => (event.kind === 'note' ? [event.text] : []));
  const stored = () => readFileSync(path.join(dir, 'ledger', 'load.stored'), 'utf8');
  return { told, notes, stored, looked: () => looked, askedFor };
}

it('looks once where nothing is missing and the count stood still', async () => {
  const { told, stored } = await play({ looks: [[range(1, 3)]] });
  expect(told).toMatchObject([{ complete: true, runners: ['load'], absent: 0 }]);
  expect(told[0]).not.toHaveProperty('lagging');
  expect(stored()).toBe('1:1-3\nend\n');
});

it('tells a late write from a lost one: both looks are on record, and the last one is what is judged', async () => {
  const { told, stored } = await play({ looks: [[range(1, 1)], [range(1, 2)], [range(1, 3)]] });
  expect(told).toMatchObject([{ absent: 2 }, { absent: 1, lagging: 1 }, { absent: 0, lagging: 1 }]);
  expect(told.map(({ at }) => Math.round(at / 1_000))).toEqual([0, 1, 3]);
  expect(stored()).toBe('1:1-3\nend\n');
});

it('gives a lost write up after half a minute', async () => {
  const { told, stored } = await play({ looks: [[range(1, 1), range(3, 3)]] });
  expect(told.at(-1)).toMatchObject({ complete: true, absent: 1, lagging: 0 });
  expect(told.length).toBeGreaterThan(3);
  expect(told.at(-1)?.at).toBe(30_000);
  expect(stored()).toBe('1:1-1\n1:3-3\nend\n');
});

it('looks again where the count moved meanwhile, though nothing acknowledged was missing', async () => {
  const { told, stored } = await play({ looks: [[range(1, 3)], [range(1, 4)]], counts: [3, 4] });
  expect(told).toMatchObject([{ absent: 0 }, { absent: 0, lagging: 0 }]);
  expect(stored()).toBe('1:1-4\nend\n');
});

it('looks again where the count does not come to rest, and says so', async () => {
  const { told, notes } = await play({
    looks: [[range(1, 3)]],
    counts: Array.from({ length: 40 }, (_, i) => i),
  });
  expect(told).toHaveLength(2);
  expect(notes).toContain("the system's own count did not come to rest within 20 s");
});

it('looks again at once where the system has no count of its own', async () => {
  const { told, notes } = await play({ looks: [[range(1, 3)]], counts: [null] });
  expect(told.map(({ at }) => at)).toEqual([0, 0]);
  expect(notes.join()).not.toContain('count did not');
});

it('tries a look again that breaks off, and takes what it saw for no late write', async () => {
  const { told } = await play({ looks: [[range(1, 1), new Error('gone')], [range(1, 3)]] });
  expect(told).toMatchObject([{ complete: true, why: 'attempt 2', absent: 0 }]);
});

it('is incomplete where the store cannot be read, and does not wait for what it cannot see', async () => {
  const { told } = await play({ looks: [[new Error('gone')]] });
  expect(told).toMatchObject([{ complete: false, why: 'gone', runners: [] }]);
});

it('is incomplete where the last look failed: what was missing may be late or lost', async () => {
  const { told } = await play({ looks: [[range(1, 1)], [new Error('gone')]] });
  expect(told).toMatchObject([
    { complete: true, absent: 2 },
    { complete: false, why: 'gone' },
  ]);
});

const MAY_BE_LATE = 'the run was ended while 2 acknowledged writes may still be late';

it('has one look in a run that is to end, accuses nobody of what may be late, and does not try again', async () => {
  const { told } = await play({ looks: [[range(1, 1)]], aborted: true });
  expect(told).toMatchObject([
    { complete: true, absent: 2 },
    { complete: false, why: MAY_BE_LATE, runners: [] },
  ]);
  expect(told.at(-1)?.at).toBeLessThan(30_000);
  const whole = await play({ looks: [[range(1, 3)]], aborted: true });
  expect(whole.told).toMatchObject([{ complete: true, absent: 0 }]);
  const failed = await play({ looks: [[new Error('gone')]], aborted: true });
  expect(failed.told).toMatchObject([{ complete: false, why: 'gone' }]);
  expect(failed.looked()).toBe(1);
});

it('has at most one look more once it is interrupted, and leaves open what may be late', async () => {
  const first = await play({ looks: [[range(1, 1)]], interruptAt: 1 });
  const open = { complete: false, why: MAY_BE_LATE };
  expect(first.told).toMatchObject([{ absent: 2 }, { absent: 2, lagging: 0 }, open]);
  const waiting = await play({ looks: [[range(1, 1)]], interruptAt: 2 });
  expect(waiting.told.at(-1)).toMatchObject(open);
  expect(waiting.looked()).toBe(2);
  const broken = await play({ looks: [[new Error('gone')]], interruptAt: 1 });
  expect(broken.told).toMatchObject([{ complete: false, why: 'gone' }]);
  expect(broken.looked()).toBe(1);
});

it('waits for late writes where the harness itself ended the run', async () => {
  const lost = await play({ looks: [[range(1, 1)]], aborted: true, byHarness: true });
  expect(lost.told.at(-1)).toMatchObject({ complete: true, absent: 2 });
  expect(lost.told.at(-1)?.at).toBeGreaterThanOrEqual(30_000);
  const late = await play({ looks: [[range(1, 1)], [range(1, 3)]], aborted: true, byHarness: true });
  expect(late.told.at(-1)).toMatchObject({ complete: true, absent: 0, lagging: 2 });
});

it('counts what a look misses by that look, and waits for what an earlier one had', async () => {
  const gone = await play({ looks: [[range(1, 3)], [range(1, 2)]], counts: [3, 4] });
  expect(gone.told.at(-1)).toMatchObject({ absent: 1, lagging: 0, at: 30_000 });
  const back = await play({ looks: [[range(1, 3)], [range(1, 2)], [range(1, 3)]], counts: [3, 4] });
  expect(back.told).toMatchObject([{ absent: 0 }, { absent: 1, lagging: 0 }, { absent: 0, lagging: 1 }]);
});

it('takes what only a broken attempt saw for missing', async () => {
  const { told } = await play({ looks: [[range(1, 3), new Error('gone')], [range(1, 2)]] });
  expect(told[0]).toMatchObject({ why: 'attempt 2', absent: 1 });
});

it.each([
  [{ from: -1 }],
  [{ from: 3, to: 2 }],
  [{ from: 1.5 }],
  [{ to: Number.NaN }],
  [{ vu: 0.5 }],
  [{ copies: 0 }],
  [{ copies: 1_000_000_000 }],
])('is incomplete where the store answers what is no range: %j', async (wrong) => {
  const { told } = await play({ looks: [[{ ...range(1, 3), ...wrong }]] });
  expect(told).toMatchObject([{ complete: false, runners: [] }]);
  expect(told[0]?.why).toContain('no range of writes');
});

it.each<[string, Partial<StoredRange>, string, string]>([
  ['a number beyond all', { from: 2 ** 31, to: 2 ** 31 }, '1:1-3', '1:2147483647-2147483647'],
  ['a number of 48 bits', { from: 2 ** 47, to: 2 ** 47 + 1 }, '1:1-3', '1:2147483646-2147483647'],
  ['a virtual user of 48 bits', { vu: 2 ** 47, from: 5, to: 7 }, '1:1-3', '2147483647:5-7'],
  ['no virtual user', { vu: 0, from: 5, to: 7 }, '1:1-3', '1:5-7'],
  ['number 0', { from: 0, to: 0 }, '1:1-3', '1:1-1'],
  ['number 0 before writes of ours', { vu: 2, from: 0, to: 9 }, '1:1-3\n2:1-9', '2:1-1'],
  [
    'more than a run can write',
    { vu: 2, from: 5, to: 300_000_000 },
    '1:1-3\n2:5-200000004',
    '2:200000005-300000000',
  ],
])('takes %s for a write that nobody made, and reads on', async (_, strange, ours, foreign) => {
  const { told, stored, notes } = await play({ looks: [[range(1, 3), { ...range(1, 1), ...strange }]] });
  expect(told).toMatchObject([{ complete: true, runners: ['load', 'foreign'], absent: 0 }]);
  expect(stored()).toBe(`${ours}\nend\n`);
  expect(readFileSync(path.join(dir, 'ledger', 'foreign.stored'), 'utf8')).toBe(`${foreign}\nend\n`);
  expect(notes.join()).toContain('which no ledger can hold');
});

it('finds a loss beside an identity that cannot be', async () => {
  const { told } = await play({ looks: [[range(1, 2), range(2 ** 31, 2 ** 31)]] });
  expect(told.at(-1)).toMatchObject({ complete: true, absent: 1, runners: ['load', 'foreign'] });
});

it('keeps the writes of all runners that there are not in one file', async () => {
  const foreign = Array.from({ length: 50 }, (_, i) => ({ ...range(1, 1), runner: `made-up-${i}` }));
  const { told } = await play({ looks: [[range(1, 3), ...foreign, { ...range(9, 9), runner: '../up' }]] });
  expect(told).toMatchObject([{ complete: true, runners: ['load', 'foreign'] }]);
  expect(readdirSync(path.join(dir, 'ledger')).toSorted()).toEqual([
    'foreign.stored',
    'load.log',
    'load.stored',
  ]);
});

it('counts only what was acknowledged as missing', async () => {
  const { told } = await play({
    looks: [[range(1, 1)]],
    ledger: 'A 1:1 0 5 0\nU 1:2 1 5 0 0 1050 3\nF 1:3 2 5 0 503 0 1\n',
  });
  expect(told).toMatchObject([{ absent: 0 }]);
});

it('tells the system how many points a write of each runner has, and keeps apart what is no stored write', async () => {
  const forms = [range(1, 1), { ...range(2, 2), form: 'part' as const }];
  const dead = { ...range(3, 3), copies: 2, form: 'dead' as const };
  const { told, stored, askedFor, notes } = await play({ looks: [[...forms, dead]] });
  expect(askedFor[0]).toEqual({ storeEnv: {}, runId: 'r', pointsPerWrite: new Map([['load', 100]]) });
  expect(stored()).toBe('1:1-1\n1:2-2 part\n1:3-3 x2 dead\nend\n');
  expect(notes).toContain('the store holds 3 writes of this run');
  expect(told.at(-1)).toMatchObject({ complete: true, absent: 1 });
});

it('leaves the question open when it is ended, however long its look takes', async () => {
  const { told } = await play({ looks: [[range(1, 1)]], aborted: true, lookMs: 32_000 });
  expect(told.at(-1)).toMatchObject({ complete: false, why: expect.stringContaining('may still be late') });
});

it('gives late writes their time from its first look on when the harness ends the run', async () => {
  const { told } = await play({
    looks: [[range(1, 1)], [range(1, 3)]],
    aborted: true,
    byHarness: true,
    lookMs: 32_000,
  });
  expect(told).toMatchObject([{ absent: 2 }, { complete: true, absent: 0, lagging: 2 }]);
});
