import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../record/model.ts';
import { CannotRun } from '../platform.ts';
import { type RunnersOptions, startRunners } from './runners.ts';
import { fakeCluster, type FakeRunner } from './runners/testing.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'runners-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const SUMMARY = (iterations: number, dropped = 0) =>
  JSON.stringify({ iterations, dropped_iterations: dropped, http_reqs: iterations, vus_max: 4 });

function filesOf(runner: string) {
  return {
    ledgerFile: path.join(dir, `${runner}.log`),
    logFile: path.join(dir, `k6-${runner}.log`),
    summaryFile: path.join(dir, `k6-${runner}.json`),
  };
}
const ledgerOf = (runner: string) => readFileSync(filesOf(runner).ledgerFile, 'utf8').trim().split('\n');

/** Writes two lines of its own virtual user, as runner `index` of a test, and ends well. */
function works(runner: FakeRunner): void {
  runner.onRelease = () => {
    runner.say(`# anchor ${Date.now()}`);
    for (const n of [1, 2]) runner.say(`A ${runner.index + 1}:${n} ${n * 10} 4 1`);
    runner.say(SUMMARY(2));
    runner.end(0);
  };
  runner.ready();
}

function start(given: Partial<RunnersOptions> & Pick<RunnersOptions, 'cluster'>) {
  return startRunners({
    namespace: 'ns',
    runId: 'r1',
    kind: 'job',
    count: 3,
    scriptJs: 'export default function () {}',
    image: 'proofload-runner:2',
    runner: 'load',
    filesOf,
    redact: (line) => line.replaceAll('geheim', '[redacted]'),
    env: { URL: 'http://svc/w', TOKEN: 'geheim', TIMEOUT_MS: '100' },
    ratePerS: 30,
    vus: 10,
    forMs: 1_000,
    emit: () => undefined,
    nowMs: () => performance.now(),
    signal: new AbortController().signal,
    ...given,
    limits: { startMs: 3_000, endMs: 2_000, stopMs: 100, goneMs: 300, ...given.limits },
  });
}

