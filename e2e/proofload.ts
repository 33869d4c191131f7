/** Runs the real command line for the end-to-end tests. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { EXIT, type Verdict, type VerdictFile } from '../record/model.ts';
import { ROOT } from '../record/root.ts';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  pid: number;
  ended: Promise<Ended>;
  /** Resolves when stderr has shown `text`, rejects when the command ended without it. */
  shows(text: string): Promise<void>;
}

/** Whether everything that takes long is to be played, too: `make e2e-full`. */
export const FULL = process.env['PROOFLOAD_E2E'] === 'full';

/** Starts `proofload <args>`; `env` is added to this process's. */
export function start(args: string[], env: Record<string, string> = {}, cwd = ROOT): Started {
  const child = spawn(process.execPath, [path.join(ROOT, 'bin/proofload.mjs'), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const look of waiting) look();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    pid: child.pid ?? -1,
    ended,
    shows: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!stderr.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without saying "${text}":\n${stderr}`)));
      }),
  };
}

export type JudgedRun = VerdictFile & { runDir: string };

/** How often a run that says nothing of the system is played before the test gives up. */
const ATTEMPTS = 3;
/** None begins later than this after the first: a test has twenty minutes, and a run that outlives it is in the way of the next one. */
const BEGUN_WITHIN_MS = 8 * 60_000;

/** Of the processor time that was wanted since this machine was started; above it the full load is not carried, as was seen again and again. */
const SHARED = 0.05;

/** See proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal. */
function stolenShare(): number {
  const [, ...times] =
    readFileSync('/proc/stat', 'utf8').split('\n')[0]?.trim().split(/\s+/).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = times;
  return steal / Math.max(1, user + nice + system + irq + softirq + steal);
}

/**
 * Plays a scenario and returns its verdict file; a run that says nothing of the system is played again, and that is printed. `again`: what to add
 * from the second time on, or at once on a machine that the hypervisor shares out: it does not carry the full load. `isEnough`: what a test can be content with.
 */
export async function judgedRun(
  args: string[],
  {
    again = [],
    isEnough = onlyTheHypervisor,
  }: { again?: string[]; isEnough?: (run: JudgedRun) => boolean } = {},
): Promise<JudgedRun> {
  const untilMs = performance.now() + BEGUN_WITHIN_MS;
  const isShared = again.length > 0 && stolenShare() > SHARED;
  if (isShared)
    process.stderr.write(
      `the hypervisor takes its share of this machine: ${args.join(' ')} with ${again.join(' ')}\n`,
    );
  for (let attempt = 1; ; attempt += 1) {
    const more = attempt > 1 || isShared ? again : [];
    const { code, stdout, stderr } = await start(['run', ...args, ...more, '--json']).ended;
    if (stdout === '')
      throw new Error(
        `proofload run ${args.join(' ')} printed no verdict (exit ${code}):\n${stderr.slice(-4_000)}`,
      );
    const run = JSON.parse(stdout) as JudgedRun;
    if (code !== run.exitCode) throw new Error(`exit code ${code}, but the verdict says ${run.exitCode}`);
    if (!saysNothing(run) || isEnough(run) || attempt === ATTEMPTS || performance.now() > untilMs) return run;
    process.stderr.write(
      `attempt ${attempt} of ${args.join(' ')} is ${run.verdict}, once more:\n${red(run).join('\n')}\n`,
    );
  }
}

/** What a run says that ends before anything is disturbed, because of the machine. */
const SPOILT = /the baseline was not healthy|the machine is not idle|no rate was found/;

/** Starts a run and waits until it shows `moment`. One that the machine spoilt before is started again, and that is printed. */
export async function startUntil(args: string[], moment: string): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    const running = start(args);
    try {
      await running.shows(moment);
      return running;
    } catch (error) {
      await running.ended;
      if (!SPOILT.test((error as Error).message) || attempt === ATTEMPTS) throw error;
      process.stderr.write(
        `attempt ${attempt} of ${args.join(' ')}, once more: ${(error as Error).message}\n`,
      );
    }
  }
}

/** A run of a system with a defect that concerns `checks`. */
export function defectRun(args: string[], defect: string, checks: readonly string[]): Promise<JudgedRun> {
  const isEnough = (run: JudgedRun) => {
    const found = new Set(findings(run).map(({ check }) => check));
    return found.size === checks.length && checks.every((check) => found.has(check));
  };
  return judgedRun([...args, '--defect', defect], { isEnough });
}

/**
 * Whether a run said nothing of the system, for or against it: it could not decide, or nothing but the machine was wrong. Other instruments that
 * broke are defects of ours: a proof that works one time in three is no proof, and is not played again.
 */
export function saysNothing({ exitCode, verdicts }: JudgedRun): boolean {
  const broken = verdicts.filter(
    ({ check, verdict, reason }) =>
      verdict === 'invalid' &&
      check !== 'generator-valid' &&
      // What is not held against the system for that reason names it.
      !reason.includes('(generator-valid: ') &&
      !(check === 'run-completed' && STOPPED_EARLY.test(reason)),
  );
  return exitCode === EXIT.inconclusive || (exitCode === EXIT.invalid && broken.length === 0);
}

/** Before anything was asked of the system; what the generator did wrong in a calibration is not among it. */
const STOPPED_EARLY = /^stopped in "(deploy"|calibrate": the machine is not idle)/;

/**
 * What a test of a sound system asks of a run: each promise held. Where the hypervisor took the machine the run as a whole is rightly `invalid`; that
 * every promise held all the same is what can be shown there, and the test says so. Anything else that is not green is a failure.
 */
export function expectHeld(run: JudgedRun): void {
  if (!onlyTheHypervisor(run)) {
    expect(run.verdict, red(run).join('\n')).toBe('pass');
    return;
  }
  process.stderr.write(
    `${run.runId}: every promise held on a machine that others took:\n${red(run).join('\n')}\n`,
  );
}

/**
 * What a test of a defect asks of a run: exactly these checks found something. Returns the first of them. Where the hypervisor took the machine, a
 * finding that rests on the load is rightly not held against the system; that it was made is what can be shown there.
 */
export function expectFound(run: JudgedRun, checks: readonly string[]): Verdict {
  const found = findings(run);
  expect(new Set(found.map(({ check }) => check)), red(run).join('\n')).toEqual(new Set(checks));
  const failed = found.some(({ verdict }) => verdict === 'fail');
  expect(run.exitCode).toBe(failed ? EXIT.fail : EXIT.invalid);
  return found[0]!;
}

function findings({ verdicts }: JudgedRun): Verdict[] {
  const isTaken = verdicts.some(hypervisorTook);
  return verdicts.filter(
    ({ verdict, reason }) =>
      verdict === 'fail' || (isTaken && verdict === 'invalid' && reason.includes('; what was seen: ')),
  );
}

/** Whether `generator-valid` has nothing to say against a run but that. */
function hypervisorTook({ check, verdict, reason }: Verdict): boolean {
  return check === 'generator-valid' && verdict === 'invalid' && /^the hypervisor took [^;]*\.$/.test(reason);
}

/** What a machine that is not there for a while does to the load: nothing of it is sent, or late. */
const HELD_UP =
  /^(the hypervisor took |\d+ of \d+ arrivals .* were dropped |the generator started \d+ of \d+ writes )/;

/** Whether `generator-valid` has nothing to say against a run but what such a machine does. */
export function machineHeldUp({ check, verdict, reason }: Verdict): boolean {
  return (
    check === 'generator-valid' &&
    verdict === 'invalid' &&
    reason.split('; ').every((part) => HELD_UP.test(part))
  );
}

/** Whether the hypervisor alone keeps the run from being one that passed. */
function onlyTheHypervisor({ exitCode, verdicts }: JudgedRun): boolean {
  const [wrong, ...more] = verdicts.filter(
    ({ verdict, optional }) => verdict !== 'pass' && !(verdict === 'not_run' && optional),
  );
  return exitCode === EXIT.invalid && wrong !== undefined && more.length === 0 && hypervisorTook(wrong);
}

/** "check: reason" of everything that is not green, for messages. */
export function red(run: JudgedRun): string[] {
  return run.verdicts.filter((v) => v.verdict !== 'pass').map((v) => `${v.id} ${v.verdict}: ${v.reason}`);
}
