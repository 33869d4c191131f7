import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Emit, Platform, PreparedFault } from '../platform.ts';
import { makeFixture, memoryHistory, memoryJournal, until } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { processesOfRun } from './heal.ts';
import { createLocalPlatform } from './platform.ts';

type Recorded = Parameters<Emit>[0];
const runId = `test-${process.pid}`;
let fixture: Fixture;
let platform: Platform;
const history = memoryHistory();
const journal = memoryJournal();
const interrupt = new AbortController();

const podStates = (name: string) =>
  history.events.flatMap((event) => (event.kind === 'pod' && event.pod === name ? [event.state] : []));
const get = async (url: string) => (await fetch(url, { headers: { connection: 'close' } })).text();
const acting = async (fault: PreparedFault) => (await fault.observe()).acting;

const lastEndpoints = () => {
  const last = history.events.findLast((event) => event.kind === 'endpoints');
  return last?.kind === 'endpoints' ? last.ready : [];
};

const fault = (name: string) =>
  platform.fault({ name, fault: { chaos: name }, atMs: 0, slotMs: 10_000 }, () => 0.5);
beforeAll(async () => {
  fixture = await makeFixture();
  platform = createLocalPlatform(fixture);
  await platform.deploy({
    runId,
    systemDir: fixture.systemDir,
    evidenceDir: fixture.evidenceDir,
    defect: 'sleepy',
    emit: history.emit,
    redact: (line) => line,
    undo: journal,
    nowMs: () => performance.now(),
    signal: interrupt.signal,
  });
});
afterAll(async () => {
  await platform.remove();
  fixture.remove();
});

describe('a deployed system', () => {
  test('serves through the Service with every replica, and says what it does not play', async () => {
    expect(platform.pods().map((pod) => pod.ready)).toEqual([true, true, true]);
    const seen = new Set<string>();
    await until('every pod to answer', async () => seen.add(await get(platform.loadUrl())).size === 3);
    expect([...seen].sort()).toEqual(
      platform
        .pods()
        .map((pod) => pod.name)
        .sort(),
    );
    const unplayed = history.events.flatMap((event) => (event.kind === 'unplayed' ? [event.field] : []));
    expect(unplayed).toContain('spec.template.spec.affinity');
    expect(unplayed).toContain('(whole object)');
    // Nobody asked for autoscaling: nothing is scaled, measured or told of it.
    expect(await platform.scaling?.()).toBeNull();
    expect(existsSync(path.join(fixture.evidenceDir, 'watch.jsonl'))).toBe(false);
  });

  test('gives its containers the environment of the manifest and of the run', async () => {
    const env = z
      .record(z.string(), z.string())
      .parse(JSON.parse(await get(`${platform.pods()[0]?.url}/env`)));
    expect(env).toMatchObject({
      TOKEN: 's3cret',
      LEVEL: 'info',
      GREETING: 's3cret at info, $(TOKEN)',
      POD_IP: '127.0.0.1',
      PROOFLOAD_RUN: runId,
      PROOFLOAD_DEFECT: 'sleepy',
      POD_NAME: platform.pods()[0]?.name,
    });
    expect(env['STORE_URL']).not.toBe(platform.storeEnv()['STORE_URL']); // by its own link
    expect(platform.secrets()).toEqual({ token: 's3cret' });
    const { password } = new URL(platform.storeEnv()['STORE_URL'] ?? '');
    expect(platform.sensitive()).toEqual(['s3cret', password]);
    expect(password).toHaveLength(32);
    expect(env['HOME']).toBeUndefined();
  });

  test('leaves its manifests in the evidence, without the secret', () => {
    expect(history.events.find((event) => event.kind === 'evidence')).toMatchObject({
      id: 'manifests',
      file: 'evidence/manifests.yaml',
    });
    const saved = readFileSync(path.join(fixture.evidenceDir, 'manifests.yaml'), 'utf8');
    expect(saved).toContain('terminationGracePeriodSeconds: 3');
    expect(saved).toContain('token: "[redacted]"');
    expect(saved).not.toMatch(/czNjcmV0|s3cret/);
  });

  test('journals every process and folder, each found again by its mark', () => {
    const groups = Object.values(platform.processGroups()).flat();
    expect(groups.length).toBeGreaterThan(6);
    const kinds = [...journal.open.values()].map((action) => action.kind).sort();
    expect(kinds).toEqual([
      'directory',
      'process',
      'process',
      'process',
      'process',
      'process',
      'shared-memory',
    ]);
    const folder = path.join(os.tmpdir(), `proofload-${runId}-store`);
    expect(processesOfRun(runId, [folder])).toEqual(expect.arrayContaining(groups));
  });
});

