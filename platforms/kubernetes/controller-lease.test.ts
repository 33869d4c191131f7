import { expect, it } from 'vitest';
import type { KubeObject } from './cluster.ts';
import { worthALine } from './controller-lease.ts';

function lease(holderIdentity: string, renewTime: string): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'kube-controller-manager', namespace: 'kube-system' },
    spec: { holderIdentity, leaseTransitions: 0, acquireTime: '2026-01-01T00:00:00Z', renewTime },
  };
}

it('keeps every change of holder and of renewals one in ten seconds', () => {
  let now = 0;
  const told = worthALine(() => now);
  const kept: number[] = [];
  for (now = 0; now <= 30_000; now += 2_000) if (told(lease('a', `${now}`))) kept.push(now);
  expect(kept).toEqual([0, 10_000, 20_000, 30_000]);
  now = 31_000;
  expect(told(lease('b', '31000'))).toBe(true);
  expect(told(lease('b', '32000'))).toBe(false);
});

it('does not take two leases that it cannot read for the same', () => {
  const told = worthALine(() => 0);
  const odd = (spec: unknown): KubeObject => ({ ...lease('a', ''), spec });
  expect([told(odd('x')), told(odd('y')), told(odd('y'))]).toEqual([true, true, false]);
});
