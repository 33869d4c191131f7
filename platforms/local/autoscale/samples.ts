/**
 * CPU and memory of each pod's processes the way metrics-server tells it: CPU is the mean between two looks, so a pod has a value from its
 * second look on; the time told is that of the later one.
 */
import { processIds, statOf } from '../../process-table.ts';
import type { ProcessStat } from '../../process-table.ts';

/** USER_HZ: /proc counts CPU time in 1/100 s on every Linux that Node runs on (proc(5), sysconf(_SC_CLK_TCK)). */
const NANOSECONDS_PER_TICK = 1e9 / 100;
const PAGE_KIB = 4;

export interface PodSample {
  pod: string;
  /** End of the window, on the run's clock. */
  atMs: number;
  windowMs: number;
  /** CPU nanoseconds a second. */
  cpuNano: number;
  memoryKib: number;
}

interface Look {
  atMs: number;
  /** The container's own process: another one is another container. */
  root: number;
  ticks: Map<number, number>;
}

/** Keeps the look before, since CPU is a difference. */
export class PodSampler {
  readonly #looks = new Map<string, Look>();

  /** Looks at every pod's processes. Those seen for the first time, and those that are gone, have no sample. */
  look(pids: ReadonlyMap<string, number>, nowMs: () => number): PodSample[] {
    const table = new Map<number, ProcessStat>();
    for (const pid of processIds()) {
      const stat = statOf(pid);
      if (stat) table.set(pid, stat);
    }
    for (const pod of this.#looks.keys()) if (!pids.has(pod)) this.#looks.delete(pod);
    return [...pids].flatMap(([pod, root]) => {
      const before = this.#looks.get(pod);
      const tree = treeOf(root, table);
      const now: Look = {
        atMs: nowMs(),
        root,
        ticks: new Map(tree.map(([pid, { cpuTicks }]) => [pid, cpuTicks])),
      };
      this.#looks.set(pod, now);
      if (tree.length === 0 || before?.root !== root) return [];
      const windowMs = now.atMs - before.atMs;
      if (windowMs <= 0) return [];
      let spent = 0;
      for (const [pid, ticks] of now.ticks) spent += Math.max(0, ticks - (before.ticks.get(pid) ?? 0));
      return [
        {
          pod,
          atMs: now.atMs,
          windowMs: Math.round(windowMs),
          cpuNano: Math.round((spent * NANOSECONDS_PER_TICK * 1_000) / windowMs),
          memoryKib: tree.reduce((sum, [, { rssPages }]) => sum + rssPages * PAGE_KIB, 0),
        },
      ];
    });
  }
}

/** A process and everything below it. */
function treeOf(root: number, table: ReadonlyMap<number, ProcessStat>): [number, ProcessStat][] {
  const isBelow = (pid: number): boolean => {
    for (let at = pid, depth = 0; at > 1 && depth < 32; depth += 1) {
      if (at === root) return true;
      at = table.get(at)?.parent ?? 0;
    }
    return false;
  };
  return [...table].filter(([pid]) => isBelow(pid));
}
