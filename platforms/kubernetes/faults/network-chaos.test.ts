import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CannotRun } from '../../platform.ts';
import type { PreparedFault } from '../../platform.ts';
import { ApiError } from '../cluster.ts';
import { prepareFault } from '../faults.ts';
import { shortRunId } from './chaos.ts';
import { contacts, located, makeFixture, NAMESPACE, RUN } from './fixture.ts';
import type { Fixture } from './fixture.ts';

let f: Fixture;
beforeEach(() => {
  vi.useFakeTimers();
  f = makeFixture();
});
afterEach(() => vi.useRealTimers());

const NAME = `x-${shortRunId(RUN)}`;
/** How the network is: which pods reach which addresses, and how fast. */
const world = { silentFrom: new Set<string>(), slowFrom: new Set<string>(), ms: 1, asked: [] as string[] };
beforeEach(() => {
  world.silentFrom.clear();
  world.slowFrom.clear();
  world.ms = 1;
  world.asked = [];
  f.cluster.run = (pod, command) => {
    world.asked.push(...command.filter((word) => /^\d+\.\d/.test(word)));
    return contacts(command, {
      silent: () => world.silentFrom.has(pod),
      ms: world.slowFrom.has(pod) ? world.ms : 1,
    });
  };
});

function prepare(action: string, more: object = {}): Promise<PreparedFault> {
  const selector = (app: string) => ({ namespaces: [NAMESPACE], labelSelectors: { app } });
  const object = located({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'NetworkChaos',
    metadata: { name: 'x' },
    spec: {
      action,
      mode: 'all',
      direction: 'both',
      selector: selector('app'),
      target: { mode: 'all', selector: selector('store') },
      ...more,
    },
  });
  const planned = { name: 'cut', fault: { chaos: 'x' }, atMs: 0, forMs: 12_000, slotMs: 60_000 };
  return prepareFault(f.deployed, planned, object, () => 0);
}
const acting = async (fault: PreparedFault) => (await fault.observe()).acting;
const APPS = ['app-0', 'app-1', 'app-2'];

test('a partition begins when all connections are silent and ends when none is', async () => {
  const fault = await prepare('partition');
  expect(fault.detail).toBe('partition, pods -> store-0, both directions, 3 of 3 pods');
  expect(new Set(world.asked)).toEqual(new Set(['10.0.0.13', '10.96.0.7']));
  expect(await acting(fault)).toBe(false);
  await fault.inject();
  expect(f.cluster.find('NetworkChaos', NAME)?.['spec']).toMatchObject({
    mode: 'all',
    duration: '42s',
    direction: 'both',
    selector: { pods: { [NAMESPACE]: APPS } },
    target: { mode: 'all', selector: { pods: { [NAMESPACE]: ['store-0'] } } },
  });
  world.silentFrom = new Set(['app-0', 'app-1']);
  expect((await fault.observe()).detail).toContain('4 of 6 connections silent, 10.0.0.13:5432 answers');
  expect(await acting(fault)).toBe(false);
  world.silentFrom = new Set(APPS);
  expect(await acting(fault)).toBe(true);
  world.silentFrom = new Set(['app-1']);
  expect(await acting(fault)).toBe(true);
  world.silentFrom = new Set();
  expect(await acting(fault)).toBe(false);
  await fault.heal();
  await fault.heal();
  expect(f.cluster.find('NetworkChaos', NAME)).toBeUndefined();
});

test('all injected by its status, and everything answers: not acting, and the status is told', async () => {
  const fault = await prepare('partition');
  f.cluster.react = (verb, object) => {
    const records = APPS.map((name) => ({ id: `${NAMESPACE}/${name}`, phase: 'Injected' }));
    if (verb === 'create') object['status'] = { experiment: { containerRecords: records } };
  };
  await fault.inject();
  const seen = await fault.observe();
  expect(seen).toMatchObject({ acting: false });
  expect(seen.detail).toContain('Chaos Mesh says: 3 of 3 injected');
});

test('a dead store is no partition', async () => {
  const fault = await prepare('partition');
  await fault.inject();
  world.silentFrom = new Set(APPS);
  f.deaf.add('store-0');
  expect(await fault.observe()).toMatchObject({
    acting: false,
    elsewhere: 'store-0 does not answer on port 5432',
  });
});

test('a spared neighbour that is cut too is elsewhere', async () => {
  const fault = await prepare('partition', { mode: 'one' });
  expect(fault.targets).toEqual(['app-0', 'store-0']);
  await fault.inject();
  world.silentFrom = new Set(['app-0']);
  expect(await fault.observe()).toMatchObject({ acting: true });
  expect((await fault.observe()).elsewhere).toBeUndefined();
  world.silentFrom.add('app-2');
  expect((await fault.observe()).elsewhere).toContain('app-2, which it is not aimed at');
});

