import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { buildView } from '../analysis/view.ts';
import type { StoredRange } from '../record/contract.ts';
import { formatAnchorLine, formatLedgerLine } from '../record/ledger.ts';
import type { Plan, Scenario } from '../record/model.ts';
import { openRun } from '../record/reader.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { RunWriter } from '../record/writer.ts';
import { lockRun } from './lock.ts';
import { earlierRun, isResumable, takeOver } from './resume.ts';
import type { Session } from './session.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-resume-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const LOAD = { script: 'x', ratePerS: 100, pointsPerWrite: 1, forMs: 10_000, warmupMs: 0 };
const SCENARIO: Scenario = { ...SAMPLE_PLAN.scenario, before: LOAD };
const PLAN: Plan = { ...SAMPLE_PLAN, platform: 'kubernetes', scenario: SCENARIO, runId: 'first' };
/** The earlier run's start. */
const WALL_MS = 1_700_000_000_000;

/** Three acknowledged, one unknown. */
const LEDGER = [
  formatAnchorLine(WALL_MS + 2_000),
  ...(['A', 'A', 'U', 'A'] as const).map((outcome, index) =>
    formatLedgerLine({
      outcome,
      vu: 1,
      n: index + 1,
      dueMs: 10 * index,
      latMs: 5,
      lagMs: 0,
      status: 201,
      code: 0,
      attempts: 1,
    }),
  ),
]
  .map((line) => `${line}\n`)
  .join('');

interface Earlier {
  plan?: Plan;
  ledgers?: string[];
  /** Its k6 and its harness were killed. */
  killed?: boolean;
}

function earlier({ plan = PLAN, ledgers = ['before'], killed = false }: Earlier = {}): string {
  const dir = path.join(folder, 'earlier');
  const writer = new RunWriter(dir, () => 0);
  writer.plan(plan);
  writer.emit({ at: 0, kind: 'run.started', runId: plan.runId, wallMs: WALL_MS });
  for (const runner of ledgers) {
    writeFileSync(path.join(dir, 'ledger', `${runner}.log`), LEDGER);
    const { ratePerS, pointsPerWrite, forMs } = LOAD;
    const told = { ratePerS, pointsPerWrite, forMs, vus: 1, warmupMs: 0, judged: false };
    writer.emit({ at: 2_100, kind: 'load.started', runner, wallMs: WALL_MS + 2_000, ...told });
    writer.emit({ at: 5_000, kind: 'clock', wallMs: WALL_MS + 5_000 });
    const end = { exitCode: null, signal: 'SIGINT', iterations: 4, dropped: 0, why: 'stopped' };
    if (!killed) writer.emit({ at: 6_000, kind: 'load.ended', runner, ...end });
  }
  if (!killed) writer.emit({ at: 7_000, kind: 'run.ended', interrupted: true });
  writer.close();
  return dir;
}

/** A run that goes on a minute later, with what its store holds of the first. */
async function goOn(dir: string, stored: Partial<StoredRange>[] | null) {
  const nowMs = () => 500;
  const plan = { ...PLAN, runId: 'second', resumes: 'first' };
  const writer = new RunWriter(path.join(folder, 'second'), nowMs);
  writer.plan(plan);
  writer.emit({ at: 0, kind: 'run.started', runId: 'second', wallMs: Date.now() - 500 });
  const asked: string[] = [];
  const session = {
    writer,
    dir: writer.dir,
    plan,
    nowMs,
    platform: { storeEnv: () => ({}) },
    contract: {
      async *readBack({ runId }: { runId: string }) {
        asked.push(runId);
        if (stored === null) throw new Error('no way there');
        yield* await Promise.resolve(stored);
      },
    },
  } as unknown as Session;
  try {
    await takeOver(session, earlierRun(dir, SCENARIO));
  } finally {
    writer.close();
  }
  return { record: openRun(writer.dir), asked };
}

