/** Takes back what runs left behind: `proofload heal`, the start of every run, and the watchdog of a run whose harness died. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { healLocal } from '../platforms/local/heal.ts';
import type { Connect } from '../platforms/kubernetes/heal.ts';
import type { UndoAction, UndoJournal } from '../platforms/platform.ts';
import { startTicksOf } from '../platforms/process-table.ts';
import { UsageError } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import { builtFile } from '../record/root.ts';
import { removeRawLogs } from './dead-logs.ts';
import { livingHarness } from './lock.ts';
import { openActions, openJournal } from './undo.ts';

export interface HealReport {
  run: string;
  undone: string[];
  left: string[];
}

/** Heals one run from its undo.jsonl, and removes the logs that its harness did not live to redact. Throws UsageError when that run is still going on. */
export async function healRun(runDir: string): Promise<HealReport> {
  const runId = path.basename(runDir);
  const pid = livingHarness(runDir);
  if (pid !== null && pid !== process.pid) {
    throw new UsageError(
      `run ${runId} is still going on (pid ${pid}); stop it with Ctrl-C or kill ${pid}, it heals itself`,
    );
  }
  const open = openActions(runDir);
  const healed = await healAll(
    runId,
    open.map(({ action }) => action),
  );
  if (healed.left.length === 0) {
    const journal = openJournal(runDir);
    for (const { id } of open) journal.done(id);
  }
  const logs = removeRawLogs(runDir);
  return { run: runId, undone: [...healed.undone, ...logs.undone], left: [...healed.left, ...logs.left] };
}

/** Processes first: a load that still runs would go on writing while its cluster is swept. */
async function healAll(runId: string, actions: readonly UndoAction[]): Promise<Omit<HealReport, 'run'>> {
  const inCluster = actions.filter(({ kind }) => kind === 'cluster' || kind === 'restore');
  const local = await healLocal(
    runId,
    actions.filter((action) => !inCluster.includes(action)),
  );
  if (inCluster.length === 0) return local;
  const { healCluster } = await import('../platforms/kubernetes/heal.ts');
  const { connectCluster } = await import('../platforms/kubernetes/client.ts');
  const cluster = await healCluster(runId, inCluster, (target) => connectCluster(target));
  return { undone: [...local.undone, ...cluster.undone], left: [...local.left, ...cluster.left] };
}

/** How long a run waits at its end for changes that a fault could not take back, milliseconds. */
const RESTORED_WITHIN_MS = 60_000;

/**
 * At the end of a run: takes back what its faults changed and could not take back themselves, since the API was away at that moment. Such
 * entries get their `done`. Never throws.
 */
export async function restoreLeft(
  runDir: string,
  journal: UndoJournal,
  connect?: Connect,
): Promise<Omit<HealReport, 'run'>> {
  const open = openActions(runDir).filter(({ action }) => action.kind === 'restore');
  if (open.length === 0) return { undone: [], left: [] };
  const bound = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    const { restoreOpen } = await import('../platforms/kubernetes/heal.ts');
    const connectTo = connect ?? (await import('../platforms/kubernetes/client.ts')).connectCluster;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        bound.abort();
        reject(new Error(`not taken back within ${RESTORED_WITHIN_MS / 1_000} s`));
      }, RESTORED_WITHIN_MS);
    });
    const { undone, left, done } = await Promise.race([
      restoreOpen(path.basename(runDir), open, (target) => connectTo(target), bound.signal),
      late,
    ]);
    for (const id of done) journal.done(id);
    return { undone, left };
  } catch (error) {
    const left = open.map(({ action }) => ('what' in action ? action.what : action.kind));
    return { undone: [], left: [`${left.join(', ')}: ${reasonOf(error)}; run proofload heal ${runDir}`] };
  } finally {
    clearTimeout(timer);
  }
}

/** Every run that has left something in a cluster and whose harness does not live here; `outDir` holds the runs of this machine. */
export async function healStrays(
  {
    allow,
    ...target
  }: {
    kubeconfig?: string;
    context?: string;
    allow: (target: { context: string; server: string }) => void;
  },
  outDir: string,
): Promise<HealReport[]> {
  const { healWithoutJournal, runsIn } = await import('../platforms/kubernetes/heal-strays.ts');
  const { connectCluster } = await import('../platforms/kubernetes/client.ts');
  const cluster = await connectCluster(target);
  try {
    allow({ context: cluster.context, server: cluster.server });
    const reports: HealReport[] = [];
    const { runs, unseen } = await runsIn(cluster);
    if (unseen.length > 0) reports.push({ run: cluster.context, undone: [], left: unseen });
    for (const run of runs) {
      if (livingHarness(path.join(outDir, run)) !== null) continue;
      reports.push({ run, ...(await healWithoutJournal(cluster, run)) });
    }
    return reports;
  } finally {
    cluster.close();
  }
}

/** Runs under `outDir` that have an undo journal, oldest first; those still going on are left out. */
export function healableRuns(outDir: string): string[] {
  if (!existsSync(outDir)) return [];
  return readdirSync(outDir)
    .toSorted()
    .map((entry) => path.join(outDir, entry))
    .filter((dir) => existsSync(path.join(dir, 'undo.jsonl')) && livingHarness(dir) === null);
}

/**
 * Starts a process that heals the run if this harness dies without a word: it waits on a pipe that only this process holds open.
 * A shell waits, so that it costs next to nothing while nothing happens.
 */
export function startWatchdog(
  runDir: string,
  journal: UndoJournal,
  runId: string,
): { dismiss(): Promise<void> } {
  const id = journal.intent({ kind: 'process', what: 'watchdog' });
  const child: ChildProcess = spawn(
    '/bin/sh',
    [
      '-c',
      'read -r word && exit 0; exec "$@"',
      'watchdog',
      process.execPath,
      builtFile('harness/watchdog.ts'),
      runDir,
    ],
    { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: { ...process.env, PROOFLOAD_RUN: runId } },
  );
  const { pid } = child;
  if (pid !== undefined) journal.acted(id, { kind: 'process', what: 'watchdog', pid, ...ticks(pid) });
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    async dismiss() {
      child.stdin?.end('done\n');
      await ended;
      journal.done(id);
    },
  };
}

function ticks(pid: number): { startTicks?: number } {
  const startTicks = startTicksOf(pid);
  return startTicks === null ? {} : { startTicks };
}
