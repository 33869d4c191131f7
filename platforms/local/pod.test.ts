import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeFixture, memoryJournal, until } from './fixture.ts';
import type { Fixture } from './fixture.ts';
import { Pod } from './pod.ts';
import type { PodEvent } from './pod.ts';
import { freePort } from './ports.ts';
import { isRunning, startProcess } from './process.ts';
import type { PodTemplate } from '../manifests/workload.ts';

let fixture: Fixture;
const journal = memoryJournal();
const pods: Pod[] = [];
beforeAll(async () => {
  fixture = await makeFixture();
});
afterEach(async () => {
  await Promise.all(pods.splice(0).map((pod) => pod.terminate({ why: 'test', graceMs: 0, hook: false })));
  expect(journal.open.size).toBe(0);
});
afterAll(() => fixture.remove());

const QUICK = { path: '/ready', delayMs: 0, periodMs: 20, timeoutMs: 1000, failures: 1 };
let count = 0;

function start(template: PodTemplate, env: Record<string, string> = {}) {
  const events: PodEvent[] = [];
  const name = `tiny-${count++}`;
  const logFile = path.join(fixture.evidenceDir, `${name}.log`);
  const pod = new Pod({
    name,
    uid: name,
    generation: 1,
    template,
    setUp: async () => ({ port: await freePort() }),
    start: (port) =>
      startProcess({
        what: name,
        file: process.execPath,
        args: [path.join(fixture.systemDir, 'reference/server.js')],
        runId: 'test-pod',
        logFile,
        undo: journal,
        env: { LISTEN: `127.0.0.1:${port}`, STORE_URL: 'postgres://127.0.0.1:1/x', ...env },
      }),
    tearDown: () => Promise.resolve(),
    onEvent: (event) => events.push(event),
    onChange: () => undefined,
  });
  pods.push(pod);
  const states = () => events.map((event) => event.state);
  return { pod, events, states, log: () => readFileSync(logFile, 'utf8') };
}
const set = (pod: Pod, what: string) =>
  fetch(`http://127.0.0.1:${pod.port}/?${what}`, { headers: { connection: 'close' } });

test('without a readiness probe a started container is ready; SIGTERM ends it with its own exit code', async () => {
  const { pod, events, states } = start({ graceMs: 5000 });
  await until('ready', () => pod.ready);
  // Ready does not mean that it listens yet, and that is what the manifest asked for.
  await until('listening', () =>
    set(pod, 'x=1').then(
      () => true,
      () => false,
    ),
  );
  await pod.terminate({ why: 'rollout', graceMs: 5000, hook: true });
  expect(states()).toEqual(['created', 'started', 'ready', 'terminating', 'sigterm', 'exited', 'deleted']);
  expect(events.at(-2)).toMatchObject({ state: 'exited', exitCode: 0, signal: null, why: 'rollout' });
});

test('a container that ignores SIGTERM is killed when its grace is over', async () => {
  const { pod, events, states, log } = start({ graceMs: 2000, readiness: QUICK }, { MODE: 'deaf' });
  await until('ready', () => pod.ready);
  await pod.terminate({ why: 'rollout', graceMs: 2000, hook: true });
  expect(states().slice(-5)).toEqual(['terminating', 'sigterm', 'sigkill', 'exited', 'deleted']);
  expect(events.at(-3)).toMatchObject({ state: 'sigkill', why: 'rollout', graceExpired: true });
  expect(events.at(-2)).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  expect(log()).toContain('SIGTERM ignored');
});

test('preStop holds SIGTERM back, and the pod serves meanwhile', async () => {
  const { pod, events, states } = start({
    graceMs: 3000,
    readiness: QUICK,
    preStop: { kind: 'sleep', ms: 400 },
  });
  await until('ready', () => pod.ready);
  const gone = pod.terminate({ why: 'rollout', graceMs: 3000, hook: true });
  expect(pod.ready).toBe(false);
  expect((await set(pod, 'x=1')).status).toBe(200);
  expect(events.some((event) => event.state === 'sigterm')).toBe(false);
  await gone;
  expect(states().slice(-4)).toEqual(['terminating', 'sigterm', 'exited', 'deleted']);
});

test('preStop by HTTP is over when it is answered, whatever the status', async () => {
  const { pod, states } = start({
    graceMs: 20_000,
    readiness: QUICK,
    preStop: { kind: 'http', path: '/ready' },
  });
  await until('ready', () => pod.ready);
  await pod.terminate({ why: 'rollout', graceMs: 20_000, hook: true });
  expect(states().slice(-3)).toEqual(['sigterm', 'exited', 'deleted']);
});

