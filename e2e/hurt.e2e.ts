/**
 * A harness that is hurt while it measures: its disk fills up, or only its ledger's, or its generator is killed. The run still ends with a
 * verdict, never with one about the system that the record does not bear, and nothing of it is left. So it does
 * with a fault that is not what it should be.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT } from '../record/model.ts';
import { CHAOS_API } from '../platforms/kubernetes/faults/chaos-status.ts';
import { CONTEXT, KUBECONFIG, NODES } from '../platforms/bare/layout.ts';
import { cutConnections, kubectl, marksInCluster, whyNoCluster, without } from './bare.ts';
import { type Field, openField } from './field.ts';
import { FULL, type JudgedRun, type Started, red, start, startUntil } from './proofload.ts';

/** By that seed the cut of the store is the first fault. */
const SHORT = ['run', 'three-faults-60s', '--rate', '20', '--seed', '2', '--json'];
/** On the cluster. */
const NAMESPACE = 'hurt-e2e';
/** Where a kubelet is asked for logs, commands and port-forwards, by the API server alone. */
const KUBELET_PORT = 10_250;
const CUTS = 5;
const NAMES = 'jsonpath={.items[*].metadata.name}';
/** The harm comes while that fault acts: it has to be undone as well. */
const HURT_AT = 'fault store-cut: its probe saw it acting';
/** A run is refused where less than 2 GB are free; nothing of this is used. */
const ROOM = '8g';
const why =
  process.getuid?.() === 0 ? null : 'a disk that fills up is a mount of its own, which only root can make';
if (why !== null) process.stderr.write(`skipped: ${why}\n`);

let out: string;
const mounts: string[] = [];
const started: Started[] = [];
beforeEach(() => {
  out = mkdtempSync(path.join(os.tmpdir(), 'hurt-e2e-'));
});
afterEach(async () => {
  for (const running of started.splice(0)) {
    // Where a test failed it may still go on, and it undoes what it did.
    if (!(await Promise.race([running.ended, Promise.resolve(null)]))) process.kill(running.pid, 'SIGINT');
    await running.ended;
  }
  for (const folder of mounts.splice(0).toReversed()) execFileSync('/bin/umount', ['--lazy', folder]);
  rmSync(out, { recursive: true, force: true });
});

