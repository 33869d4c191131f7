/** Takes the bare cluster down, whole: processes, mounts, namespaces, cgroups, settings, files. Idempotent; from a cold start. */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { $ } from 'zx';
import { ownAncestors } from '../process-table.ts';
import { UsageError } from '../../record/model.ts';
import { HOST_SYS } from './chaos-mesh.ts';
import { writeSysctls } from './host.ts';
import { CGROUP, NODES, STATE } from './layout.ts';
import { isAlive, type Proc, readState } from './state.ts';

const GONE_LIMIT_MS = 15_000;

/** Throws UsageError that names what could not be removed. */
export async function downBare(): Promise<void> {
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
  const hierarchies =
    state?.hierarchies ?? readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`);
  await removeCgroups(hierarchies);
  for (const { netns } of NODES)
    if (existsSync(`/run/netns/${netns}`))
      await $({ quiet: true, nothrow: true, timeout: '20s' })`ip netns del ${netns}`;
  if (state) writeSysctls(state.sysctls);
  if (state?.madeHostSys && existsSync(HOST_SYS)) rmdirSync(HOST_SYS);
  rmSync(STATE, { recursive: true, force: true, maxRetries: 5 });
  const left = leftovers(hierarchies);
  if (left.length > 0)
    throw new UsageError(`make down left behind: ${left.join(', ')}; see the kernel's log, and run it again`);
}

/** What of a bare cluster is still there. Empty when nothing is. */
export function leftovers(hierarchies: readonly string[]): string[] {
  return [
    ...hierarchies.map((root) => path.join(root, CGROUP)).filter((dir) => existsSync(dir)),
    ...NODES.map(({ netns }) => `/run/netns/${netns}`).filter((file) => existsSync(file)),
    ...(readFileSync('/proc/mounts', 'utf8').includes(` ${STATE}/`) ? [`mounts below ${STATE}`] : []),
    ...(existsSync(STATE) ? [STATE] : []),
  ];
}

async function kill(proc: Proc): Promise<void> {
  const endMs = performance.now() + GONE_LIMIT_MS;
  while (isAlive(proc) && performance.now() < endMs) {
    process.kill(proc.pid, 'SIGKILL');
    await pause(20);
  }
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
