import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileOf } from '../analysis/testing.ts';
import { formatLedgerLine } from '../record/ledger.ts';
import { type Event, type Plan, Scenario } from '../record/model.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { RunWriter } from '../record/writer.ts';
import { Aim } from '../scenarios/k6/lib/aim.ts';
import { aimAt, neededBefore, playBefore, writesOf } from './before.ts';
import { namesOf } from './catalogue.ts';
import type { LoadRun, LoadRunner } from './load-runner.ts';
import type { Session } from './session.ts';

const line = (outcome: 'A' | 'F' | 'U', vu: number, n: number) =>
  `${formatLedgerLine({ outcome, vu, n, dueMs: 0, latMs: 1, lagMs: 0, status: 201, code: 0, attempts: 1 })}\n`;

describe('what events are aimed at', () => {
  it('is every acknowledged journey of the load before, each once, and nothing else', () => {
    const outcome = fc.constantFrom('A' as const, 'A' as const, 'F' as const, 'U' as const);
    const users = fc.array(fc.array(outcome, { minLength: 1, maxLength: 30 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(users, users, fc.integer({ min: 1, max: 9 }), (first, second, k) => {
        const text = (of: typeof first) =>
          of.flatMap((outcomes, v) => outcomes.map((each, i) => line(each, v + 1, i + 1))).join('');
        const logs = [
          fileOf('before', text(first)),
          fileOf('before-round-2', text(second)),
          fileOf('load', line('A', 9, 9)),
        ];
        const owed = [first, second].flatMap((of, index) =>
          of.flatMap((outcomes, v) =>
            outcomes.flatMap((each, i) => (each === 'A' ? [`${index} ${v + 1} ${i + 1}`] : [])),
          ),
        );
        const { text: told, aimed, acknowledged } = aimAt(logs);
        expect([aimed, acknowledged]).toEqual([owed.length, owed.length]);
        if (aimed === 0) return;
        const aim = new Aim(told);
        const hit: string[] = [];
        for (let m = 1; hit.length < aim.count; m += 1)
          for (let v = 1; v <= k; v += 1) {
            const at = aim.at(m, v, k);
            if (at) hit.push(`${at.runner === 'before' ? 0 : 1} ${at.vu} ${at.n}`);
          }
        expect(hit.toSorted()).toEqual(owed.toSorted());
        expect(aim.at(aim.count + 1, 1, 1)).toBeNull();
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('fits into one environment variable, whatever was acknowledged', () => {
    const lines = Array.from({ length: 40_000 }, (_, i) =>
      line('A', (i % 500) + 1, 2 * Math.floor(i / 500) + 1),
    );
    const { text, aimed, acknowledged } = aimAt([fileOf('before', lines.join(''))]);
    expect(acknowledged).toBe(40_000);
    expect(text.length).toBeLessThan(128 * 1_024);
    expect(aimed).toBeGreaterThan(5_000);
    expect(new Aim(text).count).toBe(aimed);
  });

  it.each(['', 'before', 'before 1:2', 'before 0:1-2', 'before 1:3-2', ' 1:1-2'])('refuses %j', (text) => {
    expect(() => new Aim(text)).toThrow('AIM');
  });
});

it('counts what a schedule asks for, and twice as much to aim at', () => {
  const load = { script: 'x', ratePerS: 400, pointsPerWrite: 1, forMs: 15_001, warmupMs: 0 };
  expect(writesOf(load)).toBe(6_000);
  expect(neededBefore(load)).toBe(12_000);
});

/**
 * A thousand writes in 10 s asked for; each round acknowledges what it is told, the last one again and again. `earlier`: ledgers that are there
 * already, with so many acknowledged.
 */
async function play(ackedByRound: number[], earlier: Record<string, number> = {}) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-before-'));
  const writer = new RunWriter(dir, () => 0);
  try {
    const load = { script: 'x', ratePerS: 100, pointsPerWrite: 1, forMs: 10_000, warmupMs: 0 };
    const plan: Plan = { ...SAMPLE_PLAN, scenario: { ...SAMPLE_PLAN.scenario, before: load } };
    writer.plan(plan);
    for (const [runner, acked] of Object.entries(earlier)) {
      const lines = Array.from({ length: acked }, (_, index) => line('A', 1, index + 1));
      writeFileSync(path.join(dir, 'ledger', `${runner}.log`), lines.join(''));
    }
    const events: Event[] = [];
    writer.observe((event) => events.push(event));
    writer.emit({ kind: 'phase', phase: 'before' });
    const rounds: LoadRun[] = [];
    const loads: LoadRunner = {
      start(run) {
        const acked = ackedByRound[Math.min(rounds.length, ackedByRound.length - 1)] ?? 0;
        rounds.push(run);
        run.onSecond({ second: 0, acked, failed: 0, unknown: 0, p50Ms: 1, p99Ms: 2 });
        const end = { exitCode: 0, signal: null, iterations: acked, dropped: 0, why: 'k6 ended' };
        return Promise.resolve({ beganMs: 0, ended: Promise.resolve(end), stop: () => Promise.resolve() });
      },
      pids: () => [],
      stopAll: () => Promise.resolve(),
    };
    const aborted: [verdict: string, why: string][] = [];
    const ending = new AbortController();
    const session = {
      writer,
      dir,
      plan,
      observers: [],
      guards: {},
      platform: { pods: () => [] },
      nowMs: () => 1,
      signal: ending.signal,
      enter: () => undefined,
      abort: (verdict: string, why: string) => aborted.push([verdict, why]),
    } as unknown as Session;
    await playBefore(session, loads, load);
    const notes = events.flatMap((event) => (event.kind === 'note' ? [event.text] : []));
    return {
      lengthsMs: rounds.map(({ forMs }) => forMs),
      runners: rounds.map(({ runner }) => runner),
      aborted: aborted[0],
      notes,
    };
  } finally {
    writer.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('the rounds of the load before', () => {
  it('start what the machine could not carry at first', async () => {
    const { lengthsMs, aborted } = await play([800, 200]);
    expect(lengthsMs).toEqual([10_000, 2_942]);
    // The ledger of this test is empty: that is all there is to complain of.
    expect(aborted).toEqual(['inconclusive', expect.stringContaining('0 are there')]);
  });

  it('go on behind those of an earlier run, with what is missing', async () => {
    const { lengthsMs, runners, notes } = await play([300], { before: 400, 'before-round-2': 300 });
    expect([runners, lengthsMs]).toEqual([['before-round-3'], [3_000]]);
    expect(notes).toEqual([expect.stringMatching(/^the load before: 700 of 1000 .*, 700 of them earlier/)]);
    expect((await play([600], { 'before-1': 200, 'before-2': 200 })).runners).toEqual(['before-round-2']);
    expect((await play([], { before: 1_000 })).runners).toEqual([]);
  });

  it('end with one that nothing is acknowledged of', async () => {
    const { lengthsMs, aborted } = await play([0]);
    expect(lengthsMs).toEqual([10_000]);
    expect(aborted).toEqual(['inconclusive', expect.stringMatching(/^round 1 .*none of its writes ackn/)]);
  });

  it('end where the next would be longer than three times the schedule', async () => {
    const { lengthsMs, aborted } = await play([100]);
    expect(lengthsMs).toEqual([10_000]);
    expect(aborted).toEqual([
      'inconclusive',
      expect.stringMatching(/^100 of the 1000 .*105\.9 s.*3 x the 10/),
    ]);
  });

  it('end where all would be longer than six times the schedule', async () => {
    const { lengthsMs, aborted } = await play([340, 420, 110]);
    expect(lengthsMs).toHaveLength(3);
    expect(aborted).toEqual(['inconclusive', expect.stringMatching(/^870 of .*all rounds.*6 x the 10/)]);
  });
});

it('is large enough in every scenario that has one', async () => {
  const scenarios = await Promise.all(
    namesOf('scenario').map(async (name) => {
      const { default: scenario } = (await import(`../scenarios/${name}.ts`)) as { default: unknown };
      return Scenario.parse(scenario);
    }),
  );
  const short = scenarios.filter(
    ({ before, load }) => before !== undefined && writesOf(before) < neededBefore(load),
  );
  expect(scenarios.some(({ before }) => before !== undefined)).toBe(true);
  expect(short.map(({ name }) => name)).toEqual([]);
});