test('grace 0 kills at once, without preStop, also in the middle of a gentle end', async () => {
  const { pod, events, states } = start(
    { graceMs: 30_000, readiness: QUICK, preStop: { kind: 'sleep', ms: 20_000 } },
    { MODE: 'deaf' },
  );
  await until('ready', () => pod.ready);
  void pod.terminate({ why: 'rollout', graceMs: 30_000, hook: true });
  await pod.terminate({ why: 'pod-kill', graceMs: 0, hook: false });
  expect(states().slice(-3)).toEqual(['sigkill', 'exited', 'deleted']);
  expect(events.some((event) => event.graceExpired)).toBe(false);
});

test("a grace that is cut short, and one that is not the pod's own, are no expired grace", async () => {
  const removed = start({ graceMs: 30_000, readiness: QUICK }, { MODE: 'deaf' });
  const hurried = start({ graceMs: 30_000, readiness: QUICK }, { MODE: 'deaf' });
  await until('ready', () => removed.pod.ready && hurried.pod.ready);
  void hurried.pod.terminate({ why: 'rollout', graceMs: 30_000, hook: true });
  await until('its SIGTERM', () => hurried.states().includes('sigterm'));
  await Promise.all(
    [removed, hurried].map(({ pod }) => pod.terminate({ why: 'remove', graceMs: 50, hook: false })),
  );
  for (const { events } of [removed, hurried]) {
    const kill = events.find((event) => event.state === 'sigkill');
    expect(kill).toBeDefined();
    expect(kill?.graceExpired).toBeUndefined();
  }
});

test('a liveness restart that needs SIGKILL says that the grace was over', async () => {
  const { pod, events } = start(
    {
      graceMs: 2000,
      startup: { ...QUICK, failures: 250 },
      readiness: QUICK,
      liveness: { ...QUICK, path: '/health' },
    },
    { MODE: 'deaf' },
  );
  await until('ready', () => pod.ready);
  await set(pod, 'health=0');
  await until('the restart', () => pod.restarts === 1);
  expect(events.find((event) => event.state === 'sigkill')).toMatchObject({
    why: 'liveness',
    graceExpired: true,
  });
});

test('a crash restarts the container in its pod at once, the second one waits', async () => {
  const { pod, events, states } = start({ graceMs: 1000, readiness: QUICK }, { MODE: 'crash' });
  await until('two crashes', () => states().filter((state) => state === 'exited').length === 2);
  expect(events.filter((event) => event.state === 'started').map((event) => event.restarts)).toEqual([0, 1]);
  expect(events.find((event) => event.state === 'exited')).toMatchObject({ exitCode: 7, why: 'crash' });
  await pod.terminate({ why: 'remove', graceMs: 1000, hook: false }); // the back-off of 10 s does not hold it up
  expect(states().filter((state) => state === 'started')).toHaveLength(2);
  expect(pod.ready).toBe(false);
});

test('readiness comes and goes with its probe; connection refused is a failure', async () => {
  const { pod, events, states } = start({ graceMs: 1000, readiness: QUICK });
  expect(pod.ready).toBe(false);
  await until('ready', () => pod.ready);
  await set(pod, 'ready=0');
  await until('unready', () => !pod.ready);
  expect(events.at(-1)).toMatchObject({ state: 'unready', why: 'readiness: HTTP 503' });
  await set(pod, 'ready=1');
  await until('ready again', () => pod.ready);
  expect(states().filter((state) => state === 'ready')).toHaveLength(2);
});

test('the startup probe holds readiness and liveness back; when it fails the container is restarted', async () => {
  const sick = { ...QUICK, path: '/health', failures: 2 };
  const { pod, states } = start({
    graceMs: 1000,
    startup: { ...QUICK, failures: 250 },
    readiness: QUICK,
    liveness: sick,
  });
  await until('ready', () => pod.ready);
  expect(pod.restarts).toBe(0);
  await set(pod, 'health=0');
  await until('the restart', () => pod.restarts === 1 && pod.ready);
  expect(states()).toContain('sigterm');

  const never = start({
    graceMs: 1000,
    startup: { ...QUICK, path: '/store', failures: 25 },
    readiness: QUICK,
  });
  await until('its restart', () => never.pod.restarts === 1);
  expect(never.states()).not.toContain('ready');
  expect(never.events.find((event) => event.state === 'exited')).toMatchObject({ why: 'startup' });
});

test('a process is told apart from another one under its pid', async () => {
  const { pod } = start({ graceMs: 1000, readiness: QUICK });
  await until('ready', () => pod.ready);
  const { process } = pod;
  expect(process && isRunning(process)).toBe(true);
  expect(process && isRunning({ ...process, startTicks: (process.startTicks ?? 0) + 1 })).toBe(false);
});