test('a partition of one direction tells it from one of both, once', async () => {
  const table = (ip: string) => `  sl  local_address rem_address st\n 0: 0A00000A:1F90 ${ip}:0FA0 03\n`;
  const STORE_IP = '0D00000A';
  let arrived = STORE_IP;
  f.cluster.run = (pod, command) =>
    command[0] === 'cat'
      ? { stdout: table(pod === 'app-0' ? arrived : '00000000') }
      : contacts(command, { silent: () => world.silentFrom.has(pod) });
  const fault = await prepare('partition', { direction: 'to' });
  expect(fault.detail).toContain('direction to');
  await fault.inject();
  world.silentFrom = new Set([...APPS, 'store-0']);
  const seen = await fault.observe();
  expect(seen).toMatchObject({ acting: true });
  expect(seen.detail).toContain('first packets from store-0 to app-0 arrive, so one direction alone is cut');
  expect(seen.elsewhere).toBeUndefined();
  world.silentFrom.clear();
  const another = await prepare('partition', { direction: 'to' });
  world.silentFrom = new Set([...APPS, 'store-0']);
  arrived = '00000000';
  expect((await another.observe()).elsewhere).toBe(
    'first packets from store-0 to app-0 do not arrive, and one direction was asked for',
  );
});

test('a Service that also leads to spared stores is not asked', async () => {
  f.pod('store-1', { app: 'store' });
  const selector = { labelSelectors: { app: 'store' } };
  await prepare('partition', { target: { mode: 'one', selector } });
  expect(new Set(world.asked)).toEqual(new Set(['10.0.0.13']));
});

test('a container on its way back keeps what was seen for a while; a pod that is gone counts no more', async () => {
  const fault = await prepare('partition');
  await fault.inject();
  world.silentFrom = new Set(APPS);
  expect(await acting(fault)).toBe(true);
  f.cluster.refuse = (verb, what) =>
    verb === 'exec' && what === 'app-0' ? new ApiError('container not running', 500, '') : undefined;
  expect(await acting(fault)).toBe(true);
  await vi.advanceTimersByTimeAsync(11_000);
  await expect(fault.observe()).rejects.toThrow('container not running');
  f.cluster.drop('Pod', 'app-0');
  expect(await acting(fault)).toBe(true);
});

test('that the other direction could not be looked at is said, and it is asked again', async () => {
  let broken = false;
  const table = '  sl  local_address rem_address st\n 0: 0A00000A:1F90 0D00000A:0FA0 03\n';
  f.cluster.run = (pod, command) =>
    command[0] === 'cat'
      ? broken
        ? { exitCode: 1, stderr: 'no such container' }
        : { stdout: table }
      : contacts(command, { silent: () => world.silentFrom.has(pod) });
  const fault = await prepare('partition', { direction: 'to' });
  await fault.inject();
  world.silentFrom = new Set([...APPS, 'store-0']);
  broken = true;
  const seen = await fault.observe();
  expect(seen).toMatchObject({ acting: true });
  expect(seen.elsewhere).toBeUndefined();
  expect(seen.detail).toContain(
    'whether the other way is open could not be looked at: /proc/net/tcp of app-0',
  );
  broken = false;
  expect((await fault.observe()).detail).toContain('arrive, so one direction alone is cut');
  broken = true;
  world.silentFrom.clear();
  const blind = await prepare('partition', { direction: 'to' });
  world.silentFrom = new Set([...APPS, 'store-0']);
  expect((await blind.observe()).detail).toContain('whether the other way is open could not be looked at:');
});

test('a delay is acting when every connection is slow by half of it', async () => {
  const fault = await prepare('delay', { delay: { latency: '100ms', jitter: '20ms' } });
  await fault.inject();
  expect(f.cluster.find('NetworkChaos', NAME)?.['spec']).toMatchObject({
    delay: { latency: '100ms', jitter: '20ms', correlation: '0' },
  });
  world.slowFrom = new Set(APPS);
  world.ms = 40;
  expect(await acting(fault)).toBe(false);
  world.ms = 110;
  expect((await fault.observe()).detail).toBe('6 of 6 connections slow, slowest 110 ms');
  expect(await acting(fault)).toBe(true);
  world.slowFrom.clear();
  expect(await acting(fault)).toBe(false);
});

test('a loss is acting from the first lost packet until luck no longer explains the rest', async () => {
  const fault = await prepare('loss', { loss: { loss: '25' } });
  expect(await acting(fault)).toBe(false);
  await fault.inject();
  world.slowFrom = new Set(['app-1']);
  world.ms = 1_010;
  expect(await acting(fault)).toBe(true);
  world.slowFrom.clear();
  expect(await acting(fault)).toBe(true); // 6 in a row, 17 are needed: 0.75^17 < 1 %
  expect(await acting(fault)).toBe(true);
  expect(await acting(fault)).toBe(false);
});

test('without netem the daemon says why, and it is told', async () => {
  const fault = await prepare('delay', { delay: { latency: '100ms' } });
  f.cluster.react = (verb, object) => {
    const message = 'unable to set tcs for pod app-0';
    const events = [{ type: 'Failed', operation: 'Apply', message }];
    const record = { id: `${NAMESPACE}/app-0`, phase: 'Not Injected/Wait', events };
    if (verb === 'create') object['status'] = { experiment: { containerRecords: [record] } };
  };
  await fault.inject();
  expect((await fault.observe()).detail).toContain('0 of 1 injected, unable to set tcs');
});

