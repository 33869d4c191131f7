import { assert, property, string } from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PreparedFault } from '../../platform.ts';
import { prepareFault } from '../faults.ts';
import { located, makeFixture } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { readCpu, readMemory } from './stress-chaos.ts';

let f: Fixture;
beforeEach(() => {
  vi.useFakeTimers();
  f = makeFixture();
});
afterEach(() => vi.useRealTimers());

async function prepare(stressors: object): Promise<PreparedFault> {
  const object = located({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'StressChaos',
    metadata: { name: 'x' },
    spec: { mode: 'one', selector: { labelSelectors: { app: 'app' } }, stressors },
  });
  const planned = { name: 's', fault: { chaos: 'x' }, atMs: 0, forMs: 12_000, slotMs: 60_000 };
  const [fault] = await Promise.all([
    prepareFault(f.deployed, planned, object, () => 0),
    vi.advanceTimersByTimeAsync(1_000),
  ]);
  return fault;
}
async function look(fault: PreparedFault) {
  await vi.advanceTimersByTimeAsync(600);
  await fault.observe();
  await vi.advanceTimersByTimeAsync(600);
  return fault.observe();
}

test('both versions of cpu.stat are read, and nothing else is taken for one', () => {
  expect(readCpu('usage_usec 1500\nuser_usec 1\nnr_periods 10\nnr_throttled 4\n')).toEqual({
    periods: 10,
    throttled: 4,
    usedMs: 1.5,
  });
  expect(readCpu('nr_periods 10\nnr_throttled 4\nthrottled_time 9\n2000000\n')).toEqual({
    periods: 10,
    throttled: 4,
    usedMs: 2,
  });
  expect(readCpu('usage_usec 7\n')).toEqual({ periods: 0, throttled: 0, usedMs: 0.007 });
  for (const text of ['', 'cat: not found', 'nr_periods 10\n']) expect(readCpu(text)).toBeUndefined();
  expect(readMemory('anon 4096\nfile 9\nanon_thp 1\n')).toBe(4_096);
  expect(readMemory('cache 9\nrss 5\nrss_huge 1\n')).toBe(5);
  expect(readMemory('cache 9\nrss 5\ntotal_cache 9\ntotal_rss 7\n')).toBe(7);
  for (const text of ['', '4096\n', 'file 9\ninactive_anon 3\n', 'anon max\n'])
    expect(readMemory(text)).toBeUndefined();
  assert(
    property(string(), (text) => {
      const read = readCpu(text);
      expect(read === undefined || Number.isFinite(read.usedMs)).toBe(true);
    }),
    { seed: 4 },
  );
});

/** A container whose cgroup counts by these rates; a period is 100 ms. */
function counts(state: { cores: number; throttled: number }): void {
  const sum = { ms: 0, throttled: 0, periods: 0, at: performance.now() };
  f.cluster.run = () => {
    const passedMs = performance.now() - sum.at;
    sum.at = performance.now();
    sum.ms += passedMs * state.cores;
    sum.periods += passedMs / 100;
    sum.throttled += (passedMs / 100) * state.throttled;
    const [used, periods, throttled] = [sum.ms * 1_000, sum.periods, sum.throttled].map(Math.round);
    // As cat does it: some files are not there.
    return {
      exitCode: 1,
      stdout: `usage_usec ${used}\nnr_periods ${periods}\nnr_throttled ${throttled}\n`,
    };
  };
}

test('CPU stress is acting while the container is throttled, whatever its status says', async () => {
  const state = { cores: 0.05, throttled: 0 };
  counts(state);
  const fault = await prepare({ cpu: { workers: 2 } });
  expect(fault.detail).toBe('CPU stress of 2 cores, 1 of 3 pods');
  const records = [{ id: 'demo/app-0/main', phase: 'Injected' }];
  f.cluster.react = (verb, object) => {
    if (verb === 'create') object['status'] = { experiment: { containerRecords: records } };
  };
  await fault.inject();
  const dead = await look(fault);
  expect(dead.acting).toBe(false);
  expect(dead.detail).toContain('Chaos Mesh says: 1 of 1 injected');
  Object.assign(state, { cores: 0.15, throttled: 0.99 });
  expect((await look(fault)).acting).toBe(true);
  Object.assign(state, { cores: 0.05, throttled: 0 });
  expect((await look(fault)).acting).toBe(false);
  await fault.heal();
});

test('without a limit it is the use of CPU that shows it', async () => {
  const state = { cores: 0.3, throttled: 0 };
  counts(state);
  const fault = await prepare({ cpu: { workers: 2, load: 50 } });
  await fault.inject();
  state.cores = 0.5;
  expect((await look(fault)).acting).toBe(false);
  state.cores = 1.2;
  expect((await look(fault)).acting).toBe(true);
});

test('memory stress is acting while half of what was asked for is taken', async () => {
  let bytes = 100e6;
  let cached = 0;
  f.cluster.run = () => ({ exitCode: 1, stdout: `anon ${bytes}\nfile ${cached}\n` });
  const fault = await prepare({ memory: { workers: 1, size: '256MB' } });
  expect((await fault.observe()).acting).toBe(false);
  await fault.inject();
  bytes = 200e6;
  cached = 900e6; // a system that reads its files
  expect((await fault.observe()).acting).toBe(false);
  bytes = 300e6;
  expect(await fault.observe()).toMatchObject({ acting: true, detail: 'app-0: 200 MB more than before' });
  bytes = 110e6;
  expect((await fault.observe()).acting).toBe(false);
});

test('an image without cat cannot show it, and both at once is refused', async () => {
  f.cluster.run = () => ({ exitCode: 127 });
  await expect(prepare({ cpu: { workers: 1 } })).rejects.toThrow(/app-0 could not be proven.*needs cat/);
  await expect(prepare({ cpu: { workers: 1 }, memory: { workers: 1, size: '1MB' } })).rejects.toThrow(
    'one of the two',
  );
});
