/**
 * What the cluster is made of, on disk as it is made: whoever takes it down, or stops one of its components, needs this file alone.
 * It lies in a folder that only root can write, and pids count only together with their start time.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../record/model.ts';
import { stillRuns } from '../process-table.ts';
import { STATE } from './layout.ts';

const Proc = z.strictObject({ pid: z.int().min(2), startTicks: z.number() });
export type Proc = z.infer<typeof Proc>;

const Component = z.strictObject({
  node: z.string(),
  argv: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  proc: Proc.optional(),
});
export type Component = z.infer<typeof Component>;

const State = z.strictObject({
  kubernetes: z.string(),
  /** Kernel settings as they were before. */
  sysctls: z.record(z.string(), z.string()),
  hierarchies: z.array(z.string()),
  lacks: z.strictObject({
    netem: z.string().nullable(),
    prio: z.string().nullable(),
    sysResource: z.string().nullable(),
  }),
  /** By node: the first process of its pid namespace, with whose end everything in it ends; and the process that made it. */
  holders: z.record(z.string(), z.strictObject({ holder: Proc.optional(), parent: Proc.optional() })),
  components: z.record(z.string(), Component),
  /** Processes in the host's network namespace: the forwarder's two halves. */
  helpers: z.array(Proc),
  /** Folders of this machine that were made for a mount of the nodes. */
  made: z.array(z.string()),
  /** True from the moment on that every part answered. */
  ready: z.boolean(),
});
export type State = z.infer<typeof State>;

const FILE = path.join(STATE, 'state.json');

/** Null when there is no cluster. Throws UsageError when the file cannot be read. */
export function readState(): State | null {
  if (!existsSync(FILE)) return null;
  try {
    return State.parse(JSON.parse(readFileSync(FILE, 'utf8')));
  } catch (error) {
    throw new UsageError(
      `${FILE}: not understood (${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}); make down ON=bare removes what is there`,
    );
  }
}

/** Replaced in one step: a reader never sees half of it. */
export function writeState(state: State): void {
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  writeFileSync(`${FILE}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${FILE}.new`, FILE);
}

/** The cluster as it runs. Throws UsageError when there is none, or it died. */
export function runningState(): State {
  const state = readState();
  if (!state?.ready) throw new UsageError('there is no bare cluster; bring one up: make up ON=bare');
  for (const [node, { holder }] of Object.entries(state.holders))
    if (holder === undefined || !isAlive(holder))
      throw new UsageError(
        `the bare cluster's ${node} has died; take the rest down and bring it up again: make down up ON=bare`,
      );
  return state;
}

export function isAlive({ pid, startTicks }: Proc): boolean {
  return stillRuns(pid, startTicks) === true;
}
