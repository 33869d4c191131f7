import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PlannedFault } from '../../../record/model.ts';
import { CannotRun } from '../../platform.ts';
import type { PreparedFault } from '../../platform.ts';
import { prepareFault } from '../faults.ts';
import { RUN_LABEL } from '../labels.ts';
import { shortRunId } from './chaos.ts';
import { located, makeFixture, NAMESPACE, RUN, setPod, settled } from './fixture.ts';
import type { Fixture } from './fixture.ts';

let f: Fixture;
beforeEach(() => {
  vi.useFakeTimers();
  f = makeFixture();
});
afterEach(() => vi.useRealTimers());

function prepare(action: string, more: object = {}, random = () => 0): Promise<PreparedFault> {
  const object = located({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'PodChaos',
    metadata: { name: 'x' },
    spec: {
      action,
      mode: 'one',
      selector: { namespaces: [NAMESPACE], labelSelectors: { app: 'app' } },
      ...more,
    },
  });
  const planned: PlannedFault = {
    name: 'blow',
    fault: { chaos: 'x' },
    atMs: 0,
    slotMs: 60_000,
    ...(action === 'pod-failure' && { forMs: 10_000 }),
  };
  return prepareFault(f.deployed, planned, object, random);
}

const acting = async (fault: PreparedFault) => (await fault.observe()).acting;

test('pod-kill acts while the victim is gone and a replica short, and aims at the recorded pod alone', async () => {
  const fault = await prepare('pod-kill', {}, () => 0.99);
  expect(fault.targets).toEqual(['app-2']);
  expect(await acting(fault)).toBe(false);
  await fault.inject();
  const sent = f.cluster.find('PodChaos', `x-${shortRunId(RUN)}`);
  expect(sent).toMatchObject({
    metadata: { namespace: NAMESPACE, labels: { [RUN_LABEL]: RUN } },
    spec: { action: 'pod-kill', mode: 'all', selector: { pods: { [NAMESPACE]: ['app-2'] } } },
  });
  expect(sent?.['spec']).not.toHaveProperty('duration');
  expect(await acting(fault)).toBe(false);
  f.cluster.drop('Pod', 'app-2');
  expect(await acting(fault)).toBe(true);
  f.pod('app-9', { ready: false });
  expect(await acting(fault)).toBe(true);
  const healing = settled(fault.heal());
  setPod(f.cluster, 'app-9', { ready: true });
  await healing;
  expect(await acting(fault)).toBe(false);
  expect(f.cluster.find('PodChaos', `x-${shortRunId(RUN)}`)).toBeUndefined();
  await fault.heal();
});

const STORE = { selector: { namespaces: [NAMESPACE], labelSelectors: { app: 'store' } } };

test('a store of a StatefulSet acts until a pod of the same name and another uid is Ready, as long as its own probes let it take', async () => {
  const store = f.cluster.find('Pod', 'store-0');
  const startupProbe = { periodSeconds: 5, failureThreshold: 120 };
  Object.assign(store ?? {}, {
    spec: { containers: [{ name: 'main', ports: [{ containerPort: 5_432 }], startupProbe }] },
  });
  const fault = await prepare('pod-kill', STORE);
  await fault.inject();
  f.cluster.drop('Pod', 'store-0');
  expect(await acting(fault)).toBe(true);
  f.pod('store-0', { app: 'store', ready: false });
  const seen = await fault.observe();
  expect(seen).toMatchObject({ acting: true });
  expect(seen.detail).toContain('1 of 1 killed pods gone, 0 of 1 replicas ready');
  const healing = settled(fault.heal());
  // Three slots are 180 s; its startup probe gives it ten minutes.
  await vi.advanceTimersByTimeAsync(190_000);
  setPod(f.cluster, 'store-0', { ready: true });
  await healing;
  expect(await acting(fault)).toBe(false);
});

test('a store that never comes back is told after that time', async () => {
  const fault = await prepare('pod-kill', STORE);
  await fault.inject();
  f.cluster.drop('Pod', 'store-0');
  await expect(settled(fault.heal())).rejects.toThrow('pod-kill: not recovered 180 s after its end');
});

test.each([
  ['none', undefined, true],
  ['emptyDir alone', [{ name: 'data', emptyDir: {} }], true],
  [
    'a claim',
    [
      { name: 'tmp', emptyDir: {} },
      { name: 'data', persistentVolumeClaim: { claimName: 'd' } },
    ],
    false,
  ],
])(
  'a kill of a store whose volumes are %s says whether it loses what is stored',
  async (_, volumes, loses) => {
    const store = f.cluster.find('Pod', 'store-0');
    Object.assign(store?.['spec'] ?? {}, volumes && { volumes });
    const { detail } = await prepare('pod-kill', STORE);
    expect(detail.includes('no volume outlives store-0, so what is stored there is lost by this')).toBe(
      loses,
    );
    expect((await prepare('pod-kill')).detail).not.toContain('volume');
  },
);