it('takes over ledgers and loads of the earlier run, at times before its own, and they are owed', async () => {
  const { record, asked } = await goOn(earlier(), [{ runner: 'before', vu: 1, from: 1, to: 2 }]);
  expect(asked).toEqual(['first']);
  expect(readFileSync(path.join(folder, 'second/ledger/before.log'), 'utf8')).toBe(LEDGER);
  const view = buildView(record);
  expect(view.account.acknowledged).toBe(3);
  const [load] = view.loads;
  const earlierMs = Date.now() - WALL_MS;
  expect(load?.anchorMs).toBeGreaterThan(-earlierMs);
  expect(load?.anchorMs).toBeLessThan(-earlierMs + 60_000);
  expect(load?.open).toBeNull();
  expect(load?.ended?.at).toBeLessThan(0);
  expect(view.account.doubts).toEqual(['nothing was read back']);
  expect(record.events.filter(({ kind }) => kind === 'run.started')).toHaveLength(1);
});

it('goes on with a run that was killed, and says that nobody counted what it wrote', async () => {
  const dir = earlier({ killed: true });
  expect(isResumable(dir)).toBe(true);
  const { record } = await goOn(dir, [{ runner: 'before', vu: 1, from: 1, to: 2 }]);
  const { doubts, acknowledged } = buildView(record).account;
  expect(acknowledged).toBe(3);
  expect(doubts).toContain('ledger/before.log: its writer left no count of its writes');
});

it('keeps the mark of the first run through every run that goes on', () => {
  const dir = earlier({ plan: { ...PLAN, runId: 'second', resumes: 'first' } });
  expect(earlierRun(dir, SCENARIO)).toEqual({ dir, runId: 'second', mark: 'first' });
});

it.each<[string, string[] | null, RegExp]>([
  ['holds nothing of the earlier run', ['load'], /none of its 3 acknowledged writes is in the store/],
  [
    'holds what another run went on with',
    ['before', 'before-round-2'],
    /knows of \(before-round-2\): another run/,
  ],
  ['cannot be asked', null, /store holds of run first could not be read: no way there/],
])('takes nothing over where the store %s', async (_, stored, why) => {
  const ranges = stored?.map((runner) => ({ runner, vu: 1, from: 1, to: 2 })) ?? null;
  await expect(goOn(earlier(), ranges)).rejects.toThrow(why);
  expect(readdirSync(path.join(folder, 'second/ledger'))).toEqual([]);
});

it.each<[string, Earlier | (() => Scenario), RegExp]>([
  [
    'of processes that are gone',
    { plan: { ...PLAN, platform: 'local' } },
    /local processes.*without --resume/,
  ],
  ['whose judged load had begun', { ledgers: ['before', 'load'] }, /judged one had begun/],
  ['that had started nothing', { ledgers: [] }, /had started nothing/],
  [
    'of a scenario without a load before',
    { plan: { ...PLAN, scenario: SAMPLE_PLAN.scenario } },
    /its before is /,
  ],
  [
    'of another size',
    () => ({ ...SCENARIO, before: { ...LOAD, forMs: 20_000 } }),
    /"forMs":10000.*"forMs":20000.*--journeys/,
  ],
  [
    'of another system',
    () => ({ ...SCENARIO, system: 'kalcifer' }),
    /its system is "luminate", and here it is "kalcifer"/,
  ],
])('refuses a run %s', (_, of, why) => {
  const dir = earlier(typeof of === 'function' ? {} : of);
  expect(() => earlierRun(dir, typeof of === 'function' ? of() : SCENARIO)).toThrow(why);
});

it('refuses a run that still goes on, and what is no run', () => {
  const dir = earlier();
  lockRun(dir);
  expect(() => earlierRun(dir, SCENARIO)).toThrow(/still going on \(pid \d+\)/);
  mkdirSync(path.join(folder, 'nothing'));
  expect(() => earlierRun(path.join(folder, 'nothing'), SCENARIO)).toThrow('not a run directory');
});
