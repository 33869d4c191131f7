import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startTicksOf } from '../process-table.ts';
import { healLocal, processesOfRun } from './heal.ts';

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

it('leaves a process whose start time nobody wrote down, and says so', async () => {
  const other = await sleeper({});
  const pid = other.pid ?? 0;
  const healed = await healLocal('heal-test-6', [{ kind: 'process', what: 'pod', pid }]);
  expect(healed.left).toEqual([
    expect.stringMatching(new RegExp(`process ${pid} \\(pod\\): its start time is not known`)),
  ]);
  expect(startTicksOf(pid)).not.toBeNull();
  other.kill('SIGKILL');
});

it('a journalled process that is certainly the same one is killed without any mark', async () => {
  const other = await sleeper({});
  const pid = other.pid ?? 0;
  const gone = once(other, 'exit');
  const startTicks = startTicksOf(pid) ?? 0;
  const healed = await healLocal('heal-test-7', [{ kind: 'process', what: 'pod', pid, startTicks }]);
  expect(healed).toEqual({ undone: ['1 processes'], left: [] });
  await gone;
});

it.each([
  [null],
  ['process'],
  [{}],
  [{ kind: 'process', what: 'pod', pid: -1 }],
  [{ kind: 'process', what: 'pod', pid: 0, startTicks: 0 }],
  [{ kind: 'process', what: 'pod', pid: '12' }],
  [{ kind: 'directory' }],
  [{ kind: 'shared-memory', what: 'store', id: 'x' }],
  [{ kind: 'volcano' }],
])('names a journal entry that means nothing, and does the rest: %j', async (entry) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-heal-test-8-'));
  const healed = await healLocal('heal-test-8', [entry, { kind: 'directory', path: folder }]);
  expect(healed.left).toEqual([expect.stringContaining(JSON.stringify(entry))]);
  expect(existsSync(folder)).toBe(false);
});

it('does not kill what works in a folder that a doctored journal names', async () => {
  const innocent = mkdtempSync(path.join(os.tmpdir(), 'innocent-'));
  const server = await sleeper({}, innocent);
  await healLocal('heal-test-9', [{ kind: 'directory', path: innocent }]);
  expect(startTicksOf(server.pid ?? 0)).not.toBeNull();
  server.kill('SIGKILL');
  rmSync(innocent, { recursive: true });
});

it('does not remove a folder that a doctored journal names', async () => {
  const innocent = mkdtempSync(path.join(os.tmpdir(), 'innocent-'));
  const longer = mkdtempSync(path.join(os.tmpdir(), 'proofload-heal-test-42-'));
  const tricks = [
    innocent,
    longer,
    path.join(os.tmpdir(), 'proofload-heal-test-4-x', '..', path.basename(innocent)),
  ];
  for (const folder of tricks) {
    const healed = await healLocal('heal-test-4', [{ kind: 'directory', path: folder }]);
    expect(healed.left[0]).toMatch(/not removed/);
  }
  expect(existsSync(innocent)).toBe(true);
  expect(existsSync(longer)).toBe(true);
  rmSync(innocent, { recursive: true });
  rmSync(longer, { recursive: true });
});

it('is idempotent', async () => {
  const actions = [
    { kind: 'directory', path: path.join(os.tmpdir(), 'proofload-heal-test-5-gone') } as const,
  ];
  expect(await healLocal('heal-test-5', actions)).toEqual({ undone: [], left: [] });
  expect(processesOfRun('heal-test-5', [])).toEqual([]);
});