describe('a load that ends well', () => {
  it('keeps one ledger a runner, adds the counts up, and removes its objects', async () => {
    const fake = fakeCluster({ play: works });
    const seconds: { acked: number }[] = [];
    const load = await start({ cluster: fake.cluster, onSecond: (second) => seconds.push(second) });
    const before = Date.now();
    expect(load.runners.map(({ runner, ratePerS, vus }) => ({ runner, ratePerS, vus }))).toEqual([
      { runner: 'load-1', ratePerS: 10, vus: 12 },
      { runner: 'load-2', ratePerS: 10, vus: 12 },
      { runner: 'load-3', ratePerS: 10, vus: 12 },
    ]);
    expect(await load.ended).toEqual({
      exitCode: 0,
      signal: null,
      iterations: 6,
      dropped: 0,
      why: '3 of 3 runners ended',
    });
    expect(Math.abs((await load.anchorWallMs)! - before)).toBeLessThan(5_000);
    expect(ledgerOf('load-2')).toEqual(
      expect.arrayContaining([
        'A 2:1 10 4 1',
        'A 2:2 20 4 1',
        expect.stringMatching(/^# anchor \d{13}$/) as string,
      ]),
    );
    expect(readFileSync(filesOf('load-2').summaryFile, 'utf8')).toBe(SUMMARY(2));
    expect(seconds).toMatchObject([{ acked: 6 }]);
    expect(fake.removed.map(({ kind }) => kind)).toEqual(['Job', 'Secret', 'ConfigMap']);
    expect(fake.forwards).toEqual({ opened: 3, closed: 3 });
  });

  it('releases nobody before all are ready and wait', async () => {
    const all: FakeRunner[] = [];
    const released: number[] = [];
    const fake = fakeCluster({
      play: (runner) => {
        all.push(runner);
        works(runner);
        const end = runner.onRelease;
        runner.onRelease = () => {
          released.push(all.filter(({ status, asked }) => status === 4 && asked.includes('status')).length);
          end();
        };
        // The last one still makes its virtual users when it is first asked.
        if (runner.index === 2) {
          runner.status = 1;
          runner.asked.push = (...items: string[]) => {
            if (Array.prototype.push.apply(runner.asked, items) >= 2) runner.status = 4;
            return runner.asked.length;
          };
        }
      },
    });
    const load = await start({ cluster: fake.cluster });
    expect((await load.ended).exitCode).toBe(0);
    expect(released).toEqual([3, 3, 3]);
    for (const { asked } of all) expect(asked.filter((what) => what === 'release')).toHaveLength(1);
  });
});

describe('the clock of a runner', () => {
  it('is told when a write contradicts the anchor that was believed', async () => {
    const texts: string[] = [];
    const made: FakeRunner[] = [];
    const fake = fakeCluster({
      play(runner) {
        made.push(runner);
        runner.onRelease = () => {
          runner.say(`# anchor ${Date.now()}`);
          runner.say('A 1:1 0 0 0');
        };
        runner.ready();
      },
    });
    const emit: RunnersOptions['emit'] = (event) => void (event.kind === 'note' && texts.push(event.text));
    const load = await start({ cluster: fake.cluster, count: 1, emit });
    await load.anchorWallMs;
    // Due and ended in the tenth second of a schedule that began a moment ago.
    made[0]!.say('A 1:2 9000 5 0');
    made[0]!.say('refused: geheim');
    made[0]!.say(SUMMARY(2));
    made[0]!.end(0);
    const end = await load.runners[0]!.ended;
    expect(end.exitCode).toBe(0);
    expect(end.anchorBoundMs).toBeGreaterThan(2_000);
    expect(texts).toEqual([expect.stringMatching(/^runner load-1: writes ended up to \d{4} ms before /)]);
    expect(readFileSync(filesOf('load-1').logFile, 'utf8')).toBe('refused: [redacted]\n');
    await load.ended;
  });
});

describe('a runner that does not end well', () => {
  it('that was killed is told with its exit code, and the others go on', async () => {
    const fake = fakeCluster({
      play(runner) {
        works(runner);
        if (runner.index !== 1) return;
        runner.onRelease = () => {
          runner.say('A 2:1 10 4 1');
          runner.say('out of words');
          runner.end(137, 'OOMKilled');
        };
      },
    });
    const load = await start({ cluster: fake.cluster });
    const ends = await Promise.all(load.runners.map(({ ended }) => ended));
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 137, 0]);
    expect(ends[1]).toMatchObject({
      exitCode: 137,
      signal: 'SIGKILL',
      iterations: null,
      dropped: null,
      why: 'k6 was killed: it needed more memory than its limit (OOMKilled); last in its log: out of words',
    });
    const end = await load.ended;
    expect(end).toMatchObject({ exitCode: 137, iterations: null });
    expect(end.why).toMatch(/^1 of 3 runners failed: load-2: /);
    expect(ledgerOf('load-2')).toContain('A 2:1 10 4 1');
  });

  it('whose pod is gone has failed, in words', async () => {
    const fake = fakeCluster({
      play(runner) {
        works(runner);
        if (runner.index === 0)
          runner.onRelease = () => {
            runner.say('A 1:1 10 4 1');
            runner.vanish();
          };
      },
    });
    const load = await start({ cluster: fake.cluster });
    expect(await load.runners[0]!.ended).toMatchObject({
      exitCode: null,
      why: expect.stringContaining('pod load-0-abcde is gone') as string,
    });
    expect((await load.ended).exitCode).toBe(null);
  });

  it('that never ends is deleted, and its load told as failed', async () => {
    const fake = fakeCluster({
      play(runner) {
        works(runner);
        if (runner.index === 0) runner.onRelease = () => undefined;
      },
    });
    const load = await start({ cluster: fake.cluster, forMs: 100, limits: { endMs: 100 } });
    expect((await load.ended).why).toContain(
      'did not end 0.1 s after its last write was due and was deleted',
    );
    expect(await load.runners[0]!.anchorWallMs).toBeNull();
  });
});

describe('a log that breaks', () => {
  it('and comes again leaves each write once', async () => {
    const fake = fakeCluster({
      play(runner) {
        works(runner);
        runner.onRelease = () => {
          runner.say('A 1:1 10 4 1');
          runner.say('A 1:2 20 4 1');
          runner.repeat();
          runner.say('A 1:4 40 4 1');
          runner.say(SUMMARY(3));
          runner.end(0);
        };
      },
    });
    const load = await start({ cluster: fake.cluster, count: 1, vus: 1 });
    await load.ended;
    expect(ledgerOf('load-1').filter((line) => line.startsWith('A'))).toEqual([
      'A 1:1 10 4 1',
      'A 1:2 20 4 1',
      'A 1:4 40 4 1',
    ]);
  });

  it.each([
    ['is read once more at its end', true, ['A 1:2 20 4 1', 'A 1:1 10 4 1']],
    ['and is gone leaves a gap', false, ['A 1:2 20 4 1']],
  ])('%s', async (_name, log, lines) => {
    const fake = fakeCluster({
      log,
      play(runner) {
        works(runner);
        runner.onRelease = () => {
          runner.say('A 1:1 10 4 1', true);
          runner.say('A 1:2 20 4 1');
          runner.say(SUMMARY(2));
          runner.end(0);
        };
      },
    });
    const load = await start({ cluster: fake.cluster, count: 1, vus: 1 });
    expect(await load.ended).toMatchObject({ exitCode: 0, iterations: 2 });
    expect(ledgerOf('load-1').filter((line) => line.startsWith('A'))).toEqual(lines);
  });
});

