/** Asks the parts of the cluster whether they answer, and waits for them, bounded, watching that nothing has died meanwhile. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { reasonOf } from '../../record/reason.ts';
import { deadComponent } from './component-processes.ts';
import { CGROUP_HARNESS, PKI, STATE } from './layout.ts';
import { inNode, joining } from './node.ts';
import type { State } from './state.ts';

/** Each part answers within seconds; a machine that needs longer than this cannot carry a test either. */
const STEP_LIMIT_MS = 120_000;
const CALL_LIMIT_MS = 60_000;
const LOOK_MS = 200;

/** Looks until `answered`. Throws with the last reason and the end of a log when it never is, or when a component has ended. */
export async function until(
  state: State,
  signal: AbortSignal,
  what: string,
  answered: () => Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + STEP_LIMIT_MS;
  let last = 'no answer';
  for (;;) {
    try {
      if (await answered()) return;
    } catch (error) {
      last = reasonOf(error);
    }
    const dead = deadComponent(state);
    if (dead !== null) throw new Error(`waiting for ${what}: ${dead}`);
    if (signal.aborted) throw new Error('interrupted');
    if (performance.now() > endMs)
      throw new Error(`${what} did not answer in ${STEP_LIMIT_MS / 1_000} s (${last})`);
    await pause(LOOK_MS);
  }
}

/** kubectl as administrator, with its standard output; `objects` go to its standard input. Rejects with what it said. */
export function kubectl(state: State, args: string[], objects: readonly unknown[] = []): Promise<string> {
  const words = [path.join(STATE, 'bin/kubectl'), '--kubeconfig', path.join(PKI, 'admin.conf'), ...args];
  return inside(state, words, objects.map((object) => stringify(object)).join('---\n'));
}

/** Whether an address inside node-a answers a GET with 200. */
export async function answers(state: State, url: string): Promise<boolean> {
  const script = `fetch(${JSON.stringify(url)}).then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))`;
  await inside(state, [process.execPath, '-e', script], '');
  return true;
}

/** Runs a program in node-a's network and in the harness's cgroup: outside of it, busy pods would starve it. */
function inside(state: State, argv: string[], input: string): Promise<string> {
  const holder = state.holders['node-a']?.holder;
  if (holder === undefined) return Promise.reject(new Error('node-a is not there'));
  const [shell = 'sh', ...words] = joining(state.hierarchies, CGROUP_HARNESS);
  return new Promise((resolve, reject) => {
    const child = spawn(shell, [...words, ...inNode(holder), ...argv], {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: '/',
      timeout: CALL_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout.trim());
      else
        reject(
          new Error(stderr.trim().split('\n').slice(-2).join(' | ') || `${argv[0] ?? ''} ended with ${code}`),
        );
    });
  });
}
