/** Starts and stops one component of the cluster, each a process of its own, so that a test can take away the API server alone. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CGROUP_SYSTEM, LOGS } from './layout.ts';
import { childOf, inNode, joining, procOf } from './node.ts';
import { isAlive, type State, writeState } from './state.ts';

const START_LIMIT_MS = 5_000;
const STOP_LIMIT_MS = 10_000;

/** Starts it in its node, in the cgroup of the cluster's own processes; its output goes to a log of its name. */
export async function startComponent(state: State, name: string): Promise<void> {
  const component = state.components[name];
  const holder = component && state.holders[component.node]?.holder;
  if (component === undefined || holder === undefined)
    throw new Error(`the bare cluster has no component ${name}`);
  const log = openSync(logOf(name), 'a');
  const [shell = 'sh', ...words] = joining(state.hierarchies, CGROUP_SYSTEM);
  const child = spawn(shell, [...words, ...inNode(holder), ...component.argv], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '', HOME: '/root', ...component.env },
  });
  closeSync(log);
  child.unref();
  // nsenter stays outside the pid namespace; the program is its child.
  const endMs = performance.now() + START_LIMIT_MS;
  while (performance.now() < endMs && child.exitCode === null && child.pid !== undefined) {
    const proc = procOf(childOf(child.pid) ?? undefined);
    if (proc !== null) {
      component.proc = proc;
      writeState(state);
      return;
    }
    await pause(10);
  }
  throw new Error(`${name} could not be started: ${tail(logOf(name))}`);
}

/** Resolves when it is gone. SIGKILL after 10 s. */
export async function stopComponent(state: State, name: string): Promise<void> {
  const proc = state.components[name]?.proc;
  if (proc === undefined || !isAlive(proc)) return;
  process.kill(proc.pid, 'SIGTERM');
  const endMs = performance.now() + STOP_LIMIT_MS;
  while (isAlive(proc)) {
    if (performance.now() > endMs) process.kill(proc.pid, 'SIGKILL');
    await pause(20);
  }
}

/** The first component that is not there any more, with the end of its log; null = all run. */
export function deadComponent(state: State): string | null {
  for (const [name, { proc }] of Object.entries(state.components))
    if (proc !== undefined && !isAlive(proc)) return `${name} ended: ${tail(logOf(name))}`;
  return null;
}

export function logOf(name: string): string {
  return path.join(LOGS, `${name}.log`);
}

export function tail(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    // A Go program that panics ends with its stack; what it says comes before.
    const words = lines.filter((line) => /panic|fatal|error/i.test(line)).slice(-2);
    return (words.length > 0 ? words : lines.slice(-3)).join(' | ').slice(-1_000) || 'it said nothing';
  } catch {
    return 'it left no log';
  }
}
