/**
 * Each way to lose or double a write is found exactly: the accused writes are those that the reference system wrote down before it dropped them,
 * where the harness does not look, cut down to those whose acknowledgement reached the client.
 */
import { existsSync, linkSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NODES, STATE } from '../platforms/bare/layout.ts';
import { down, up, whyNoCluster } from './bare.ts';
import { keepBrokerLogs, writesInLogs } from './broker-log.ts';
import { FULL, type JudgedRun, red, start, type Started } from './proofload.ts';
import { comparedRun, dataFindings, expectExactly, expectMissingIn } from './truth.ts';

const LOST = 'no-acknowledged-write-lost';
const JOURNEYS = 'journeys-accounted';

/** Defect of kalcifer -> the checks about data that it turns red. */
const KALCIFER: [defect: string, checks: string[], commitsUnderWay?: number][] = [
  ['drop-on-sigterm', [JOURNEYS, LOST]],
  ['non-unique-guard', [JOURNEYS, 'stored-once']],
  ['events-local-only', [JOURNEYS, LOST]],
  ['recovery-fails-others', [JOURNEYS]],
  // Two lanes of events (reference/engine.ts): the store may complete what a killed process no longer heard of.
  ['ack-before-commit', [JOURNEYS, LOST], 2],
];

/** Each takes a minute or two. */
const ALWAYS = 'drop-on-sigterm';

/** Nobody is accused, and nothing was logged. */
function expectQuiet(run: JudgedRun, truthDir: string): void {
  expect(dataFindings(run), red(run).join('\n')).toEqual([]);
  expect(expectExactly(run, truthDir)).toBe(0);
  expect(readdirSync(truthDir)).toEqual([]);
}

describe('kalcifer', () => {
  const play = (truthDir: string, ...more: string[]): Started =>
    start(['run', 'journeys-1m', '--json', ...more], { PROOFLOAD_TRUTH_DIR: truthDir });

  it.each(FULL ? KALCIFER : KALCIFER.filter(([defect]) => defect === ALWAYS))(
    'defect %s: accused is what it did, and nobody else',
    (defect, checks, commitsUnderWay = 0) =>
      comparedRun(
        os.tmpdir(),
        (truthDir) => play(truthDir, '--defect', defect),
        (run, truthDir) => {
          expect(dataFindings(run), red(run).join('\n')).toEqual(checks.map((check) => `${check} fail`));
          expect(expectExactly(run, truthDir, { commitsUnderWay })).toBeGreaterThan(0);
        },
      ),
  );

  it.runIf(FULL)('without a defect nobody is accused, and nothing is logged', () =>
    comparedRun(os.tmpdir(), (truthDir) => play(truthDir), expectQuiet),
  );
});

const why = FULL ? whyNoCluster() : 'the event pipeline is part of make e2e-full: its images are large';
if (why !== null) process.stderr.write(`skipped: ${why}\n`);

describe.skipIf(why !== null)('event pipeline on a bare cluster', () => {
  beforeAll(async () => {
    await down();
    await up('--system', 'event-pipeline');
  });
  afterAll(() => down());

  // The volumes go with their pods. A second name keeps a file, and what is added to it later; one may be begun while the rest is consumed.
  const play = (keep: () => void, scenario: string, ...more: string[]): Started => {
    const running = start(['run', scenario, '--on', 'bare', '--json', ...more]);
    const kept = ['read-back', 'undo'].map(async (phase) => {
      await running.shows(`phase ${phase}`);
      keep();
    });
    return { ...running, ended: Promise.all(kept).then(() => running.ended) };
  };
  const control = (truthDir: string, ...more: string[]) =>
    play(() => keepTruth(truthDir), 'pipeline-control', ...more);

  it('defect skip-silently: accused is what it did, and nobody else', () =>
    comparedRun(
      STATE,
      (truthDir) => control(truthDir, '--defect', 'skip-silently'),
      (run, truthDir) => {
        expect(dataFindings(run), red(run).join('\n')).toEqual([`${LOST} fail`]);
        expect(expectExactly(run, truthDir)).toBeGreaterThan(0);
      },
    ));

  // A consumer that ends leaves its partitions to the other, which may have read on in them: then both store what follows.
  it('defect commit-before-insert: lost is what it dropped, and nothing else', () =>
    comparedRun(
      STATE,
      (truthDir) => control(truthDir, '--defect', 'commit-before-insert'),
      (run, truthDir) => {
        expect(dataFindings(run), red(run).join('\n')).toContain(`${LOST} fail`);
        expect(expectExactly(run, truthDir, { readTwice: true })).toBeGreaterThan(0);
      },
    ));

  it('without a defect nobody is accused, and nothing is logged', () =>
    comparedRun(STATE, (truthDir) => control(truthDir), expectQuiet));

  // What waits for less than all replicas cannot know what it lost: there the truth is what is left in every broker's files.
  it.each<[what: string, scenario: string, brokers: number, defect?: string]>([
    ['acks-0: what a killed broker had not read yet', 'broker-kill-under-load', 1, 'acks-0'],
    ['acks-1: what a broker took alone', 'brokers-apart-under-load', 2, 'acks-1'],
    ['all replicas: nothing', 'brokers-apart-under-load', 2],
  ])('%s is lost', (_, scenario, brokers, defect) =>
    comparedRun(
      STATE,
      (folder) => {
        const switchOn = defect === undefined ? [] : ['--defect', defect];
        return play(() => keepBrokerLogs(folder), scenario, ...switchOn);
      },
      async (run, folder) => {
        const [log = new Set(), ...copies] = await writesInLogs(folder, run.runId);
        expect(copies).toHaveLength(brokers - 1);
        for (const copy of copies) expect(copy).toEqual(log);
        expect(run.verdicts.find(({ check }) => check === 'faults-proven')?.verdict).toBe('pass');
        const lost = expectMissingIn(log, run);
        expect(lost > 0, red(run).join('\n')).toBe(defect !== undefined);
        expect(dataFindings(run)).toEqual(defect === undefined ? [] : [`${LOST} fail`]);
      },
    ),
  );
});

/** Links the files of the pods' volumes `truth` (systems/event-pipeline/manifests) into `folder`, which is on the same file system. */
function keepTruth(folder: string): void {
  for (const { dir } of NODES) {
    const pods = path.join(dir, 'kubelet/pods');
    for (const pod of readdirSync(pods)) {
      const volume = path.join(pods, pod, 'volumes/kubernetes.io~empty-dir/truth');
      if (!existsSync(volume)) continue;
      for (const name of readdirSync(volume)) {
        const kept = path.join(folder, name);
        if (!existsSync(kept)) linkSync(path.join(volume, name), kept);
      }
    }
  }
}
