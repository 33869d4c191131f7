/** Takes the bare cluster down, whole: processes, mounts, namespaces, cgroups, settings, files. Idempotent; from a cold start. */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { $ } from 'zx';
import { commandLineOf, ownAncestors, processIds, startTicksOf } from '../process-table.ts';
import { UsageError } from '../../record/model.ts';
import { CannotRun } from '../platform.ts';
import { MOUNT_POINTS, writeSysctls } from './host.ts';
import { CGROUP, NODES, STATE } from './layout.ts';
import { locked } from './lock.ts';
import { isAlive, type Proc, readState } from './state.ts';

const GONE_LIMIT_MS = 15_000;

/** With the lock held; else as `removeBare`. */
export function downBare(): Promise<void> {
  return locked(removeBare);
}

/** Throws CannotRun that names what could not be removed, UsageError for who may not. */
export async function removeBare(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new UsageError('a bare cluster is taken down by root, who brought it up; use sudo');
  let state = null;
  try {
    state = readState();
  } catch {
    // Unreadable: what is known by name is taken down all the same.
  }
  for (const { holder, parent } of Object.values(state?.holders ?? {}))
    for (const proc of [holder, parent]) if (proc) await kill(proc);
  for (const proc of state?.helpers ?? []) await kill(proc);
  // Whatever the state file says, or cannot say: no node's first process may outlive its folder.
  for (const proc of holdersByName()) await kill(proc);
  // All that this kernel has: the container runtime makes groups in the unified one, too.
  const hierarchies = readdirSync('/sys/fs/cgroup').map((name) => path.join('/sys/fs/cgroup', name));
  await removeCgroups(hierarchies);
  for (const { netns } of NODES)
    if (existsSync(`/run/netns/${netns}`))
      await $({ quiet: true, nothrow: true, timeout: '20s' })`ip netns del ${netns}`;
  if (state) writeSysctls(state.sysctls);
  const made = state?.made ?? MOUNT_POINTS;
  for (const folder of made) removeEmpty(folder);
  // Below a mount that is still there lie somebody's files.
  if (!hasMounts()) rmSync(STATE, { recursive: true, force: true, maxRetries: 5 });
  const left = leftovers(hierarchies, made);
  if (left.length > 0)
    throw new CannotRun(`make down left behind: ${left.join(', ')}; see the kernel's log, and run it again`);
}

/** What of a bare cluster is still there. Empty when nothing is. */
function leftovers(hierarchies: readonly string[], made: readonly string[]): string[] {
  return [
    ...hierarchies.map((root) => path.join(root, CGROUP)).filter((dir) => existsSync(dir)),
    ...NODES.map(({ netns }) => `/run/netns/${netns}`).filter((file) => existsSync(file)),
    ...holdersByName().map(({ pid }) => `process ${pid}`),
    ...(hasMounts() ? [`mounts below ${STATE}`] : []),
    ...(existsSync(STATE) ? [STATE] : []),
    ...made.filter((folder) => existsSync(folder)),
  ];
}

function hasMounts(): boolean {
  return readFileSync('/proc/mounts', 'utf8').includes(` ${STATE}/`);
}

/** An empty folder only: what somebody else has put there stays, and is said. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Not there, or not empty.
  }
}

async function kill(proc: Proc): Promise<void> {
  const endMs = performance.now() + GONE_LIMIT_MS;
  while (isAlive(proc) && performance.now() < endMs) {
    tryKill(proc.pid);
    await pause(20);
  }
}

/** What makes a node's namespaces has the node's folder as its last word; with it everything in the node ends (--kill-child). */
function holdersByName(): Proc[] {
  const last = NODES.map(({ dir }) => `\0_\0${dir}\0`);
  return processIds().flatMap((pid) => {
    const words = commandLineOf(pid);
    const startTicks = startTicksOf(pid);
    const found = words.startsWith('unshare\0') && last.some((end) => words.endsWith(end));
    return found && startTicks !== null ? [{ pid, startTicks }] : [];
  });
}

/** Whoever is left in them is killed, but never this process or those above it; then the groups go, the deepest first. */
async function removeCgroups(hierarchies: readonly string[]): Promise<void> {
  const mine = ownAncestors();
  const endMs = performance.now() + GONE_LIMIT_MS;
  for (const root of hierarchies) {
    const top = path.join(root, CGROUP);
    while (existsSync(top) && performance.now() < endMs) {
      for (const dir of groupsBelow(top)) {
        for (const pid of pidsIn(dir)) if (!mine.has(pid)) tryKill(pid);
        try {
          rmdirSync(dir);
        } catch {
          // Its last process is still on its way out.
        }
      }
      if (existsSync(top)) await pause(20);
    }
  }
}

function groupsBelow(dir: string): string[] {
  let entries: string[] = [];
  try {
    entries = readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(dir, entry.name));
  } catch {
    return [];
  }
  return [...entries.flatMap(groupsBelow), dir];
}

function pidsIn(dir: string): number[] {
  try {
    return readFileSync(path.join(dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function tryKill(pid: number): void {
  try {
    if (pid > 1) process.kill(pid, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
}
