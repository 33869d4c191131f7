import path from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../../record/root.ts';
import { readYaml } from '../manifests/located.ts';
import type { FaultUse } from '../platform.ts';
import { wantedRights } from './requirements.ts';
import { SERVED } from './testing.ts';

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
