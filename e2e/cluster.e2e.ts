/**
 * A real Kubernetes, brought up and taken down here: the four disturbances with nothing lost, a cluster that cannot be asked for a
 * while, and a machine on which nothing is left. What a harness that dies leaves in a cluster: cluster-heal.e2e.ts.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EXIT, type Event } from '../record/model.ts';
import { API_PORT } from '../platforms/bare/layout.ts';
import { cutConnections, down, machine, marksInCluster, up, whyNoCluster, without } from './bare.ts';
import { expectHeld, FULL, type JudgedRun, judgedRun, machineHeldUp, red, start } from './proofload.ts';

const OUTAGE_MS = 20_000;
const CUTS = 10;

const why = whyNoCluster();
if (why !== null) process.stderr.write(`skipped: ${why}\n`);

describe.skipIf(why !== null)('on a bare cluster', () => {
  let before: Record<string, string[]> = {};
  beforeAll(async () => {
    await down();
    before = machine();
    await up();
  });
  afterAll(() => down());

  it('loses nothing when a pod dies, the store is cut off, a node is drained and everything is rolled out', async () => {
    const run = await judgedRun(['cluster-soak', '--on', 'bare'], { again: ['--rate', '150'] });
    expectHeld(run);
    expect(run.figures.find(({ name }) => name === 'lost')?.value).toBe(0);
    expect(run.verdicts.find(({ check }) => check === 'faults-proven')?.observed?.value).toBe(4);
    process.stderr.write(
      run.figures.map(({ name, value, unit }) => `  ${name}: ${value} ${unit}\n`).join(''),
    );
    expect(await marksInCluster()).toEqual([]);
  });

  it('says what it could not see when the API server is away and watches are cut', async () => {
    const running = start(['run', 'control', '--on', 'bare', '--for', '120s', '--rate', '60', '--json']);
    await running.shows('phase baseline');
    await without('kube-apiserver', () => pause(OUTAGE_MS)); // the length of the outage is the point
    for (let cut = 0; cut < CUTS; cut += 1) {
      // Watches come back after a pause of their own: only what is there can be cut.
      await vi.waitFor(() => expect(cutConnections('127.0.0.1', API_PORT), `cut ${cut}`).toBeGreaterThan(0), {
        timeout: 15_000,
        interval: 500,
      });
    }
    const { code, stdout, stderr } = await running.ended;
    const run = JSON.parse(stdout) as JudgedRun;
    // Nodes whose kubelets cannot reach the API server are given up after a while, and their pods with them: `quiet` may say so.
    // On a machine that did not carry the load meanwhile, that is not held against the system.
    const isTaken = run.verdicts.some(machineHeldUp);
    expect(
      [EXIT.inconclusive, isTaken ? EXIT.invalid : EXIT.fail],
      `${red(run).join('\n')}\n${stderr.slice(-2_000)}`,
    ).toContain(code);
    const gaps = historyOf(run).filter((event) => event.kind === 'gap');
    expect(Math.max(...gaps.map(({ fromMs, toMs }) => toMs - fromMs))).toBeGreaterThan(OUTAGE_MS * 0.9);
    const verdictOf = (check: string) => run.verdicts.find((verdict) => verdict.check === check)?.verdict;
    expect(['inconclusive', isTaken ? 'invalid' : 'fail']).toContain(verdictOf('quiet'));
    for (const check of ['no-restarts', 'ready-only-while-serving'])
      expect(verdictOf(check), check).toBe('inconclusive');
    expect(run.figures.find(({ name }) => name === 'lost')?.value).toBe(0);
    process.stderr.write(`${gaps.length} gaps, ${red(run).join('\n  ')}\n`);
  });

  it('plays its load from two pods inside the cluster', async () => {
    const run = await judgedRun([
      'control',
      '--on',
      'bare',
      '--for',
      '30s',
      '--rate',
      '60',
      '--runners',
      '2',
    ]);
    expectHeld(run);
  });

  it.runIf(FULL)('sees each kind of fault act and end', async () => {
    const run = await judgedRun(['chaos-tour', '--on', 'bare']);
    const proven = run.verdicts.find(({ check }) => check === 'faults-proven');
    // Packets cannot be delayed where the kernel has no netem: then that one is left out, and said.
    expect(['pass', 'not_run'], proven?.reason).toContain(proven?.verdict);
    expect(proven?.observed?.value).toBeGreaterThanOrEqual(5);
  });

  it('leaves nothing on this machine', async () => {
    await down();
    expect(machine()).toEqual(before);
  });
});

function historyOf({ runDir }: JudgedRun): Event[] {
  return readFileSync(path.join(runDir, 'history.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
}
