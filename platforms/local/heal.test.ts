import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { healLocal, processesOfRun, startTicksOf } from './heal.ts';

const FOREVER = 'setInterval(() => undefined, 1000); process.stdout.write("up")';

async function sleeper(env: Record<string, string>, cwd?: string) {
  const child = spawn(process.execPath, ['-e', FOREVER], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
  });
  await once(child.stdout, 'data');
  return child;
}

it('kills a process that carries the run id, journalled or not, and no other', async () => {
  const ours = await sleeper({ PROOFLOAD_RUN: 'heal-test-1' });
  const theirs = await sleeper({ PROOFLOAD_RUN: 'heal-test-10' });
  const gone = once(ours, 'exit');
  const healed = await healLocal('heal-test-1', []);
  expect(healed).toEqual({ undone: ['1 processes'], left: [] });
  await gone;
  expect(startTicksOf(theirs.pid ?? 0)).not.toBeNull();
  theirs.kill('SIGKILL');
});

it('kills a process in the run folder that wiped its environment, and removes the folder', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-heal-test-2-'));
  const inside = path.join(folder, 'data');
  mkdirSync(inside);
  const server = await sleeper({}, inside);
  const gone = once(server, 'exit');
  const healed = await healLocal('heal-test-2', [{ kind: 'directory', path: folder }]);
  await gone;
  expect(healed.left).toEqual([]);
  expect(existsSync(folder)).toBe(false);
});

it('leaves a reused pid alone: the start time differs', async () => {
  const other = await sleeper({});
  const pid = other.pid ?? 0;
  await healLocal('heal-test-3', [
    { kind: 'process', what: 'pod', pid, startTicks: (startTicksOf(pid) ?? 0) - 1 },
  ]);
  expect(startTicksOf(pid)).not.toBeNull();
  other.kill('SIGKILL');
});

it('does not remove a folder that a doctored journal names', async () => {
  const innocent = mkdtempSync(path.join(os.tmpdir(), 'innocent-'));
  const tricks = [innocent, path.join(os.tmpdir(), 'proofload-heal-test-4-x', '..', path.basename(innocent))];
  for (const folder of tricks) {
    const healed = await healLocal('heal-test-4', [{ kind: 'directory', path: folder }]);
    expect(healed.left[0]).toMatch(/not removed/);
  }
  expect(existsSync(innocent)).toBe(true);
  rmSync(innocent, { recursive: true });
});

it('is idempotent', async () => {
  const actions = [
    { kind: 'directory', path: path.join(os.tmpdir(), 'proofload-heal-test-5-gone') } as const,
  ];
  expect(await healLocal('heal-test-5', actions)).toEqual({ undone: [], left: [] });
  expect(processesOfRun('heal-test-5', [])).toEqual([]);
});
