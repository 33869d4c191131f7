/** Puts images into the nodes' containerd, without a registry. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CannotRun } from '../platform.ts';
import { CGROUP_SYSTEM, NODES } from './layout.ts';
import { inNode, joining } from './node.ts';
import type { State } from './state.ts';

const IMPORT_LIMIT_MS = 120_000;
const ATTEMPTS = 20;

/** Imports docker-archives into every node. containerd is asked again while it is still starting. Throws CannotRun. */
export async function importImages(state: State, archives: readonly string[]): Promise<void> {
  await Promise.all(
    NODES.map(async ({ name }) => {
      for (const archive of archives) await importImage(state, name, path.resolve(archive));
    }),
  );
}

async function importImage(state: State, node: string, archive: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const why = await ctr(state, node, ['-n', 'k8s.io', 'images', 'import', archive]);
    if (why === null) return;
    if (attempt === ATTEMPTS || !/connect|dial|no such file.*sock/.test(why))
      throw new CannotRun(`${archive} could not be imported into ${node}: ${why}`);
    await pause(250);
  }
}

/** Null, or why it failed. */
function ctr(state: State, node: string, args: string[]): Promise<string | null> {
  const holder = state.holders[node]?.holder;
  if (holder === undefined) return Promise.resolve(`${node} is not there`);
  const [shell = 'sh', ...words] = joining(state.hierarchies, CGROUP_SYSTEM);
  return new Promise((resolve) => {
    const child = spawn(shell, [...words, ...inNode(holder), 'ctr', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: '/',
      timeout: IMPORT_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) =>
      resolve(code === 0 ? null : said.trim().split('\n').at(-1) || `ctr ended with ${code}`),
    );
  });
}
