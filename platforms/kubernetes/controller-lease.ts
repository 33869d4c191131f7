/**
 * The lease that kube-controller-manager works under. A new holder is a restart, and with it the HPA's controller has forgotten what it
 * recommended and did (it keeps both in memory only).
 */
import { z } from 'zod';
import type { KubeObject } from './cluster.ts';
import type { WatchedKind } from './observed.ts';

export const CONTROLLER_LEASE: WatchedKind = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'kube-system',
  name: 'kube-controller-manager',
  optional: true,
};

/** It is renewed every 2 s; as many lines would be more than all else tells on a quiet day. */
const RENEWAL_PERIOD_MS = 10_000;

const Lease = z.object({
  spec: z.object({
    holderIdentity: z.string().nullish(),
    leaseTransitions: z.number().nullish(),
    acquireTime: z.string().nullish(),
  }),
});

/** Tells which changes of the lease are worth a line: every one but a renewal less than 10 s after the last line. */
export function worthALine(nowMs: () => number): (object: KubeObject) => boolean {
  let last: { text: string; atMs: number } | undefined;
  return (object) => {
    const { data } = Lease.safeParse(object);
    const text = JSON.stringify(data ?? object);
    const atMs = nowMs();
    if (last?.text === text && atMs - last.atMs < RENEWAL_PERIOD_MS) return false;
    last = { text, atMs };
    return true;
  };
}
