/** One k6 process: started, watched, stopped, and outlived. Its death is an answer here, never an exception. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { startTicksOf } from '../platforms/process-table.ts';
import type { UndoAction, UndoJournal } from '../platforms/platform.ts';
import { LedgerTail, type SecondSummary } from './ledger-tail.ts';
import { explainEnd, readSummary } from './load-end.ts';

/** Reading the ledger a few times a second costs next to nothing and is quick enough for eyes. */
const POLL_MS = 250;
/** From the start to the first line: k6 reads its script and makes its virtual users in a second or two. */
const START_LIMIT_MS = 30_000;
/** Past its schedule and three attempts of its last write, k6 only writes its summary. */
const END_LIMIT_MS = 60_000;
/** From SIGINT to SIGKILL. k6 interrupts its writes at once and then only writes its summary. */
const STOP_LIMIT_MS = 5_000;

/** Latency at p99.9 that the pool of virtual users is made for, unless the scenario says more: that of a service that is well, with a slow moment. */
const P999_MS = 200;
/** A stall of the generator itself that must not drop arrivals, milliseconds. */
const STALL_MS = 50;
const MIN_VUS = 20;
/** k6 takes about 2 MB of memory for each: 0.4 MB in use, the rest garbage that GOGC=400 lets stand; with writes of 500 points 7 MB. */
const MAX_VUS = 1_000;

/**
 * Virtual users for an open load: rate x p99.9 x 1.5 by Little's law with head-room, plus the arrivals of a short stall
 * (docs/design.md, section 6.10). They bound what is in flight: in an outage, writes wait for their timeout, the pool runs empty and
 * k6 drops arrivals and counts them. Measured at 1,000 writes/s of 100 points: 0.3 of a core with 100, 300 and 600 of them alike, and 0.6,
 * 1.6 and 2.7 CPU seconds to start.
 */
export function vusFor(ratePerS: number, p999Ms = P999_MS): number {
  const vus = Math.ceil((ratePerS * (p999Ms * 1.5 + STALL_MS)) / 1_000);
  return Math.min(MAX_VUS, Math.max(MIN_VUS, vus));
}

export interface LoadOptions {
  k6Path: string;
  /** From `bundleScript`. */
  scriptJs: string;
  runner: string;
  runId: string;
  /** Made here; must not exist yet, since a ledger is written once. */
  ledgerFile: string;
  logFile: string;
  summaryFile: string;
  /** What the script needs beyond what is here: URL, TOKEN, POINTS, TIMEOUT_MS. Never in the arguments, where every user sees them. */
  env: Record<string, string>;
  ratePerS: number;
  vus: number;
  forMs: number;
  undo: UndoJournal;
  onSecond?: (second: SecondSummary) => void;
  /** For tests; see START_LIMIT_MS and STOP_LIMIT_MS. */
  limits?: { startMs: number; stopMs: number };
}

export interface LoadEnd {
  exitCode: number | null;
  signal: string | null;
  /** From k6's own summary; null when it left none. */
  iterations: number | null;
  dropped: number | null;
  why: string;
}

export interface RunningLoad {
  /** Null when k6 could not be started. */
  readonly pid: number | null;
  /** Start of the schedule, milliseconds since the Unix epoch; null when k6 ended before its first write. */
  readonly anchorWallMs: Promise<number | null>;
  /** Resolves when k6 is gone and its ledger is read to the end; never rejects. */
  readonly ended: Promise<LoadEnd>;
  /** Ends it now: what is in flight becomes unknown. Resolves when it is gone; idempotent, never rejects. */
  stop(): Promise<void>;
}

