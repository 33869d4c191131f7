/** Plays a run with a defect whose own word is kept, and holds the run's accusations against it. */
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { EXIT } from '../record/model.ts';
import { type JudgedRun, red, type Started } from './proofload.ts';
import { accountOf } from './truth-account.ts';
import { readTruth } from './truth-log.ts';

/** Checks about what became of writes. They judge what was promised and came back, so they hold on a busy machine, too. */
const DATA_CHECKS = new Set([
  'journeys-accounted',
  'no-acknowledged-write-lost',
  'nothing-phantom',
  'stored-once',
  'taken-whole',
]);

/** How often a run that was stopped before its end (the machine was too busy: its faults were never begun) is played again. */
const ATTEMPTS = 3;

/**
 * Plays a run, with a new folder in `parent` for the truth, and hands both to `judge`. A run that is not valid still says what became of the
 * writes: that it was not is printed. One that did not come to its end shows nothing, and is played again.
 */
export async function comparedRun(
  parent: string,
  play: (truthDir: string) => Started,
  judge: (run: JudgedRun, truthDir: string) => void | Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const folder = mkdtempSync(path.join(parent, 'truth-e2e-'));
    try {
      const { code, stdout, stderr } = await play(folder).ended;
      if (stdout === '')
        throw new Error(`the run printed no verdict (exit ${code}):\n${stderr.slice(-4_000)}`);
      const run = JSON.parse(stdout) as JudgedRun;
      const stopped = run.verdicts.find(({ check }) => check === 'run-completed');
      if (run.exitCode !== EXIT.pass) process.stderr.write(`${run.runId}:\n  ${red(run).join('\n  ')}\n`);
      if (stopped !== undefined && attempt < ATTEMPTS) continue;
      expect(stopped?.reason).toBeUndefined();
      await judge(run, folder);
      return;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Checks about data that did not pass, each with its verdict. */
export function dataFindings({ verdicts }: JudgedRun): string[] {
  return verdicts
    .filter(({ check, verdict }) => verdict !== 'pass' && DATA_CHECKS.has(check))
    .map(({ check, verdict }) => `${check} ${verdict}`)
    .sort();
}

interface Leeway {
  /**
   * Of a defect that a SIGKILL completes, how many commits each killed process may have had with the store: it wrote them down as in danger, and
   * they came through.
   */
  commitsUnderWay?: number;
  /** At least once is all that is promised: a copy accuses nobody, and where there are copies, what one process dropped another may have stored. */
  readTwice?: boolean;
}

/**
 * The accused writes are those that the system logged, cut down to the acknowledged ones; and the verdict counts as many as its files show.
 * Returns how many are accused.
 */
export function expectExactly(
  run: JudgedRun,
  truthDir: string,
  { commitsUnderWay = 0, readTwice = false }: Leeway = {},
): number {
  const account = accountOf(run.runDir);
  const { acknowledged, retried, lost, doubled, unaccounted } = account;
  expect(acknowledged.size).toBeGreaterThan(0);
  const { written, left } = readTruth(truthDir);
  const accusations = [lost, unaccounted, readTwice ? [] : doubled].flatMap((ids) => [...ids]);
  const accused = new Set(accusations.filter((id) => acknowledged.has(id)));
  const owed = new Set([...written].filter((id) => acknowledged.has(id)));

  const invented = [...accused].filter((id) => !owed.has(id));
  expect(invented, 'accused, and never logged').toEqual([]);
  const notAccused = [...owed].filter((id) => !accused.has(id));
  // The acknowledgement that reached a client in a later attempt is not the one of the attempt that was logged.
  const missed = notAccused.filter((id) => !retried.has(id));
  const mayBeMissed = readTwice && doubled.size > 0 ? missed.length : left * commitsUnderWay;
  expect(missed.length, `logged, and not accused: ${missed.join(', ')}`).toBeLessThanOrEqual(mayBeMissed);

  expectCount(run, 'no-acknowledged-write-lost', lost.size);
  expectCount(run, 'stored-once', doubled.size);
  expectCount(run, 'journeys-accounted', unaccounted.size);
  process.stderr.write(
    `${run.runId}: ${written.size} logged, ${owed.size} of them acknowledged, ${accused.size} accused: ${lost.size} lost, ${doubled.size} doubled, ${unaccounted.size} journeys or events; ${notAccused.length} came through, ${notAccused.length - missed.length} of them in a later attempt\n`,
  );
  return accused.size;
}

/**
 * For a defect that cannot know what it loses: lost is every acknowledged write that is not in the broker's own log, and no other. Returns how
 * many.
 */
export function expectMissingIn(log: ReadonlySet<string>, run: JudgedRun): number {
  const { acknowledged, lost } = accountOf(run.runDir);
  expect(acknowledged.size).toBeGreaterThan(0);
  const missing = [...acknowledged].filter((id) => !log.has(id));
  expect(
    [...lost].filter((id) => log.has(id)),
    "accused, and in the broker's log",
  ).toEqual([]);
  expect(
    missing.filter((id) => !lost.has(id)),
    "not in the broker's log, and not accused",
  ).toEqual([]);
  expectCount(run, 'no-acknowledged-write-lost', lost.size);
  process.stderr.write(
    `${run.runId}: ${acknowledged.size} acknowledged, ${log.size} in the broker's log, ${missing.length} of the first not among them: ${lost.size} accused\n`,
  );
  return lost.size;
}

function expectCount({ verdicts }: JudgedRun, check: string, count: number): void {
  const verdict = verdicts.find((one) => one.check === check);
  if (verdict !== undefined) expect(verdict.observed?.value, `${check}: ${verdict.reason}`).toBe(count);
}
