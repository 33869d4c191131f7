/** One hand at a time on the bare cluster: two that bring it up, or one that takes down what the other is bringing up, would end each other's. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { UsageError } from '../../record/model.ts';
import { startTicksOf, stillRuns } from '../process-table.ts';

/** Outside of the cluster's own folder, which comes and goes. */
const FILE = '/run/proofload-bare.lock';

/** Holds the lock while `work` goes on. Throws UsageError when another process holds it. */
export async function locked<T>(work: () => Promise<T>): Promise<T> {
  take();
  try {
    return await work();
  } finally {
    rmSync(FILE, { force: true });
  }
}

function take(): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const file = openSync(FILE, 'wx', 0o600);
      writeSync(file, `${process.pid} ${startTicksOf(process.pid) ?? 0}`);
      closeSync(file);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const [pid = 0, startTicks = 0] = holder();
      if (attempt > 1 || stillRuns(pid, startTicks) !== false)
        throw new UsageError(
          `process ${pid} is bringing the bare cluster up or taking it down; wait for it, or remove ${FILE} if there is no such process`,
        );
      // Whoever wrote it was killed.
      rmSync(FILE, { force: true });
    }
  }
}

function holder(): number[] {
  try {
    return readFileSync(FILE, 'utf8').split(' ').map(Number);
  } catch {
    return [];
  }
}
