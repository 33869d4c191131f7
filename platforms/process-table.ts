/** What the kernel's process table (/proc, Linux) says of a process. Where there is none, nothing is claimed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const HAS_TABLE = existsSync('/proc/self/stat');

/** The fields of /proc/<pid>/stat (man 5 proc_pid_stat) that are used; ticks are clock ticks of the kernel. */
export interface ProcessStat {
  /** `Z` is a zombie. */
  state: string;
  parent: number;
  /** CPU time in user and in kernel mode so far. */
  cpuTicks: number;
  /** Since boot. */
  startTicks: number;
  /** Resident memory. */
  rssPages: number;
}

/** Null when there is no such process; a zombie is one. */
export function statOf(pid: number): ProcessStat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, parentheses too. What follows begins with field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (n: number) => Number(fields[n - 3]);
    return {
      state: fields[0] ?? '',
      parent: field(4),
      cpuTicks: field(14) + field(15),
      startTicks: field(22),
      rssPages: field(24),
    };
  } catch {
    return null;
  }
}

/** Start time of a process in clock ticks since boot (field 22), or null when none runs under this pid or it cannot be known. */
export function startTicksOf(pid: number): number | null {
  const stat = statOf(pid);
  return stat === null || stat.state === 'Z' ? null : stat.startTicks;
}

/** Does the process that started at `startTicks` still run under this pid? Null when that cannot be told. */
export function stillRuns(pid: number, startTicks: number | null | undefined): boolean | null {
  if (!HAS_TABLE) return isThere(pid) ? null : false;
  const now = startTicksOf(pid);
  if (now === null) return false;
  return startTicks === null || startTicks === undefined ? null : now === startTicks;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** All pids; none where there is no process table. */
export function processIds(): number[] {
  if (!HAS_TABLE) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** The words a process was started with, each ended by a NUL; empty when it is gone (or is a kernel thread). */
export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/** Direct children of a process. */
export function childrenOf(parent: number): number[] {
  return processIds().filter((pid) => statOf(pid)?.parent === parent);
}

/** This process and those above it. */
export function ownAncestors(): Set<number> {
  const found = new Set([process.pid]);
  for (let pid = process.ppid; pid > 1 && !found.has(pid); pid = statOf(pid)?.parent ?? 0) found.add(pid);
  return found;
}
