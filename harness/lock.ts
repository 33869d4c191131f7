/** Marks a run directory as being written by a living harness, so that `heal` and `prune` keep their hands off it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
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
    process.kill(pid, 0);
    return startTicks === null || startTicksOf(pid) === startTicks ? pid : null;
  } catch {
    return null;
  }
}
