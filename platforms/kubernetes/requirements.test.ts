import path from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../../record/root.ts';
import { readManifests } from '../manifests/read.ts';
import { readYaml } from '../manifests/located.ts';
import type { FaultUse } from '../platform.ts';
import { checkScalable, wantedRights } from './requirements.ts';
import { memoryCluster, SERVED } from './testing.ts';

const CHAOS_KINDS = ['PodChaos', 'NetworkChaos', 'PodNetworkChaos', 'Schedule'].map((kind) => ({
  apiVersion: 'chaos-mesh.org/v1alpha1',
  kind,
  namespaced: true,
}));

/** Each right as `verb resource/subresource`. */
function wanted(fault: FaultUse['fault'] | undefined, kinds = [...SERVED, ...CHAOS_KINDS]): string[] {
  const node =
    typeof fault === 'object' && 'chaos' in fault
      ? readYaml(path.join(ROOT, 'chaos', `${fault.chaos}.yaml`))[0]
      : undefined;
  const faults = fault === undefined ? [] : [{ use: { name: 'x', fault }, node }];
  return wantedRights({
    namespace: 'shop',
    objects: [],
    served: { kinds, unknown: [] },
    faults,
    attach: true,
  }).map(
    ({ verb, resource, subresource }) =>
      `${verb} ${subresource === undefined ? resource : `${resource}/${subresource}`}`,
  );
}

it('asks for the way to pods through the API server with both verbs that servers want for it', () => {
  const quiet = wanted(undefined);
  expect(quiet).toEqual(expect.arrayContaining(['get pods/portforward', 'create pods/portforward']));
  expect(quiet.filter((right) => /exec|chaos|nodes/.test(right))).toEqual([]);
  expect(wanted({ chaos: 'store-partition' })).toEqual(
    expect.arrayContaining(['get pods/exec', 'create pods/exec']),
  );
  expect(wanted({ chaos: 'pod-kill' })).not.toContain('create pods/exec');
});

it.each<[string, FaultUse['fault'], string[]]>([
  ['a drain', 'drain', ['list networkchaos', 'list podchaos', 'list podnetworkchaos']],
  ['a kill', { chaos: 'pod-kill' }, ['list networkchaos', 'list podchaos', 'list podnetworkchaos']],
  ['a rollout', 'rollout-restart', []],
  ['a scale', { scaleTo: 1 }, []],
])('for %s asks to see the faults it must not meet, each once', (_, fault, expected) => {
  expect(wanted(fault).filter((right) => /^list .*chaos$/.test(right))).toHaveLength(expected.length);
  expect(wanted(fault)).toEqual(expect.arrayContaining(expected));
});

it('asks for the mark beside the scale', () => {
  const rights = wanted({ scaleTo: 1 });
  expect(rights).toEqual(expect.arrayContaining(['patch deployments/scale', 'patch deployments']));
});

it('asks nothing about kinds that the cluster does not have', () => {
  expect(wanted('drain', SERVED).filter((right) => right.includes('chaos'))).toEqual([]);
});

it('refuses more load without an HPA or without metrics-server, and asks neither of anybody else', async () => {
  const objects = readManifests(path.join(ROOT, 'systems/luminate'), undefined);
  const metrics = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', namespaced: true };
  const check = (fault: FaultUse['fault'], kinds = [...SERVED, metrics], of = objects) =>
    checkScalable(memoryCluster({ kinds }), of, [{ name: 'surge', fault }]);
  const surge = { surge: 'to-max' } as const;
  await check(surge);
  await check('drain', SERVED, []);
  await expect(check(surge, SERVED)).rejects.toThrow(
    /surge: .* does not serve metrics\.k8s\.io.*install metrics-server/,
  );
  const without = objects.filter(({ kind }) => kind !== 'HorizontalPodAutoscaler');
  await expect(check(surge, [...SERVED, metrics], without)).rejects.toThrow('no HorizontalPodAutoscaler');
  expect(wanted(surge)).toEqual(expect.arrayContaining(['list horizontalpodautoscalers', 'list pods']));
});
