import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Platform, RunnerEnd, RunnersRequest } from '../platforms/platform.ts';
import type { Event } from '../record/model.ts';
import { UsageError } from '../record/model.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { createLoadRunner } from './load-runner.ts';
import { openSession } from './session.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-load-runner-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const GOOD: RunnerEnd = { exitCode: 0, signal: null, iterations: 10, dropped: 0, why: 'k6 ended' };

interface Told {
  anchorWallMs: number | null;
  end: RunnerEnd;
}

/** A harness with runners that do what they are told; `refuse` = what their start comes to. */
function setUp(told: Told[], { refuse, interrupt }: { refuse?: Error; interrupt?: AbortController } = {}) {
  const events: Event[] = [];
  const asked: RunnersRequest[] = [];
  let stops = 0;
  const platform = {
    name: 'kubernetes',
    startRunners(request: RunnersRequest) {
      asked.push(request);
      interrupt?.abort();
      if (refuse) return Promise.reject(refuse);
      const runners = told.map(({ anchorWallMs, end }, index) => ({
        runner: `${request.runner}-${index + 1}`,
        ratePerS: request.ratePerS / told.length,
        vus: request.vus,
        anchorWallMs: Promise.resolve(anchorWallMs),
        ended: Promise.resolve(end),
      }));
      const failed = told.find(({ end }) => end.exitCode !== 0);
      return Promise.resolve({
        runners,
        ended: Promise.resolve(failed?.end ?? { ...GOOD, iterations: 10 * told.length }),
        stop: () => Promise.resolve(void (stops += 1)),
      });
    },
  } satisfies Pick<Platform, 'name' | 'startRunners'>;
  const session = openSession({
    plan: { ...SAMPLE_PLAN, runners: { count: told.length, kind: 'job' } },
    // Nothing else of a platform, or of a contract, is asked for by a load.
    platform: platform as unknown as Platform,
    contract: {} as never,
    systemDir: dir,
    k6Path: '/nowhere/k6',
    outDir: dir,
    guards: {},
    observers: [{ event: (event) => void events.push(event), progress: () => undefined }],
    signal: interrupt?.signal ?? new AbortController().signal,
  });
  mkdirSync(path.join(dir, 'script'));
  writeFileSync(path.join(dir, 'script', 's.js'), 'export default 1');
  const environment = { URL: 'http://10.0.0.1:80', TOKEN: 't' };
  const scriptJs = path.join(dir, 'script', 's.js');
  const loads = createLoadRunner({ session, load: SAMPLE_PLAN.scenario.load, scriptJs, environment });
  const start = (judged = true) =>
    loads.start({
      runner: 'load',
      ratePerS: 600,
      forMs: 1_000,
      warmupMs: 100,
      judged,
      onSecond: () => undefined,
    });
  const of = (...kinds: Event['kind'][]) => events.filter(({ kind }) => kinds.includes(kind));
  return { loads, start, session, asked, of, stops: () => stops };
}

describe('a load of runners', () => {
  it('is told runner by runner, each with its share and its own end, and waited for as one', async () => {
    const wallMs = Date.now();
    const told = [wallMs + 5, wallMs, wallMs + 9].map((at) => ({ anchorWallMs: at, end: GOOD }));
    const { start, asked, of, session, loads } = setUp(told);
    const load = await start();
    expect(Math.abs(load.beganMs - session.nowMs())).toBeLessThan(1_000);
    expect(await load.ended).toMatchObject({ exitCode: 0, iterations: 30 });
    const starts = of('load.started');
    expect(starts).toMatchObject([
      { runner: 'load-1', ratePerS: 200, wallMs: wallMs + 5, judged: true, forMs: 1_000, pointsPerWrite: 50 },
      { runner: 'load-2', ratePerS: 200, wallMs },
      { runner: 'load-3', ratePerS: 200, wallMs: wallMs + 9 },
    ]);
    expect(Object.keys(starts[0] ?? {})).not.toContain('onSecond');
    expect(of('load.ended')).toMatchObject([
      { runner: 'load-1' },
      { runner: 'load-2' },
      { runner: 'load-3' },
    ]);
    expect(of('run.aborted')).toEqual([]);
    expect(asked).toMatchObject([
      {
        count: 3,
        kind: 'job',
        scriptJs: 'export default 1',
        ratePerS: 600,
        // 200 writes/s each: 200 x (200 ms x 1.5 + 50 ms)
        vus: 3 * 70,
        env: { URL: 'http://10.0.0.1:80', POINTS: '50' },
      },
    ]);
    expect(asked[0]?.filesOf('load-2').ledgerFile).toBe(path.join(dir, 'sample-1', 'ledger', 'load-2.log'));
    expect(loads.pids()).toEqual([]);
  });

  it('ends the run as invalid when one of them dies, by its name', async () => {
    const wallMs = Date.now();
    const dead = { exitCode: 137, signal: null, iterations: null, dropped: null, why: 'OOMKilled' };
    const { start, of, session } = setUp([
      { anchorWallMs: wallMs, end: GOOD },
      { anchorWallMs: wallMs, end: dead },
    ]);
    const load = await start();
    await load.ended;
    expect(of('run.aborted')).toMatchObject([
      { verdict: 'invalid', why: 'runner load-2 of the load failed: OOMKilled' },
    ]);
    expect(session.signal.aborted).toBe(true);
  });

  it('leaves the end of a trial to the calibration', async () => {
    const { start, of } = setUp([{ anchorWallMs: Date.now(), end: { ...GOOD, exitCode: 107 } }]);
    expect(await (await start(false)).ended).toMatchObject({ exitCode: 107 });
    expect(of('run.aborted')).toEqual([]);
  });

  it('gives one that wrote nothing the time of the others', async () => {
    const wallMs = Date.now() - 2_000;
    const none = { exitCode: 2, signal: null, iterations: null, dropped: null, why: 'k6 crashed' };
    const { start, of } = setUp([
      { anchorWallMs: null, end: none },
      { anchorWallMs: wallMs, end: GOOD },
    ]);
    await (
      await start()
    ).ended;
    expect(of('load.started').map((event) => 'wallMs' in event && event.wallMs)).toEqual([wallMs, wallMs]);
  });

  it('tells nothing of a load that the end of the run forestalled', async () => {
    const interrupt = new AbortController();
    const refuse = Object.assign(new Error('starting the load'), { name: 'AbortError' });
    const { start, of } = setUp([{ anchorWallMs: null, end: GOOD }], { refuse, interrupt });
    const load = await start();
    expect(await load.ended).toMatchObject({
      exitCode: null,
      why: 'the run was ended before the load began',
    });
    expect(of('load.started', 'load.ended')).toEqual([]);
  });

  it('passes on why it cannot run', async () => {
    const { start, loads, stops } = setUp([], { refuse: new UsageError('no room') });
    await expect(start()).rejects.toThrow('no room');
    await loads.stopAll();
    expect(stops()).toBe(0);
  });
});
