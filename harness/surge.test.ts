import { expect, it } from 'vitest';
import type { HpaSpec } from '../analysis/hpa/types.ts';
import type { Scaling } from '../platforms/platform.ts';
import type { LoadRun, LoadRunner, StartedLoad } from './load-runner.ts';
import type { Session } from './session.ts';
import { measureIdle, prepareSurge } from './surge.ts';

const spec: HpaSpec = {
  min: 3,
  max: 10,
  metrics: [{ source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 70 } }],
  behavior: null,
};

function scaling(usageMilli: number, limitMilli: number | null = 200, atMs = 60_000): Scaling {
  const cpu = ['a', 'b', 'c'].map((pod) => ({ pod, usageMilli, atMs, windowMs: 10_000 }));
  return { spec, requestMilli: 50, limitMilli, cpu };
}

/** Loads that go on until they are stopped or told to end. */
function fakeLoads() {
  const runs: { run: LoadRun; end: () => void; stopped: boolean }[] = [];
  const loads: LoadRunner = {
    start(run) {
      let end = () => {};
      const ended = new Promise<void>((resolve) => (end = resolve)).then(() => ({
        exitCode: 0,
        signal: null,
        iterations: 1,
        dropped: 0,
        why: 'k6 ended',
      }));
      const entry = { run, end, stopped: false };
      runs.push(entry);
      const stop = () => {
        entry.stopped = true;
        end();
        return Promise.resolve();
      };
      return Promise.resolve<StartedLoad>({ beganMs: 0, ended, stop });
    },
    pids: () => [],
    stopAll: () => Promise.resolve(),
  };
  return { loads, runs };
}

function session(answers: (Scaling | null)[], signal = new AbortController().signal): Session {
  const next = () => (answers.length > 1 ? answers.shift() : answers[0]) ?? null;
  return {
    platform: { name: 'kubernetes', scaling: () => Promise.resolve(next()) },
    plan: { workload: { name: 'luminate' } },
    nowMs: () => 20_000,
    signal,
  } as unknown as Session;
}

const planned = {
  name: 'surge',
  fault: { surge: 'to-max' },
  atMs: 0,
  forMs: 60_000,
  slotMs: 90_000,
} as const;
const idle = { milliPerPod: 5 };
const SECOND = { second: 0, failed: 0, unknown: 0, p50Ms: 1, p99Ms: 2 };

it('asks for the load whose only legal end is the largest size', async () => {
  const { loads } = fakeLoads();
  // 3 x (15 - 5) = 30m for 40 writes/s: 0.75m each.
  const fault = await prepareSurge({
    session: session([scaling(15)]),
    loads,
    planned,
    surge: 'to-max',
    baseRatePerS: 40,
    warmMs: 0,
    idle,
  });
  // At 9 pods 78 % of 50m is 39m; less 5m without load, times 9: 306m.
  expect(fault.detail).toContain('a write costs 0.75m and an idle pod 5.0m');
  expect(fault.detail).toContain('from 306m on the only legal end is 10 pods');
  expect(fault.detail).toContain(`${Math.round((306 * 2) / 0.75 - 40)} writes/s more`);
  expect(fault.targets).toEqual(['luminate']);
});

it('says when the limit keeps the HPA from getting there', async () => {
  const { loads } = fakeLoads();
  const options = { loads, planned, surge: 'to-max' as const, baseRatePerS: 40, warmMs: 0, idle };
  const fault = await prepareSurge({ session: session([scaling(15, 38)]), ...options });
  expect(fault.detail).toContain('which it cannot reach under its CPU limit');
});

it('refuses what it cannot compute', async () => {
  const { loads } = fakeLoads();
  const surge = (answer: Scaling | null, given: { milliPerPod: number } | null) =>
    prepareSurge({
      session: session([answer]),
      loads,
      planned,
      surge: 'to-max',
      baseRatePerS: 40,
      warmMs: 0,
      idle: given,
    });
  await expect(surge(scaling(5), idle)).rejects.toThrow('what a write costs cannot be told');
  await expect(surge(null, idle)).rejects.toThrow('no HPA scales the workload');
  await expect(surge(scaling(15), null)).rejects.toThrow('was not measured');
});

it('measures idle pods from samples that began when they were no longer cold', async () => {
  const early = scaling(40, 200, 44_000); // began at 34 s; asked at 20 s, pods are cold for 15 s
  expect(await measureIdle(session([early, scaling(6)]))).toEqual({ milliPerPod: 6 });
});

it('acts while its runners write, and is gone when they have ended', async () => {
  const { loads, runs } = fakeLoads();
  const fault = await prepareSurge({
    session: session([null]),
    loads,
    planned,
    surge: 90,
    baseRatePerS: 40,
    warmMs: 0,
    idle: null,
  });
  expect((await fault.observe()).acting).toBe(false);
  await fault.inject();
  await expect.poll(() => runs.length).toBe(1);
  expect(runs[0]?.run).toMatchObject({ runner: 'surge-1', ratePerS: 30, judged: false, warmupMs: 0 });
  expect((await fault.observe()).acting).toBe(false); // running, but nothing was acknowledged
  runs[0]?.run.onSecond({ ...SECOND, acked: 30 });
  expect((await fault.observe()).acting).toBe(true);
  const healed = fault.heal();
  runs[0]?.end();
  await healed;
  expect(runs[0]?.stopped).toBe(false); // to the end of its schedule
  expect((await fault.observe()).acting).toBe(false);
});

it('stops its runners when the run has to end', async () => {
  const { loads, runs } = fakeLoads();
  const ending = new AbortController();
  const fault = await prepareSurge({
    session: session([null], ending.signal),
    loads,
    planned,
    surge: 90,
    baseRatePerS: 40,
    warmMs: 0,
    idle: null,
  });
  await fault.inject();
  await expect.poll(() => runs.length).toBe(1);
  ending.abort();
  await fault.heal();
  expect(runs.map(({ stopped }) => stopped)).toEqual([true]);
});

it('does not act with a part of its load: a runner that ended early, or one that never began', async () => {
  const { loads, runs } = fakeLoads();
  const options = { session: session([null]), planned, surge: 90, baseRatePerS: 40, warmMs: 0, idle: null };
  const fault = await prepareSurge({ loads, ...options });
  await fault.inject();
  await expect.poll(() => runs.length).toBe(1);
  runs[0]?.run.onSecond({ ...SECOND, acked: 30 });
  expect((await fault.observe()).acting).toBe(true);
  runs[0]?.end();
  await expect.poll(async () => (await fault.observe()).detail).toContain('runner 1 ended before its time');
  expect((await fault.observe()).acting).toBe(false);
  await fault.heal();

  const refusing = { ...loads, start: () => Promise.reject(new Error('no k6')) };
  const never = await prepareSurge({ loads: refusing, ...options });
  await never.inject();
  await expect.poll(async () => (await never.observe()).detail).toContain('could not be started (no k6)');
  await never.heal();
});

it('names every legal end where the largest size cannot be alone', async () => {
  const { loads } = fakeLoads();
  // 76 % at 10 pods is all that the limit lets them use: 9, too, would rest there.
  const fault = await prepareSurge({
    session: session([scaling(15, 38)]),
    loads,
    planned,
    surge: 'to-max',
    baseRatePerS: 40,
    warmMs: 0,
    idle,
  });
  expect(fault.detail).toMatch(/the legal ends are .*\b10 pods/);
  expect(fault.detail).not.toContain('only legal end');
});