/** Starts k6 on a bundled script. Rejects only when its files cannot be made. */
export async function startLoad(options: LoadOptions): Promise<RunningLoad> {
  closeSync(openSync(options.ledgerFile, 'wx'));
  const tail = new LedgerTail(options.ledgerFile, options.onSecond ?? (() => undefined));
  const action: UndoAction = { kind: 'process', what: `k6 ${options.runner}` };
  const undoId = options.undo.intent(action);
  const startedMs = performance.now();
  const child = spawnK6(options);
  const pid = child.pid ?? null;
  if (pid !== null) {
    const startTicks = startTicksOf(pid);
    options.undo.acted(undoId, { ...action, pid, ...(startTicks === null ? {} : { startTicks }) });
  }

  /** Set by whoever ends it from here; k6's own words otherwise. */
  let why: string | null = null;
  const kill = (signal: NodeJS.Signals) => {
    // While its end was not collected, the pid cannot have become somebody else's.
    if (pid === null || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    } catch {
      // It ended in this moment.
    }
  };

  const anchor = deferred<number | null>();
  const limits = options.limits ?? { startMs: START_LIMIT_MS, stopMs: STOP_LIMIT_MS };
  const endLimitMs = limits.startMs + options.forMs + lastWriteMs(options) + END_LIMIT_MS;
  const watch = setInterval(() => {
    tail.poll(performance.now());
    if (tail.anchorWallMs !== null) anchor.resolve(tail.anchorWallMs);
    const elapsedMs = performance.now() - startedMs;
    if (tail.anchorWallMs === null && elapsedMs > limits.startMs) {
      why ??= `k6 wrote nothing in its first ${limits.startMs / 1_000} s and was killed`;
      kill('SIGKILL');
    } else if (elapsedMs > endLimitMs) {
      why ??= `k6 did not end ${END_LIMIT_MS / 1_000} s after its last write was due and was killed`;
      kill('SIGKILL');
    }
  }, POLL_MS);

  const ended = exitOf(child).then(({ exitCode, signal, failed }): LoadEnd => {
    clearInterval(watch);
    tail.finish();
    anchor.resolve(tail.anchorWallMs);
    options.undo.done(undoId);
    const counted = readSummary(options.summaryFile);
    return {
      exitCode,
      signal,
      ...counted,
      why: failed ?? why ?? explainEnd(exitCode, signal, options.logFile),
    };
  });

  return {
    pid,
    anchorWallMs: anchor.promise,
    ended,
    async stop() {
      why ??= 'k6 was stopped by the harness';
      kill('SIGINT');
      const firm = setTimeout(() => kill('SIGKILL'), limits.stopMs);
      await ended;
      clearTimeout(firm);
    },
  };
}

/** Arguments and environment of k6 for a script of `scenarios/k6/`. */
export function k6Command(
  options: Pick<
    LoadOptions,
    'scriptJs' | 'runner' | 'runId' | 'ledgerFile' | 'summaryFile' | 'env' | 'ratePerS' | 'vus' | 'forMs'
  >,
): { args: string[]; env: NodeJS.ProcessEnv } {
  const { scriptJs, runner, runId, ledgerFile, summaryFile, ratePerS, vus, forMs } = options;
  return {
    args: [
      'run',
      '--quiet',
      '--no-thresholds',
      `--console-output=${ledgerFile}`,
      '--log-format=raw',
      '--log-output=stderr',
      scriptJs,
    ],
    env: {
      // A K6_VUS or K6_DURATION of the user would replace the script's own options.
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('K6_'))),
      RUN_ID: runId,
      // Its own id of the run goes before: a run that goes on with another's writes keeps their mark.
      ...options.env,
      RUNNER: runner,
      RATE: String(ratePerS),
      DURATION_MS: String(forMs),
      VUS: String(vus),
      SUMMARY_FILE: summaryFile,
      K6_NO_USAGE_REPORT: 'true',
      // Else an unknown import makes k6 fetch another k6 and run it.
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      // Memory for CPU: rarer collections make a write a third cheaper.
      GOGC: '400',
      PROOFLOAD_RUN: runId,
    },
  };
}

/** In a process group of its own, so that a Ctrl-C in the terminal reaches the harness alone. */
function spawnK6(options: LoadOptions): ChildProcess {
  const { args, env } = k6Command(options);
  // k6's log, and the last words of a crash, straight into the file: nothing is buffered when it is killed.
  const log = openSync(options.logFile, 'a');
  try {
    return spawn(options.k6Path, args, { detached: true, stdio: ['ignore', log, log], env });
  } finally {
    closeSync(log);
  }
}

/** Three attempts of the last write; the script waits for them. */
function lastWriteMs({ env }: LoadOptions): number {
  return 3 * (Number(env['TIMEOUT_MS']) || 0);
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

interface Exit {
  exitCode: number | null;
  signal: string | null;
  failed?: string;
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    child.once('error', (error) =>
      resolve({ exitCode: null, signal: null, failed: `k6 could not be started: ${error.message}` }),
    );
  });
}
