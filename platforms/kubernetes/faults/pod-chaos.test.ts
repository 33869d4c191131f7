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
