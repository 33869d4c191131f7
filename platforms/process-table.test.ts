import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { childrenOf, ownAncestors, processIds, startTicksOf, statOf, stillRuns } from './process-table.ts';

it('tells a process apart from another one under its pid, and does not guess', async () => {
  // A name that ends like the field after it: only the last parenthesis counts.
  const child = spawn('sleep', ['60'], { argv0: 'x) R 1 1', stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const startTicks = startTicksOf(pid);
  expect(startTicks).toBeGreaterThan(0);
  expect(statOf(pid)).toMatchObject({ parent: process.pid, startTicks });
  expect(stillRuns(pid, startTicks)).toBe(true);
  expect(stillRuns(pid, (startTicks ?? 0) + 1)).toBe(false);
  expect(stillRuns(pid, undefined)).toBeNull();
  expect(stillRuns(pid, null)).toBeNull();
  expect(processIds()).toContain(pid);
  expect(childrenOf(process.pid)).toContain(pid);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  expect(stillRuns(pid, startTicks)).toBe(false);
  expect(stillRuns(pid, undefined)).toBe(false);
  expect(startTicksOf(pid)).toBeNull();
});

it('knows its own line of ancestors', () => {
  const line = ownAncestors();
  expect(line).toContain(process.pid);
  expect(line).toContain(process.ppid);
});

it('counts the CPU time and the resident memory of a process', () => {
  const { cpuTicks, rssPages } = statOf(process.pid) ?? { cpuTicks: 0, rssPages: 0 };
  const { user, system } = process.cpuUsage();
  // The kernel rounds user and system time down to 10 ms each, and both go on between the two looks.
  expect(cpuTicks).toBeLessThanOrEqual((user + system) / 10_000);
  expect(cpuTicks).toBeGreaterThan((user + system) / 20_000);
  const ratio = (rssPages * 4_096) / process.memoryUsage.rss();
  expect(ratio).toBeGreaterThan(0.5);
  expect(ratio).toBeLessThan(2);
  expect(statOf(2 ** 30)).toBeNull();
});