test('pod-kill with grace acts only when the terminating pod refuses', async () => {
  const fault = await prepare('pod-kill', { gracePeriod: 30 });
  await fault.inject();
  const pod = f.cluster.find('Pod', 'app-0');
  if (pod) pod.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  expect(await acting(fault)).toBe(false);
  f.deaf.add('app-0');
  expect(await acting(fault)).toBe(true);
  expect(fault.actsWithinMs).toBe(40_000);
});

test('a status that lies moves no proof, and is told', async () => {
  const fault = await prepare('pod-kill');
  f.cluster.react = (verb, object) => {
    const experiment = {
      desiredPhase: 'Run',
      containerRecords: [{ id: `${NAMESPACE}/app-0`, selectorKey: '.', phase: 'Injected' }],
    };
    if (verb === 'create') object['status'] = { experiment };
  };
  await fault.inject();
  const seen = await fault.observe();
  expect(seen.acting).toBe(false);
  expect(seen.detail).toContain('Chaos Mesh says: 1 of 1 injected');
});

test('a spared pod that answers no more is elsewhere; one hiccup is not', async () => {
  const fault = await prepare('pod-kill');
  f.deaf.add('app-1');
  expect((await fault.observe()).elsewhere).toBe('app-1 does not answer on port 8080');
  f.deaf.clear();
  let asked = 0;
  f.deployed.connects = (pod) => Promise.resolve(pod.metadata.name !== 'app-1' || asked++ > 0);
  expect((await fault.observe()).elsewhere).toBeUndefined();
});

test('pod-failure acts from refusal until the pod answers and is Ready, with a backstop in the object', async () => {
  const fault = await prepare('pod-failure');
  await fault.inject();
  expect(f.cluster.find('PodChaos', `x-${shortRunId(RUN)}`)?.['spec']).toMatchObject({ duration: '40s' });
  expect(fault.actsWithinMs).toBe(40_000);
  f.deaf.add('app-0');
  expect(await acting(fault)).toBe(false);
  setPod(f.cluster, 'app-0', { ready: false });
  expect(await acting(fault)).toBe(true);
  const healing = settled(fault.heal());
  f.deaf.clear();
  setPod(f.cluster, 'app-0', { ready: true, restarts: 1 });
  await healing;
  expect(await acting(fault)).toBe(false);
});

test('pod-failure that never recovers is told once, and not waited for twice', async () => {
  const fault = await prepare('pod-failure');
  await fault.inject();
  f.deaf.add('app-0');
  setPod(f.cluster, 'app-0', { ready: false });
  await expect(settled(fault.heal())).rejects.toThrow('pod-failure: not recovered 180 s after its end');
  await fault.heal();
});

test('an interrupted run removes the object and waits for nothing', async () => {
  const fault = await prepare('pod-failure');
  await fault.inject();
  f.deaf.add('app-0');
  setPod(f.cluster, 'app-0', { ready: false });
  f.abort.abort();
  await fault.heal();
  expect(f.cluster.calls.at(-1)).toMatch(/^remove PodChaos/);
});

test('container-kill is seen by the restart count, even when the container is back already', async () => {
  const fault = await prepare('container-kill', { containerNames: ['main'] });
  expect(await acting(fault)).toBe(false);
  await fault.inject();
  expect(await acting(fault)).toBe(false);
  setPod(f.cluster, 'app-0', { ready: true, restarts: 1 });
  expect(await acting(fault)).toBe(true);
  expect(await acting(fault)).toBe(false);
  await settled(fault.heal());
});

test('container-kill is seen by the refusing port before the restart is counted', async () => {
  const fault = await prepare('container-kill', { containerNames: ['main'] });
  await fault.inject();
  f.deaf.add('app-0');
  expect(await acting(fault)).toBe(true);
  f.deaf.clear();
  setPod(f.cluster, 'app-0', { ready: true, restarts: 1 });
  expect(await acting(fault)).toBe(false);
});

test('nothing Ready to aim at, or another namespace, cannot run', async () => {
  await expect(prepare('pod-kill', { selector: { labelSelectors: { app: 'nobody' } } })).rejects.toThrow(
    /no Ready pod in demo has the labels app=nobody/,
  );
  const elsewhere = { selector: { namespaces: ['prod'], labelSelectors: { app: 'app' } } };
  await expect(prepare('pod-kill', elsewhere)).rejects.toThrow(CannotRun);
  await expect(prepare('pod-kill', { mode: 'random-max-percent', value: '50' })).rejects.toThrow(
    'took none of 3 pods',
  );
});