describe('a load that does not begin', () => {
  it('names the runner that never becomes ready, and removes everything', async () => {
    const fake = fakeCluster({
      play: (runner) =>
        runner.index === 1 ? runner.waits('ImagePullBackOff', 'no such image') : works(runner),
    });
    const failed = await start({ cluster: fake.cluster, limits: { startMs: 200 } }).catch(
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(CannotRun);
    expect(String(failed)).toContain(
      'not ready within 0.2 s: runner load-2 (pod load-1-abcde) is not ready: ImagePullBackOff: no such image',
    );
    expect(fake.removed.map(({ kind }) => kind)).toEqual(['Job', 'Secret', 'ConfigMap']);
    expect(fake.runners.flatMap(({ asked }) => asked)).not.toContain('release');
  });

  it('tells what a runner said that ended first', async () => {
    const fake = fakeCluster({
      play(runner) {
        if (runner.index !== 2) return works(runner);
        runner.say('Error: URL is not set in the environment');
        runner.end(107);
      },
    });
    await expect(start({ cluster: fake.cluster })).rejects.toThrow(
      'runner load-3 ended before the load began: the script threw an error while k6 started; last in its log: load-3: Error: URL is not set',
    );
  });

  it('takes back what it made when the cluster refuses the rest', async () => {
    const fake = fakeCluster({ play: works, refuse: ['Job'] });
    await expect(start({ cluster: fake.cluster })).rejects.toThrow('create Job load: 403');
    expect(fake.removed.map(({ kind }) => kind)).toEqual(['Secret', 'ConfigMap']);
  });

  it('ends with the signal', async () => {
    const ending = new AbortController();
    const fake = fakeCluster({ play: () => ending.abort() });
    await expect(start({ cluster: fake.cluster, signal: ending.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(fake.removed).toHaveLength(3);
  });

  it.each([
    ['a script too large', { scriptJs: 'x'.repeat(2 ** 20) }, 'a ConfigMap holds 1048576'],
    ['fewer virtual users than runners', { vus: 2 }, 'cannot be shared by 3 runners'],
    ['no runner', { count: 0 }, 'expected 1 runner or more'],
    ['a name that is none', { runner: 'Load;rm' }, 'lower-case'],
    ['a variable that is none', { env: { 'A B': '1' } }, 'environment variable'],
    ['no TestRun served', { kind: 'testrun' as const }, 'serves no TestRun'],
  ])('refuses %s before anything is made', async (_name, given, words) => {
    const fake = fakeCluster({ play: works });
    const failed = await start({ cluster: fake.cluster, ...given }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(UsageError);
    expect(String(failed)).toContain(words);
    expect(fake.objects).toEqual([]);
  });
});

describe('a stop', () => {
  it('asks k6 itself and reads the rest', async () => {
    const fake = fakeCluster({
      play(runner) {
        works(runner);
        runner.onRelease = () => runner.say(`U ${runner.index + 1}:1 10 4 1 0 1050 3`);
        runner.onStop = () => {
          runner.say(SUMMARY(0));
          runner.end(103);
        };
      },
    });
    const load = await start({ cluster: fake.cluster, limits: { stopMs: 2_000 } });
    await load.stop();
    await load.stop();
    expect(await load.ended).toMatchObject({ exitCode: 103, iterations: 0 });
    expect((await load.ended).why).toContain('k6 was stopped by the harness');
    expect(ledgerOf('load-3')).toContain('U 3:1 10 4 1 0 1050 3');
  });

  it('deletes who does not obey', async () => {
    const fake = fakeCluster({
      play(runner) {
        works(runner);
        runner.onRelease = () => undefined;
        runner.onStop = () => undefined;
      },
    });
    const load = await start({ cluster: fake.cluster });
    await load.stop();
    expect((await load.ended).why).toContain('k6 did not stop and was deleted');
  });
});

describe('a TestRun', () => {
  it('is released by its operator and judged by its pods', async () => {
    const fake = fakeCluster({
      kinds: ['TestRun'],
      play(runner) {
        works(runner);
        // The operator's starter.
        setImmediate(() => runner.onRelease());
      },
    });
    const load = await start({ cluster: fake.cluster, kind: 'testrun', count: 2 });
    expect(await load.ended).toMatchObject({ exitCode: 0, iterations: 4 });
    expect(ledgerOf('load-1')).toContain('A 1:1 10 4 1');
    expect(fake.runners.flatMap(({ asked }) => asked)).toEqual([]);
    expect(fake.removed.map(({ kind }) => kind)).toEqual(['TestRun', 'Secret', 'ConfigMap']);
  });
});

it('no token is anywhere but in the Secret', async () => {
  for (const kind of ['job', 'testrun'] as const) {
    rmSync(dir, { recursive: true, force: true });
    dir = mkdtempSync(path.join(os.tmpdir(), 'runners-'));
    const fake = fakeCluster({ kinds: ['TestRun'], play: works });
    const load = await start({ cluster: fake.cluster, kind });
    if (kind === 'testrun') for (const runner of fake.runners) runner.onRelease();
    await load.ended;
    const holders = fake.objects.filter((object) => JSON.stringify(object).includes('geheim'));
    expect(holders.map((object) => object.kind)).toEqual(['Secret']);
    for (const { metadata } of fake.objects)
      expect(metadata.labels).toHaveProperty('proofload.dev/run', 'r1');
  }
});
