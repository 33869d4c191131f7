/**
 * Whose CPU is it? Once a second: how busy the machine is, how much of that is this run (by group of processes), how much is
 * somebody else's, and how much the hypervisor took away. A verdict about a system is worth nothing on a machine that others use.
 * Linux only (/proc); elsewhere no sample is taken, and the checks that need one say so.
 */
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CpuGroups } from '../platforms/platform.ts';
import { processIds, statOf } from '../platforms/process-table.ts';
import type { ProcessStat } from '../platforms/process-table.ts';

/** USER_HZ: /proc counts CPU time in 1/100 s on every Linux that Node runs on (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_S = 100;
const PAGE_MB = 4_096 / 2 ** 20;

export interface HostSample {
  /** Shares of the whole machine, 0..1. */
  busy: number;
  foreign: number;
  steal: number;
  /** CPU seconds per second, and resident memory, by group of processes. */
  cores: Record<string, number>;
  rssMb: Record<string, number>;
  diskFreeMb: number;
}

interface Snapshot {
  atMs: number;
  cpu: { userland: number; kernel: number; steal: number; total: number };
  processes: Map<number, ProcessStat>;
  /** Groups that are counted as a whole. */
  charged: Map<string, { cpuSeconds: number; rssMb: number }>;
}

/** Makes a sampler (`diskFreeMb` is the smallest of `diskPaths`); every call gives the shares since the call before (null on the first, and where there is no /proc). */
export function hostSampler(diskPaths: readonly string[]): (groups: CpuGroups) => HostSample | null {
  let before = snapshot({});
  return (groups) => {
    const now = snapshot(groups);
    const previous = before;
    before = now;
    return previous && now ? compare(previous, now, groups, diskPaths) : null;
  };
}

/** Free space of the file system that holds `folder` (or will: the nearest folder above that exists counts), in MiB. */
export function diskFreeMb(folder: string): number {
  let existing = path.resolve(folder);
  while (!existsSync(existing)) existing = path.dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  return Math.round((bavail * bsize) / 2 ** 20);
}

function compare(
  before: Snapshot,
  now: Snapshot,
  groups: CpuGroups,
  diskPaths: readonly string[],
): HostSample {
  const seconds = (now.atMs - before.atMs) / 1_000;
  const cpus = os.cpus().length;
  const owner = owners(now.processes, groups);
  const cores: Record<string, number> = {};
  const rssMb: Record<string, number> = {};
  let ours = 0;
  for (const [pid, process] of now.processes) {
    const group = owner.get(pid);
    if (group === undefined) continue;
    const spent = (process.cpuTicks - (before.processes.get(pid)?.cpuTicks ?? 0)) / TICKS_PER_S;
    cores[group] = (cores[group] ?? 0) + spent / seconds;
    rssMb[group] = (rssMb[group] ?? 0) + process.rssPages * PAGE_MB;
    ours += spent;
  }
  for (const [group, charged] of now.charged) {
    const spent = charged.cpuSeconds - (before.charged.get(group) ?? charged).cpuSeconds;
    cores[group] = spent / seconds;
    rssMb[group] = charged.rssMb;
    ours += spent;
  }
  const total = Math.max(1, now.cpu.total - before.cpu.total);
  const userland = now.cpu.userland - before.cpu.userland;
  const kernel = now.cpu.kernel - before.cpu.kernel;
  return {
    busy: (userland + kernel) / total,
    // Interrupts are left out on both sides: the kernel does not charge them to a process, ours included.
    foreign: Math.max(0, userland / total - ours / (seconds * cpus)),
    steal: (now.cpu.steal - before.cpu.steal) / total,
    cores: rounded(cores, 1_000),
    rssMb: rounded(rssMb, 1),
    diskFreeMb: Math.min(...diskPaths.map(diskFreeMb)),
  };
}

function isList(group: CpuGroups[string]): group is readonly number[] {
  return Array.isArray(group);
}

/** Every process belongs to the group of its nearest named ancestor (a database's workers to the database). */
function owners(processes: Snapshot['processes'], groups: CpuGroups): Map<number, string> {
  const named = new Map(
    Object.entries(groups).flatMap(([group, pids]) =>
      isList(pids) ? pids.map((pid) => [pid, group] as const) : [],
    ),
  );
  const found = new Map<number, string>();
  for (const start of processes.keys()) {
    for (let pid = start, depth = 0; pid > 1 && depth < 32; depth += 1) {
      const group = named.get(pid);
      if (group !== undefined) {
        found.set(start, group);
        break;
      }
      pid = processes.get(pid)?.parent ?? 0;
    }
  }
  return found;
}

function snapshot(groups: CpuGroups): Snapshot | null {
  try {
    // cpu user nice system idle iowait irq softirq steal ... (proc(5))
    const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
      readFileSync('/proc/stat', 'utf8').slice(5, 200).split('\n', 1)[0]!.trim().split(/\s+/).map(Number);
    const cpu = {
      userland: user + nice + system,
      kernel: irq + softirq,
      steal,
      total: user + nice + system + idle + iowait + irq + softirq + steal,
    };
    const charged = Object.entries(groups).flatMap(([group, what]) =>
      isList(what) ? [] : [[group, what] as const],
    );
    return { atMs: performance.now(), cpu, processes: readProcesses(), charged: new Map(charged) };
  } catch {
    return null;
  }
}

function readProcesses(): Snapshot['processes'] {
  return new Map(
    processIds().flatMap((pid) => {
      const stat = statOf(pid);
      return stat === null ? [] : [[pid, stat]];
    }),
  );
}

function rounded(values: Record<string, number>, precision: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Math.round(value * precision) / precision]),
  );
}