const BANDWIDTH = {
  bandwidth: { rate: '1mbps', limit: 20_971, buffer: 10_000 },
  mode: 'one',
  direction: 'to',
};

test('a bandwidth is proven by the token bucket where there is tc', async () => {
  let bucket = false;
  f.cluster.run = () => ({
    stdout: bucket
      ? 'qdisc tbf 1: root refcnt 2 rate 8Mbit burst 10000b lat 12ms\n'
      : 'qdisc noqueue 0: root\n',
  });
  const fault = await prepare('bandwidth', BANDWIDTH);
  expect(await acting(fault)).toBe(false);
  bucket = true;
  expect(await fault.observe()).toMatchObject({
    acting: true,
    detail: 'app-0: token bucket of 8Mbit on eth0',
  });
  bucket = false;
  expect(await acting(fault)).toBe(false);
  f.cluster.run = () => ({ stdout: 'qdisc tbf 1: root refcnt 3 (options for tbf)\n' }); // as BusyBox says it
  expect(await acting(fault)).toBe(true);
});

/** An image without tc whose pod sends that much. */
function sends(perS: () => number): void {
  let bytes = 0;
  let last = performance.now();
  f.cluster.run = (_, command) => {
    if (command[0] !== 'cat') return { exitCode: 127 };
    bytes += ((performance.now() - last) / 1_000) * perS();
    last = performance.now();
    return {
      stdout: `Inter-|\n    lo: 1 2 3 4 5 6 7 8 99 0\n  eth0: 1 2 3 4 5 6 7 8 ${Math.round(bytes)} 0\n`,
    };
  };
}

test('without tc a bandwidth shows where the pod sent more before, and nowhere else', async () => {
  let perS = 3_000_000;
  sends(() => perS);
  const [fault] = await Promise.all([prepare('bandwidth', BANDWIDTH), vi.advanceTimersByTimeAsync(1_500)]);
  const look = async () => {
    await vi.advanceTimersByTimeAsync(1_100);
    return fault.observe();
  };
  expect((await look()).acting).toBe(false);
  perS = 990_000;
  expect((await look()).acting).toBe(false);
  expect((await look()).acting).toBe(false);
  const seen = await look();
  expect(seen).toMatchObject({ acting: true });
  expect(seen.detail).toBe(
    'app-0 sends 990 kB/s, before 3000 kB/s; near the limit of 1000 kB/s for 3 looks, 3 prove it',
  );
  perS = 3_000_000;
  expect((await look()).acting).toBe(false);
});

test.each([
  ['a dip', [990_000, 990_000, 3_000_000, 990_000, 990_000]],
  ['silence', [0, 0, 0, 0]],
  ['a lull below what a limit lets through', [290_000, 290_000, 290_000]],
  ['a little more than the limit', [1_160_000, 1_160_000, 1_160_000]],
])('%s in the traffic is no limited bandwidth', async (_, rates) => {
  let perS = 3_000_000;
  sends(() => perS);
  const [fault] = await Promise.all([prepare('bandwidth', BANDWIDTH), vi.advanceTimersByTimeAsync(1_500)]);
  await vi.advanceTimersByTimeAsync(1_000);
  await fault.observe();
  for (perS of rates) {
    await vi.advanceTimersByTimeAsync(1_100);
    expect((await fault.observe()).acting).toBe(false);
  }
});

test('a pod that sends less than the limit proves nothing, and says so', async () => {
  sends(() => 1_000);
  const [fault] = await Promise.all([prepare('bandwidth', BANDWIDTH), vi.advanceTimersByTimeAsync(1_500)]);
  await vi.advanceTimersByTimeAsync(3_000);
  const seen = await fault.observe();
  expect(seen.acting).toBe(false);
  expect(seen.detail).toContain('so a limit of 1000 kB/s does not show');
});

test('what could never be proven cannot run', async () => {
  f.cluster.run = () => ({ exitCode: 127 });
  await expect(prepare('partition')).rejects.toThrow(CannotRun);
  await expect(prepare('bandwidth', BANDWIDTH)).rejects.toThrow('neither tc nor cat');
});

test('a bandwidth without a target limits everything that is sent', async () => {
  f.cluster.run = () => ({ stdout: 'qdisc noqueue 0: root\n' });
  const fault = await prepare('bandwidth', { ...BANDWIDTH, target: undefined });
  expect(fault.detail).toBe('bandwidth 1000 kB/s, pods -> everything, direction to, 1 of 3 pods');
  await fault.inject();
  expect(f.cluster.find('NetworkChaos', NAME)?.['spec']).not.toHaveProperty('target');
  const both = { ...BANDWIDTH, target: undefined, direction: 'both' };
  await expect(prepare('bandwidth', both)).rejects.toThrow('needs spec.target');
});
