/**
 * Takes back what a run left on this machine, from its undo journal alone. Processes are found twice: by the pid and start time
 * in the journal, and by the run id in their environment (or their working directory in the run's temporary folder, for servers
 * that overwrite their environment), because a harness can die between starting a process and writing its pid down.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../../record/reason.ts';
import type { UndoAction } from '../platform.ts';
import { ownAncestors, processIds, startTicksOf, stillRuns } from '../process-table.ts';
import { attachedTo, removeSegment, segmentOf } from './shared-memory.ts';

/** How long a process may take to go after SIGKILL before it is reported, milliseconds. */
const KILL_WAIT_MS = 5_000;

export interface Healed {
  undone: string[];
  /** What could not be taken back, each with the reason and what to do by hand. */
  left: string[];
}

/** A journal is a file, and a file can be edited or cut off: nothing in it is believed unread. Pids 0, 1 and below mean more than one process. */
const Action: z.ZodType<UndoAction> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('process'),
    what: z.string(),
    pid: z.int().min(2).exactOptional(),
    startTicks: z.number().exactOptional(),
  }),
  z.object({ kind: z.literal('directory'), path: z.string() }),
  z.object({
    kind: z.literal('shared-memory'),
    what: z.string(),
    id: z.int().nonnegative().exactOptional(),
  }),
]);

/** Pids that belong to a run by their environment or working directory; never this process or its ancestors. */
export function processesOfRun(runId: string, folders: readonly string[]): number[] {
  const mine = ownAncestors();
  const mark = `PROOFLOAD_RUN=${runId}\0`;
  return processIds().filter((pid) => {
    if (mine.has(pid)) return false;
    try {
      if (`\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`.includes(`\0${mark}`)) return true;
      const cwd = readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '');
      return folders.some((folder) => cwd === folder || cwd.startsWith(folder + path.sep));
    } catch {
      return false; // gone, or somebody else's
    }
  });
}

/** Undoes `journal` (newest first): UndoActions as they were read. Idempotent: what is gone already counts as undone. Never throws. */
export async function healLocal(runId: string, journal: readonly unknown[]): Promise<Healed> {
  const healed: Healed = { undone: [], left: [] };
  const actions = journal.flatMap((entry) => readAction(entry, healed));
  const folders = actions.flatMap((action) =>
    action.kind === 'directory' && isOwnFolder(runId, action.path, healed) ? [action.path] : [],
  );
  const segments = [...actions.flatMap(segmentIn), ...folders.flatMap(segmentsNamedIn)];

  const marked = processesOfRun(runId, folders);
  // The watchdog heals its own run, and stands in that run's journal: it must not stop itself.
  const mine = ownAncestors();
  const journalled = actions
    .flatMap((action) => processIn(action, marked, healed))
    .filter((pid) => !mine.has(pid));
  await killAll(new Set([...journalled, ...marked]), () => processesOfRun(runId, folders), healed);
  for (const id of new Set(segments)) removeUnused(id, healed);
  for (const folder of folders) removeFolder(folder, healed);
  return healed;
}

function readAction(entry: unknown, healed: Healed): UndoAction[] {
  const { success, data } = Action.safeParse(entry);
  if (success) return [data];
  const shown = (JSON.stringify(entry) ?? String(entry)).slice(0, 200);
  healed.left.push(
    `undo.jsonl: the entry ${shown} is not understood; look at what it means and remove its line`,
  );
  return [];
}

/** The journalled process, if it is certainly still the same one. */
function processIn(action: UndoAction, marked: readonly number[], healed: Healed): number[] {
  if (action.kind !== 'process' || action.pid === undefined || marked.includes(action.pid)) return [];
  const runs = stillRuns(action.pid, action.startTicks);
  if (runs === null)
    healed.left.push(
      `process ${action.pid} (${action.what}): its start time is not known, so it may be another one by now; look at it and kill -9 ${action.pid}`,
    );
  return runs === true ? [action.pid] : [];
}

async function killAll(doomed: Set<number>, find: () => number[], healed: Healed): Promise<void> {
  // Stop them all first: a supervisor among them must not start a replacement for one that was just killed.
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of doomed) kill(pid, signal);
  const deadlineMs = performance.now() + KILL_WAIT_MS;
  let alive = [...doomed];
  while (alive.length > 0 && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    alive = [...new Set([...alive.filter((pid) => startTicksOf(pid) !== null), ...find()])];
    for (const pid of alive) kill(pid, 'SIGKILL');
  }
  if (doomed.size > 0) healed.undone.push(`${Math.max(0, doomed.size - alive.length)} processes`);
  for (const pid of alive) healed.left.push(`process ${pid} does not go: kill -9 ${pid}`);
}

function segmentIn(action: UndoAction): number[] {
  return action.kind === 'shared-memory' && action.id !== undefined ? [action.id] : [];
}

/** The journal may not know a segment yet that the server has written down. */
function segmentsNamedIn(folder: string): number[] {
  return [folder, ...subfolders(folder)].flatMap((candidate) => segmentOf(candidate) ?? []);
}

/** Only a segment that nobody is attached to: the id may have been given to somebody else since. */
function removeUnused(id: number, healed: Healed): void {
  if (attachedTo(id) !== 0) return;
  try {
    removeSegment(id);
    healed.undone.push(`shared memory ${id}`);
  } catch (error) {
    healed.left.push(`shared memory ${id}: ${reasonOf(error)}; remove it with ipcrm -m ${id}`);
  }
}

/** Only what this program names so, directly in the temporary folder. */
function isOwnFolder(runId: string, folder: string, healed: Healed): boolean {
  const expected = path.join(path.resolve(os.tmpdir()), `proofload-${runId}-`);
  if (
    path.resolve(folder) === folder &&
    folder.startsWith(expected) &&
    !folder.slice(expected.length).includes(path.sep)
  )
    return true;
  healed.left.push(`folder ${folder}: not removed, it is not ${expected}*; look at it and remove it by hand`);
  return false;
}

function removeFolder(folder: string, healed: Healed): void {
  if (!existsSync(folder)) return;
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    healed.undone.push(`folder ${folder}`);
  } catch (error) {
    healed.left.push(`folder ${folder}: ${reasonOf(error)}; remove it by hand`);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // gone already
  }
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(folder, entry.name));
}
