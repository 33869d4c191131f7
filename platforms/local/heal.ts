/**
 * Takes back what a run left on this machine, from its undo journal alone. Processes are found twice: by the pid and start time
 * in the journal, and by the run id in their environment (or their working directory in the run's temporary folder, for servers
 * that overwrite their environment), because a harness can die between starting a process and writing its pid down.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { UndoAction } from '../platform.ts';

/** How long a process may take to go after SIGKILL before it is reported, milliseconds. */
const KILL_WAIT_MS = 5_000;

export interface Healed {
  undone: string[];
  /** What could not be taken back, each with the reason and what to do by hand. */
  left: string[];
}

/** Start time of a process in clock ticks since boot (field 22 of /proc/<pid>/stat), or null when there is none. */
export function startTicksOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const state = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state[0] === 'Z' ? null : Number(state[19]);
  } catch {
    return null;
  }
}

/** Pids that belong to a run by their environment or working directory; never this process or its ancestors. */
export function processesOfRun(runId: string, folders: readonly string[]): number[] {
  const mine = ancestors();
  const mark = `PROOFLOAD_RUN=${runId}\0`;
  return numericEntries('/proc').filter((pid) => {
    if (mine.has(pid)) return false;
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').concat('\0').includes(mark)) return true;
      const cwd = readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '');
      return folders.some((folder) => cwd === folder || cwd.startsWith(folder + path.sep));
    } catch {
      return false; // gone, or somebody else's
    }
  });
}

/** Undoes `actions` (newest first). Idempotent: what is gone already counts as undone. */
export async function healLocal(runId: string, actions: readonly UndoAction[]): Promise<Healed> {
  const healed: Healed = { undone: [], left: [] };
  const folders = actions.flatMap((action) => (action.kind === 'directory' ? [action.path] : []));
  const segments = [...actions.flatMap(segmentOf), ...folders.flatMap(segmentsNamedIn)];

  const journalled = actions.flatMap((action) =>
    action.kind === 'process' && action.pid !== undefined && startTicksOf(action.pid) === action.startTicks
      ? [action.pid]
      : [],
  );
  const doomed = new Set([...journalled, ...processesOfRun(runId, folders)]);
  // Stop them all first: a supervisor among them must not start a replacement for one that was just killed.
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of doomed) kill(pid, signal);
  const deadline = Date.now() + KILL_WAIT_MS;
  let alive = [...doomed];
  while (alive.length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    alive = [
      ...new Set([...alive.filter((pid) => startTicksOf(pid) !== null), ...processesOfRun(runId, folders)]),
    ];
    for (const pid of alive) kill(pid, 'SIGKILL');
  }
  if (doomed.size > 0) healed.undone.push(`${doomed.size - alive.length} processes`);
  for (const pid of alive) healed.left.push(`process ${pid} does not go: kill -9 ${pid}`);

  for (const id of new Set(segments)) removeSegment(id, healed);
  for (const folder of folders) removeFolder(runId, folder, healed);
  return healed;
}

function segmentOf(action: UndoAction): number[] {
  return action.kind === 'shared-memory' && action.id !== undefined ? [action.id] : [];
}

/** PostgreSQL writes "<key> <id>" of its shared memory on line 7 of postmaster.pid; the journal may not know it yet. */
function segmentsNamedIn(folder: string): number[] {
  return [folder, ...subfolders(folder)].flatMap((candidate) => {
    try {
      const id = Number(
        readFileSync(path.join(candidate, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/)[1],
      );
      return Number.isInteger(id) ? [id] : [];
    } catch {
      return [];
    }
  });
}

/** Only a segment that nobody is attached to: the id may have been given to somebody else since. */
function removeSegment(id: number, healed: Healed): void {
  const rows = existsSync('/proc/sysvipc/shm')
    ? readFileSync('/proc/sysvipc/shm', 'utf8').split('\n').slice(1)
    : [];
  const row = rows.map((line) => line.trim().split(/\s+/)).find((columns) => Number(columns[1]) === id);
  if (!row || Number(row[6]) > 0) return;
  try {
    execFileSync('ipcrm', ['-m', String(id)], { stdio: 'pipe', timeout: 5_000 });
    healed.undone.push(`shared memory ${id}`);
  } catch (error) {
    healed.left.push(
      `shared memory ${id}: ${error instanceof Error ? error.message : String(error)}; remove it with ipcrm -m ${id}`,
    );
  }
}

/** Only what this program names so, under the temporary folder: a journal is a file, and a file can be edited. */
function removeFolder(runId: string, folder: string, healed: Healed): void {
  const expected = path.join(os.tmpdir(), `proofload-${runId}`);
  if (path.resolve(folder) !== folder || !folder.startsWith(expected)) {
    healed.left.push(
      `folder ${folder}: not removed, it is not under ${expected}*; look at it and remove it by hand`,
    );
    return;
  }
  if (!existsSync(folder)) return;
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  healed.undone.push(`folder ${folder}`);
}

function ancestors(): Set<number> {
  const found = new Set([process.pid]);
  for (let pid = process.ppid; pid > 1 && !found.has(pid);) {
    found.add(pid);
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      break;
    }
  }
  return found;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // gone already
  }
}

function numericEntries(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(folder, entry.name));
}
