import { expect, it } from 'vitest';
import { plain } from '../manifests/located.ts';
import type { KubeObject } from './cluster.ts';
import { RUN_LABEL } from './labels.ts';
import {
  moveChaos,
  moveObject,
  serviceAliases,
  toKubeObject,
  toManifest,
  withDefect,
  withHostAliases,
  withRunLabel,
} from './rewrite.ts';

const move = { from: 'shop', to: 'shop-7', services: ['store', 'web'] };
const object = (value: Record<string, unknown> & { kind: string }, name = 'x'): KubeObject => ({
  apiVersion: 'v1',
  metadata: { name, namespace: 'shop' },
  ...value,
});
const moved = (from: KubeObject, namespaced = true) =>
  plain(moveObject(toManifest(from, 'a.yaml', 3), move, namespaced).node);

it('moves a namespaced object, and the addresses of the Services that come along', () => {
  const data = {
    near: 'store:5432',
    far: 'postgres://u@store.shop.svc.cluster.local:5432/db?next=web.shop',
    other: 'store.shopping mystore.shop cache.shop store.shop-2',
  };
  expect(moved(object({ kind: 'ConfigMap', data }))).toMatchObject({
    metadata: { name: 'x', namespace: 'shop-7' },
    data: {
      near: 'store:5432',
      far: 'postgres://u@store.shop-7.svc.cluster.local:5432/db?next=web.shop-7',
      other: 'store.shopping mystore.shop cache.shop store.shop-2',
    },
  });
});

it('renames the Namespace itself and no other, and gives no namespace to what has none', () => {
  const bare = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
  expect(moved(bare, false)).toEqual({ ...bare, metadata: { name: 'shop-7' } });
  const foreign = { ...bare, metadata: { name: 'else' } };
  expect(moved(foreign, false)).toEqual(foreign);
  const binding = { apiVersion: 'rbac/v1', kind: 'ClusterRoleBinding', metadata: { name: 'b' } };
  const subjects = [
    { kind: 'ServiceAccount', name: 'a', namespace: 'shop' },
    { kind: 'ServiceAccount', name: 'a', namespace: 'kube-system' },
  ];
  expect(moved({ ...binding, subjects }, false)).toEqual({
    ...binding,
    subjects: [{ ...subjects[0], namespace: 'shop-7' }, subjects[1]],
  });
});

it('aims a chaos object at the same pods in their new namespace, at both ends, and keeps the lines', () => {
  const selector = { namespaces: ['shop', 'else'], labelSelectors: { app: 'a' } };
  const { node } = toManifest(
    object({ kind: 'NetworkChaos', spec: { selector, target: { selector: { namespaces: ['shop'] } } } }),
    'chaos/cut.yaml',
    9,
  );
  const result = moveChaos(node, move);
  expect(plain(result)).toMatchObject({
    metadata: { namespace: 'shop-7' },
    spec: {
      selector: { namespaces: ['shop-7', 'else'], labelSelectors: { app: 'a' } },
      target: { selector: { namespaces: ['shop-7'] } },
    },
  });
  expect(result).toMatchObject({ file: 'chaos/cut.yaml', line: 9 });
});

const workload = object({
  kind: 'Deployment',
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: 'app',
            env: [
              { name: 'A', value: '1' },
              { name: 'PROOFLOAD_DEFECT', value: 'old' },
            ],
          },
          { name: 'sidecar' },
        ],
      },
    },
  },
});

it('switches a defect on in the containers that the contract names', () => {
  expect(withDefect(workload, ['app'], 'lossy')).toMatchObject({
    spec: {
      template: {
        spec: {
          containers: [
            {
              name: 'app',
              env: [
                { name: 'A', value: '1' },
                { name: 'PROOFLOAD_DEFECT', value: 'lossy' },
              ],
            },
            { name: 'sidecar' },
          ],
        },
      },
    },
  });
  expect(withDefect(object({ kind: 'Service' }), ['app'], 'lossy')).toEqual(object({ kind: 'Service' }));
});

it('gives pods the names of the Services that have an address', () => {
  const services = [
    object({ kind: 'Service', spec: { clusterIP: '10.0.0.7' } }, 'store'),
    object({ kind: 'Service', spec: { clusterIP: 'None' } }, 'headless'),
    object({ kind: 'Service', spec: {} }, 'external'),
  ];
  const aliases = serviceAliases(services, 'shop-7');
  expect(aliases).toEqual([
    {
      ip: '10.0.0.7',
      hostnames: ['store', 'store.shop-7', 'store.shop-7.svc', 'store.shop-7.svc.cluster.local'],
    },
  ]);
  expect(withHostAliases(workload, aliases)).toMatchObject({
    spec: { template: { spec: { hostAliases: aliases } } },
  });
  expect(withHostAliases(workload, [])).toBe(workload);
});

it('labels an object beside the labels it has, and leaves its status to the cluster', () => {
  const labelled = withRunLabel(
    object({ kind: 'Service', metadata: { name: 'x', labels: { app: 'a' } } }),
    'r1',
  );
  expect(labelled.metadata.labels).toEqual({ app: 'a', [RUN_LABEL]: 'r1' });
  const read = toKubeObject(
    toManifest(object({ kind: 'Service', status: { loadBalancer: {} } }), 'a.yaml', 1),
  );
  expect(read).toEqual(object({ kind: 'Service' }));
});

it('refuses what no API server could take, with its place', () => {
  const broken = toManifest(
    object({ kind: 'Service', metadata: { name: 'x', labels: { n: 1 } } }),
    'a.yaml',
    7,
  );
  expect(() => toKubeObject(broken)).toThrow('a.yaml:7: Service x: metadata.labels.n');
});
