/** Marks a run directory as being written by a living harness, so that `heal` and `prune` keep their hands off it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startTicksOf } from '../platforms/process-table.ts';

const FILE = 'harness.json';

export function lockRun(runDir: string): void {
  writeFileSync(
    path.join(runDir, FILE),
    JSON.stringify({ pid: process.pid, startTicks: startTicksOf(process.pid) }),
  );
}

export function unlockRun(runDir: string): void {
  rmSync(path.join(runDir, FILE), { force: true });
}

/** Pid of the harness that still writes this run, or null. A reused pid is told apart by its start time. */
export function livingHarness(runDir: string): number | null {
  try {
    const { pid, startTicks } = JSON.parse(readFileSync(path.join(runDir, FILE), 'utf8')) as {
      pid: number;
      startTicks: number | null;
    };
    if (!isThere(pid)) return null;
    return startTicks === null || startTicksOf(pid) === startTicks ? pid : null;
  } catch {
    return null;
  }
}

/** Its harness died before it came to the end of the run: the mark is there, and nobody who made it. */
export function isAbandoned(runDir: string): boolean {
  return existsSync(path.join(runDir, FILE)) && livingHarness(runDir) === null;
}

/** Signal 0 asks only; what may not be asked (EPERM) is there all the same and belongs to another user. See kill(2). */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
