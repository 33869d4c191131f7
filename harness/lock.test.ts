import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { livingHarness, lockRun, unlockRun } from './lock.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'lock-test-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

it('knows the harness that holds the run, until it lets go', () => {
  expect(livingHarness(dir)).toBeNull();
  lockRun(dir);
  expect(livingHarness(dir)).toBe(process.pid);
  unlockRun(dir);
  expect(livingHarness(dir)).toBeNull();
});

it.each([
  ['EPERM', 'there, of another user', process.pid],
  ['ESRCH', 'gone', null],
])('takes a process whose signal ends in %s for %s', (code, _, expected) => {
  lockRun(dir);
  vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error(`kill ${code}`), { code });
  });
  expect(livingHarness(dir)).toBe(expected);
});

it('takes a pid that was given to another process since, and a file that is none of ours, for nobody', () => {
  writeFileSync(path.join(dir, 'harness.json'), JSON.stringify({ pid: process.pid, startTicks: 1 }));
  expect(livingHarness(dir)).toBeNull();
  writeFileSync(path.join(dir, 'harness.json'), '{"pid":');
  expect(livingHarness(dir)).toBeNull();
});
