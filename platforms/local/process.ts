/** The one place where this platform starts a process: journalled, marked with the run, in a process group of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { UndoJournal } from '../platform.ts';
import { startTicksOf, stillRuns } from '../process-table.ts';

/** From SIGKILL to the end, milliseconds. */
const KILLED_WITHIN_MS = 5_000;
/** Read of a log for its last lines: a pod can write gigabytes. */
const LOG_TAIL_BYTES = 64 * 1024;

interface Exit {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  pid: number;
  startTicks: number | null;
  child: ChildProcess;
  exited: Promise<Exit>;
  /** Has its exit been seen? */
  gone(): boolean;
  /** To the whole process group; nothing happens when it is gone. */
  signal(signal: NodeJS.Signals): void;
}

export interface StartOptions {
  /** For the journal and for errors, e.g. `pod luminate-abc-xyz`. */
  what: string;
  file: string;
  args: readonly string[];
  /** The whole environment; PROOFLOAD_RUN is added. */
  env: Record<string, string>;
  runId: string;
  /** Standard output and error are appended here. */
  logFile: string;
  undo: UndoJournal;
  cwd?: string;
  user?: { uid: number; gid: number };
  /** With a message channel to this process, which also ends the child's reading when this process dies. */
  ipc?: boolean;
}

/** Starts a process. Throws when it cannot be started; what happens afterwards is told by `exited`. */
export function startProcess(options: StartOptions): RunningProcess {
  const { what, undo } = options;
  const id = undo.intent({ kind: 'process', what });
  const log = openSync(options.logFile, 'a', 0o644);
  let child: ChildProcess;
  try {
    child = spawn(options.file, [...options.args], {
      detached: true,
      env: { ...options.env, PROOFLOAD_RUN: options.runId },
      stdio: options.ipc ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...options.user,
    });
  } catch (error) {
    undo.done(id);
    throw error;
  } finally {
    closeSync(log);
  }
  child.on('error', () => undefined);
  const { pid } = child;
  if (pid === undefined) {
    undo.done(id);
    throw new Error(
      `${what} cannot be started: ${options.file} is missing, not executable or refused by the system`,
    );
  }
  // Before the event loop turns the child cannot be reaped, so its entry in /proc is certainly its own.
  const startTicks = startTicksOf(pid);
  undo.acted(id, { kind: 'process', what, pid, ...(startTicks !== null && { startTicks }) });

  let gone = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (exitCode, signal) => {
      gone = true;
      signalGroup(pid, 'SIGKILL'); // what it started and left behind
      undo.done(id);
      resolve({ exitCode, signal });
    });
  });
  return {
    pid,
    startTicks,
    child,
    exited,
    gone: () => gone,
    signal(signal) {
      if (!gone) signalGroup(pid, signal);
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has no member left.
  }
}

/** Does this very process still run? A zombie does not, and neither does another one under its reused pid. */
export function isRunning(process: Pick<RunningProcess, 'pid' | 'startTicks' | 'gone'>): boolean {
  return stillRuns(process.pid, process.startTicks) ?? !process.gone();
}

/** Resolves to true when the process has ended within the time or before `hurry` is aborted, to false otherwise. */
export async function endsWithin(process: RunningProcess, ms: number, hurry?: AbortSignal): Promise<boolean> {
  const waiting = new AbortController();
  await Promise.race([
    process.exited,
    sleep(ms, hurry ? AbortSignal.any([hurry, waiting.signal]) : waiting.signal),
  ]);
  waiting.abort();
  return process.gone();
}

/** Resolves after the time, or at once when the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/**
 * Sends SIGKILL and waits for the end. Rejects when there is none within five seconds: a process that hangs in the kernel cannot be
 * killed, and must not hang this one.
 */
export async function killAndWait(process: RunningProcess, what: string): Promise<void> {
  process.signal('SIGKILL');
  if (await endsWithin(process, KILLED_WITHIN_MS)) return;
  throw new Error(`${what} (pid ${process.pid}) did not end within ${KILLED_WITHIN_MS} ms of SIGKILL`);
}

/** The last lines of a log for an error message, at most 2,000 characters; a note when there is nothing. */
export function logTail(file: string): string {
  let log: number;
  try {
    log = openSync(file, 'r');
  } catch {
    return '(it has no log)';
  }
  try {
    const { size } = fstatSync(log);
    const tail = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
    const read = readSync(log, tail, 0, tail.length, size - tail.length);
    const text = tail.toString('utf8', 0, read).slice(-2_000).trim();
    return text === '' ? '(its log is empty)' : text.split('\n').slice(-12).join('\n');
  } finally {
    closeSync(log);
  }
}