describe('faults', () => {
  test('pod-kill kills one pod, proves it, and ends with its replacement', async () => {
    const kill = await fault('pod-kill');
    const [victim] = kill.targets;
    expect(kill.targets).toHaveLength(1);
    expect(await acting(kill)).toBe(false);
    await kill.inject();
    await until('the proof', () => acting(kill));
    await kill.heal();
    expect(await kill.observe()).toMatchObject({ acting: false });
    expect((await kill.observe()).elsewhere).toBeUndefined();
    expect(podStates(victim ?? '')).toEqual([
      'created',
      'started',
      'ready',
      'sigkill',
      'terminating',
      'exited',
      'deleted',
    ]);
    expect(platform.pods()).toHaveLength(3);
    const removal = history.events.findIndex(
      (event) => event.kind === 'endpoints' && !event.ready.includes(victim ?? ''),
    );
    expect(removal).toBeGreaterThan(0);
  });

  test('a partition cuts its targets and nobody else, and delivers what it held', async () => {
    const cut = await fault('store-partition');
    expect(cut.targets).toHaveLength(2);
    expect(await acting(cut)).toBe(false);
    await cut.inject();
    const seen = await cut.observe();
    expect(seen).toMatchObject({ acting: true, detail: '2 of 2 targeted links silent' });
    expect(seen.elsewhere).toBeUndefined();
    const target = platform.pods().find((pod) => pod.name === cut.targets[0]);
    const spared = platform.pods().find((pod) => !cut.targets.includes(pod.name));
    expect(await get(`${spared?.url}/store`)).toBe('N');
    const held = get(`${target?.url}/store`);
    const early = await Promise.race([held, new Promise((resolve) => setTimeout(resolve, 200, 'silence'))]);
    expect(early).toBe('silence');
    await cut.heal();
    expect(await held).toBe('N');
    expect(await acting(cut)).toBe(false);
    await cut.heal();
  });

  test('a delay is measured on the wire', async () => {
    const slow = await fault('store-delay');
    await slow.inject();
    expect(await acting(slow)).toBe(true);
    await slow.heal();
    expect(await acting(slow)).toBe(false);
  });

  test('a fault that hits a pod it is not aimed at is told', async () => {
    const narrow = await fault('store-partition');
    const wide = await platform.fault(
      { name: 'wide', fault: { chaos: 'store-partition' }, atMs: 0, slotMs: 10_000 },
      () => 0,
    );
    const both = new Set([...narrow.targets, ...wide.targets]);
    expect(both.size).toBe(3);
    await narrow.inject();
    await wide.inject();
    expect((await narrow.observe()).elsewhere).toContain('the link of');
    await narrow.heal();
    await wide.heal();
  });

  test('a rollout restart replaces every pod, one more at a time, and never has fewer ready', async () => {
    const restart = await platform.fault(
      { name: 'roll', fault: 'rollout-restart', atMs: 0, slotMs: 10_000 },
      () => 0,
    );
    const before = platform.pods().map((pod) => pod.uid);
    expect(await acting(restart)).toBe(false);
    const from = history.events.length;
    await restart.inject();
    await until('the proof', () => acting(restart));
    await restart.heal();
    expect(await acting(restart)).toBe(false);
    const uids = platform.pods().map((pod) => pod.uid);
    expect(uids.filter((uid) => before.includes(uid))).toEqual([]);
    const sizes = history.events
      .slice(from)
      .flatMap((event) => (event.kind === 'endpoints' ? [event.ready.length] : []));
    expect(Math.min(...sizes)).toBe(3);
    expect(Math.max(...sizes)).toBe(4);
    const [old] = restart.targets;
    expect(podStates(old ?? '').slice(-4)).toEqual(['terminating', 'sigterm', 'exited', 'deleted']);
  });
});

describe('probes', () => {
  test('an unready pod leaves the endpoints and comes back; nobody ready means refused at once', async () => {
    const pods = platform.pods();
    for (const pod of pods) await get(`${pod.url}/?ready=0`);
    await until('no endpoint', () => lastEndpoints().length === 0);
    await expect(fetch(platform.loadUrl())).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    for (const pod of pods) await get(`${pod.url}/?ready=1`);
    await until('all endpoints', () => lastEndpoints().length === 3);
    expect(await get(platform.loadUrl())).not.toBe('');
  });

  test('a failed liveness probe restarts the container in its pod, preStop first', async () => {
    const [pod] = platform.pods();
    const name = pod?.name ?? '';
    await get(`${pod?.url}/?health=0`);
    await until('the restart', () => podStates(name).filter((state) => state === 'started').length === 2);
    const told = history.events.filter(
      (event): event is Recorded & { kind: 'pod' } => event.kind === 'pod' && event.pod === name,
    );
    expect(told.find((event) => event.state === 'sigterm')).toMatchObject({ why: 'liveness' });
    expect(told.findLast((event) => event.state === 'started')).toMatchObject({ restarts: 1 });
    await until('ready again', () => platform.pods().every((other) => other.ready));
    expect(platform.pods().find((other) => other.uid === pod?.uid)).toBeDefined();
  });
});

test('remove leaves nothing behind, and can be called twice', async () => {
  const pids = Object.values(platform.processGroups()).flatMap((group) =>
    'cpuSeconds' in group ? [] : group,
  );
  expect(pids).not.toEqual([]);
  await platform.remove();
  await platform.remove();
  expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  expect([...journal.open.values()]).toEqual([]);
  expect(existsSync(path.join(os.tmpdir(), `proofload-${runId}-store`))).toBe(false);
  expect(history.events.filter((event) => event.kind === 'run.crashed')).toEqual([]);
});

test('a deploy that is interrupted is an AbortError, and what a Secret holds is known before', async () => {
  const other = createLocalPlatform(fixture);
  await other.prepare({ systemDir: fixture.systemDir, faults: [] });
  expect(other.sensitive()).toEqual(['s3cret']);
  const stopped = new AbortController();
  const deploying = other.deploy({
    runId: `${runId}-b`,
    systemDir: fixture.systemDir,
    evidenceDir: fixture.evidenceDir,
    emit: history.emit,
    redact: (line) => line,
    undo: journal,
    nowMs: () => performance.now(),
    signal: stopped.signal,
  });
  void until('a process', () => journal.open.size > 0).then(() => stopped.abort());
  await expect(deploying).rejects.toMatchObject({ name: 'AbortError' });
  await other.remove();
  expect(journal.open.size).toBe(0);
});
