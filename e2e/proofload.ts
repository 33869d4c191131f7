/** Runs the real command line for the end-to-end tests. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { EXIT, type VerdictFile } from '../record/model.ts';
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

/** How often an invalid run (the machine was busy: no statement about the system) is played again before the test gives up. */
const ATTEMPTS = 3;

/** Plays a scenario and returns its verdict file; a run that measured nothing is played again, and that is printed. */
export async function judgedRun(args: string[]): Promise<JudgedRun> {
  for (let attempt = 1; ; attempt += 1) {
    const { code, stdout, stderr } = await start(['run', ...args, '--json']).ended;
    if (stdout === '')
      throw new Error(
        `proofload run ${args.join(' ')} printed no verdict (exit ${code}):\n${stderr.slice(-4_000)}`,
      );
    const run = JSON.parse(stdout) as JudgedRun;
    if (code !== run.exitCode) throw new Error(`exit code ${code}, but the verdict says ${run.exitCode}`);
    if (!onlyTheMachine(run) || attempt === ATTEMPTS) return run;
    process.stderr.write(
      `attempt ${attempt} of ${args.join(' ')} is invalid, once more:\n${red(run).join('\n')}\n`,
    );
  }
}

/**
 * Whether nothing but the machine was wrong: it was busy, or the system did not come up before anything was asked of it. A proof that works
 * one time in three is no proof, and is not played again.
 */
function onlyTheMachine({ exitCode, verdicts }: JudgedRun): boolean {
  const broken = verdicts.filter(
    ({ check, verdict, reason }) =>
      verdict === 'invalid' &&
      check !== 'generator-valid' &&
      // What is not held against the system for that reason names it.
      !reason.includes('(generator-valid: ') &&
      !(check === 'run-completed' && reason.startsWith('stopped in "deploy"')),
  );
  return exitCode === EXIT.invalid && broken.length === 0;
}

/** "check: reason" of everything that is not green, for messages. */
export function red(run: JudgedRun): string[] {
  return run.verdicts.filter((v) => v.verdict !== 'pass').map((v) => `${v.id} ${v.verdict}: ${v.reason}`);
}