function mountRoom(folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${ROOM}`, 'proofload-e2e', folder]);
  mounts.push(folder);
}

/** Leaves that file system exactly the room that is in use. */
function fill(folder: string): void {
  const { blocks, bfree, bsize } = statfsSync(folder);
  execFileSync('/bin/mount', ['-o', `remount,size=${Math.max(1, blocks - bfree) * bsize}`, folder]);
}

/** Plays that scenario until it shows `moment`. */
async function begin(moment = HURT_AT): Promise<{ running: Started; dir: string }> {
  const running = await startUntil([...SHORT, '--out', out], moment);
  started.push(running);
  return { running, dir: path.join(out, readdirSync(out).sort().at(-1) ?? '') };
}

function processesOf(dir: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      const environment = readFileSync(`/proc/${entry}/environ`, 'latin1');
      return environment.includes(`PROOFLOAD_RUN=${path.basename(dir)}`);
    } catch {
      return false; // no process, or one that ends
    }
  });
}

/** The first process of that name in the run's journal that is still there. */
function pidOf(dir: string, name: RegExp): number {
  for (const line of readFileSync(path.join(dir, 'undo.jsonl'), 'utf8').trim().split('\n')) {
    const { action } = JSON.parse(line) as { action?: { what?: string; pid?: number } };
    const { what = '', pid } = action ?? {};
    if (pid !== undefined && name.test(what) && existsSync(`/proc/${pid}`)) return pid;
  }
  throw new Error(`no process ${name.source} in ${dir}/undo.jsonl`);
}

/** What holds however the harness was hurt. Returns the verdicts and their reasons. */
function endedWell(
  { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string },
  dir: string,
  codes: readonly number[] = [EXIT.invalid, EXIT.inconclusive],
): Record<string, string> {
  expect(codes, `exit ${code}\n${stdout}\n${stderr.slice(-4_000)}`).toContain(code);
  const run = JSON.parse(stdout) as JudgedRun;
  expect(run.exitCode).toBe(code);
  expect(
    run.verdicts.filter(({ verdict }) => verdict === 'fail'),
    red(run).join('\n'),
  ).toEqual([]);
  expect(processesOf(dir)).toEqual([]);
  expect(readdirSync(os.tmpdir()).filter((name) => name.includes(path.basename(dir)))).toEqual([]);
  process.stderr.write(`${red(run).join('\n')}\n`);
  return Object.fromEntries(run.verdicts.map(({ id, verdict, reason }) => [id, `${verdict}: ${reason}`]));
}

describe.skipIf(why !== null)('a harness that is hurt while it measures', () => {
  it('its disk is full', async () => {
    mountRoom(out);
    const { running, dir } = await begin();
    fill(out);
    endedWell(await running.ended, dir);
  });

  it.runIf(FULL)('the disk of its ledgers alone is full', async () => {
    const { running, dir } = await begin('phase deploy');
    mountRoom(path.join(dir, 'ledger'));
    await running.shows(HURT_AT);
    fill(path.join(dir, 'ledger'));
    endedWell(await running.ended, dir);
  });

  it('its generator is killed', async () => {
    const { running, dir } = await begin();
    process.kill(pidOf(dir, /^k6 load$/), 'SIGKILL');
    const verdicts = endedWell(await running.ended, dir);
    expect(verdicts['generator-valid']).toMatch(/^invalid: .*SIGKILL/);
    expect(verdicts['faults-proven']).toContain('not started: the load had ended');
  });
});

// A busy machine spoils the baseline, and then nothing is disturbed.
describe.runIf(FULL)('a fault that misbehaves makes the run invalid, and is undone:', { retry: 2 }, () => {
  it('it hits more than its target', async () => {
    const { running, dir } = await begin();
    // Not only the ways to the store are cut: the store itself says nothing any more.
    const store = pidOf(dir, /^store$/);
    process.kill(store, 'SIGSTOP');
    await running.shows('fault store-cut: its probe saw it act elsewhere too');
    process.kill(store, 'SIGCONT');
    const verdicts = endedWell(await running.ended, dir);
    expect(verdicts['faults-proven']).toMatch(/^invalid: store-cut: it acted elsewhere: the store itself/);
  });

  it('it does not end', async () => {
    const { running, dir } = await begin();
    const network = pidOf(dir, /^network$/);
    process.kill(network, 'SIGSTOP');
    await running.shows('fault store-cut: failed');
    process.kill(network, 'SIGCONT');
    // What plays the network is the harness's own: without it that has crashed, and says so.
    const verdicts = endedWell(await running.ended, dir, [EXIT.crash]);
    expect(verdicts['faults-proven']).toMatch(/^invalid: store-cut: its end was never seen/);
  });
});

const noCluster = FULL ? whyNoCluster() : 'faults that misbehave on a cluster are part of make e2e-full';
if (noCluster !== null) process.stderr.write(`skipped: ${noCluster}\n`);

describe.skipIf(noCluster !== null)('a fault on a cluster that misbehaves is told, and is undone:', () => {
  let field: Field;
  beforeAll(async () => {
    field = await openField(NAMESPACE);
  });
  afterEach(async () => {
    await kubectl('delete', 'networkchaos', '--all', '-n', NAMESPACE);
    expect(await field.left()).toBe('');
  });
  afterAll(async () => {
    await field.remove();
  });

  /** Cuts pods off beside the fault; `spec` as of a NetworkChaos, in JSON. */
  async function stray(selector: object, target?: object): Promise<void> {
    const file = path.join(out, 'stray.json');
    const spec = { action: 'partition', mode: 'all', direction: 'both', selector, ...target };
    const metadata = { name: 'stray', namespace: NAMESPACE };
    writeFileSync(file, JSON.stringify({ apiVersion: CHAOS_API, kind: 'NetworkChaos', metadata, spec }));
    await kubectl('create', '-f', file);
  }
  const labelled = (app: string) => ({ namespaces: [NAMESPACE], labelSelectors: { app } });

  it('aimed at nobody', async () => {
    const change = (text: string) => text.replace('app: event-kafka', 'app: nobody');
    const { story, failed } = await field.play('broker-kill', { change });
    expect(story).toEqual(['fault.failed']);
    expect(failed).toMatch(/no Ready pod in hurt-e2e has the labels app=nobody/);
  });

  it('a pod that was spared does not answer either', async () => {
    const change = (text: string) => text.replace('app: event-kafka', 'app: capture-api');
    const beside: Promise<unknown>[] = [];
    let targets: string[] = [];
    const { story, proofs } = await field.play('broker-failure', {
      forMs: 15_000,
      change,
      meanwhile(event) {
        if (event.kind === 'fault.intent') ({ targets } = event);
        if (event.kind === 'fault.injected') beside.push(cutTheSpared());
        if (event.kind === 'fault.proof' && event.saw === 'elsewhere')
          beside.push(kubectl('delete', 'networkchaos', 'stray', '-n', NAMESPACE));
      },
    });
    async function cutTheSpared(): Promise<void> {
      const names = await kubectl('get', 'pods', '-n', NAMESPACE, '-l', 'app=capture-api', '-o', NAMES);
      const spared = names.split(' ').filter((name) => !targets.includes(name));
      await stray({ pods: { [NAMESPACE]: spared } });
    }
    await Promise.all(beside);
    expect(story).toContain('elsewhere');
    expect(proofs.elsewhere).toMatch(/capture-api-.* does not answer on port 8000/);
    expect(story.slice(-2)).toEqual(['fault.healed', 'gone']);
  });

  it('its object goes and its effect stays', async () => {
    const beside: Promise<void>[] = [];
    const { story, failed } = await field.play('clickhouse-partition', {
      forMs: 8_000,
      meanwhile(event) {
        if (event.kind === 'fault.injected')
          beside.push(
            stray(labelled('consumer'), { target: { mode: 'all', selector: labelled('event-clickhouse') } }),
          );
      },
    });
    await Promise.all(beside);
    expect(story).not.toContain('gone');
    expect(failed).toMatch(/still acting 30 s after it was healed: 2 of 2 connections silent/);
    expect(await field.left()).toMatch(/^networkchaos\.chaos-mesh\.org\/stray$/m);
  });

  it('its object hangs on a finalizer', { retry: 2 }, async () => {
    const running = start([
      'run',
      'clickhouse-partition-under-load',
      '--on',
      'bare',
      '--rate',
      '40',
      '--json',
      '--out',
      out,
    ]);
    started.push(running);
    await running.shows('fault clickhouse-cut: its probe saw it acting');
    // Who would recover the pods and take the finalizer away is not there.
    await without('chaos-controller-manager', () => running.shows('fault clickhouse-cut: failed'));
    const verdicts = endedWell(await running.ended, path.join(out, readdirSync(out)[0] ?? ''), [
      EXIT.invalid,
    ]);
    expect(verdicts['faults-proven']).toMatch(
      /^invalid: clickhouse-cut: its end was never seen \(.* hung on its finalizer and was torn away/,
    );
    expect(verdicts['no-acknowledged-write-lost']).toMatch(/^pass: 0 lost/);
    expect(await marksInCluster()).toEqual([]);
  });

  it('ways through the API server are cut in the middle of a run', { retry: 2 }, async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'hurt-e2e-cwd-'));
    try {
      writeFileSync(path.join(folder, 'proofload.yaml'), `contexts:\n  - name: ${CONTEXT}\n`);
      const runs = path.join(out, 'runs');
      // From outside the cluster's network: pods and stores are reached by port-forwards, and the load comes from within.
      const args = [
        'run',
        'pipeline-control',
        '--on',
        'kubernetes',
        '--kubeconfig',
        KUBECONFIG,
        '--runners',
        '1',
      ];
      const running = start([...args, '--rate', '40', '--json', '--out', runs], {}, folder);
      started.push(running);
      await running.shows('phase baseline');
      for (let cut = 0; cut < CUTS; cut += 1)
        await vi.waitFor(
          () => {
            const many = NODES.map(({ address }) => cutConnections(address, KUBELET_PORT));
            expect(Math.max(...many), `cut ${cut}`).toBeGreaterThan(0);
          },
          { timeout: 15_000, interval: 500 },
        );
      const dir = path.join(runs, readdirSync(runs)[0] ?? '');
      const verdicts = endedWell(await running.ended, dir, [EXIT.pass, EXIT.invalid, EXIT.inconclusive]);
      expect(verdicts['no-acknowledged-write-lost']).toMatch(/^(pass|inconclusive): 0 lost/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
