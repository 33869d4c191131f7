import { expect, it } from 'vitest';
import { lacks } from './ready.ts';

function object(apiVersion: string, kind: string, status: unknown, spec: unknown = { replicas: 2 }) {
  return { apiVersion, kind, metadata: { name: 'x', generation: 3 }, spec, status };
}
const condition = (type: string, status: string, message?: string) => ({
  conditions: [{ type, status, ...(message === undefined ? {} : { message }) }],
});

it('knows a Deployment that is there', () => {
  const up = {
    observedGeneration: 3,
    updatedReplicas: 2,
    availableReplicas: 2,
    ...condition('Available', 'True'),
  };
  expect(lacks(object('apps/v1', 'Deployment', up))).toBeNull();
});

it.each([
  [undefined, 'its controller has not seen it yet'],
  [{ observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2 }, 'its controller has not seen it yet'],
  [{ observedGeneration: 3, updatedReplicas: 1, availableReplicas: 2 }, '1 of 2 pods available'],
  [{ observedGeneration: 3, updatedReplicas: 2 }, '0 of 2 pods available'],
  [{ observedGeneration: 3, updatedReplicas: 2, availableReplicas: 2 }, 'not Available'],
  [{ observedGeneration: 3, updatedReplicas: 'two' }, 'its status cannot be read'],
])('a Deployment with status %j lacks: %s', (status, expected) => {
  expect(lacks(object('apps/v1', 'Deployment', status))).toBe(expected);
});

it('wants a daemon on every node, and a node to begin with', () => {
  const daemons = (desired: number, available: number) =>
    lacks(
      object('apps/v1', 'DaemonSet', {
        observedGeneration: 3,
        desiredNumberScheduled: desired,
        updatedNumberScheduled: desired,
        numberAvailable: available,
      }),
    );
  expect(daemons(2, 2)).toBeNull();
  expect(daemons(2, 1)).toBe('available on 1 of 2 nodes');
  expect(daemons(0, 0)).toBe('no node to run on');
});

it('goes by the condition of an APIService and of a CustomResourceDefinition', () => {
  const service = (status: unknown) => lacks(object('apiregistration.k8s.io/v1', 'APIService', status));
  const kind = (status: unknown) =>
    lacks(object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', status));
  expect(service(condition('Available', 'True'))).toBeNull();
  expect(service(condition('Available', 'False', 'no endpoints'))).toBe('not Available: no endpoints');
  expect(kind(condition('Established', 'True'))).toBeNull();
  expect(kind(undefined)).toBe('not Established');
});

it('asks nothing of what is ready by being there', () => {
  expect(lacks(object('v1', 'Namespace', undefined))).toBeNull();
});
