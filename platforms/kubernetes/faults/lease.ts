/**
 * One fault on nodes at a time in a whole cluster, whoever runs it: a Lease says who. Clocks of machines differ, so a Lease counts as
 * abandoned when it was not renewed for its whole duration as measured here, as client-go's leader election does it.
 */
import { z } from 'zod';
import { CannotRun } from '../../platform.ts';
import { ApiError } from '../cluster.ts';
import type { Cluster, KubeObject } from '../cluster.ts';
import { RUN_LABEL } from '../labels.ts';
import { pause, reason } from './wait.ts';

export const LEASE_REF = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'default',
  name: 'proofload-node-faults',
};
const DURATION_S = 15;
const RENEW_EVERY_MS = 5_000;
/** How long another holder is waited for, milliseconds. */
const PATIENCE_MS = 30_000;

const Lease = z.object({
  spec: z.object({
    holderIdentity: z.string().default('nobody'),
    leaseDurationSeconds: z.int().positive().default(DURATION_S),
    renewTime: z.string().default(''),
  }),
});

export interface HeldLease {
  /** Why it is no longer held, if so. */
  lost(): string | undefined;
  /** Idempotent. Throws ApiError. */
  release(): Promise<void>;
}

/** Waits up to 30 s for another holder. Throws CannotRun naming it, ApiError when Leases are refused. */
export async function holdLease(cluster: Cluster, runId: string, signal: AbortSignal): Promise<HeldLease> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  let seen = { version: '', sinceMs: performance.now() };
  let holder = 'nobody';
  for (;;) {
    const startedMs = performance.now();
    const made = await tryCreate(cluster, runId);
    if (made) return keep(cluster, runId, made, startedMs);
    if (signal.aborted || performance.now() > deadlineMs) break;
    const other = await cluster.get(LEASE_REF);
    if (!other) continue;
    const { spec } = Lease.parse(other);
    holder = spec.holderIdentity;
    const version = `${other.metadata.uid}/${spec.renewTime}`;
    if (version !== seen.version) seen = { version, sinceMs: performance.now() };
    if (performance.now() - seen.sinceMs > spec.leaseDurationSeconds * 1_000) {
      // A new one instead of a change: its uid tells the holders apart when they let go.
      if (await claim(cluster, runId, other)) {
        await removeOwn(cluster, other.metadata.uid);
        continue;
      }
    }
    await pause(1_000, signal);
  }
  throw new CannotRun(
    signal.aborted
      ? `interrupted while waiting for ${holder}, which holds the Lease of node faults`
      : `run ${holder} holds the Lease of node faults (kubectl get lease ${LEASE_REF.name} -n ${LEASE_REF.namespace}) and did not let go within ${PATIENCE_MS / 1_000} s: two faults on nodes at a time prove neither`,
  );
}

async function tryCreate(cluster: Cluster, runId: string): Promise<KubeObject | undefined> {
  const now = microTime();
  try {
    return await cluster.create({
      apiVersion: LEASE_REF.apiVersion,
      kind: LEASE_REF.kind,
      metadata: {
        name: LEASE_REF.name,
        namespace: LEASE_REF.namespace,
        labels: { [RUN_LABEL]: runId },
      },
      spec: {
        holderIdentity: runId,
        leaseDurationSeconds: DURATION_S,
        acquireTime: now,
        renewTime: now,
      },
    });
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return undefined;
    throw error;
  }
}

/** Makes an abandoned Lease this run's, unless its holder, or another that waits, has changed it since it was read. Throws ApiError. */
async function claim(cluster: Cluster, runId: string, { metadata }: KubeObject): Promise<boolean> {
  const { uid, resourceVersion } = metadata;
  try {
    await cluster.patch(LEASE_REF, {
      metadata: {
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
        labels: { [RUN_LABEL]: runId },
      },
      spec: { holderIdentity: runId, leaseDurationSeconds: DURATION_S, renewTime: microTime() },
    });
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

/** Gone, changed, or another of the same name. */
function isTaken(error: unknown): boolean {
  return error instanceof ApiError && [404, 409, 422].includes(error.status);
}

function keep(cluster: Cluster, runId: string, lease: KubeObject, heldSinceMs: number): HeldLease {
  const uid = lease.metadata.uid;
  let why: string | undefined;
  let over = false;
  let failure = 'no answer';
  let renewedMs = heldSinceMs;
  const lost = () => {
    // Also while a renewal still waits for its answer.
    if (!over && performance.now() - renewedMs > DURATION_S * 1_000)
      why ??= `not renewed for ${DURATION_S} s: ${failure}`;
    return why;
  };
  const renew = async () => {
    // What was lost once may be somebody else's by now.
    if (lost() !== undefined) return;
    // Others count from when they see it renewed, which is later.
    const startedMs = performance.now();
    try {
      // With its uid: a Lease of the same name that somebody else made since is refused (422, the field cannot change).
      const now = await cluster.patch(LEASE_REF, {
        ...(uid !== undefined && { metadata: { uid } }),
        spec: { renewTime: microTime() },
      });
      const holder = Lease.parse(now).spec.holderIdentity;
      if (!over && holder !== runId) why ??= `run ${holder} took it over`;
      renewedMs = Math.max(renewedMs, startedMs);
    } catch (error) {
      failure = reason(error);
      if (!over && isTaken(error)) why ??= failure;
    }
  };
  const timer = setInterval(() => void renew(), RENEW_EVERY_MS);
  timer.unref();
  return {
    lost,
    async release() {
      if (over) return;
      over = true;
      clearInterval(timer);
      await removeOwn(cluster, uid);
    },
  };
}

/** Removes the Lease of that uid; one that somebody else made since is left alone (409). */
async function removeOwn(cluster: Cluster, uid: string | undefined): Promise<void> {
  try {
    await cluster.remove(LEASE_REF, { graceSeconds: 0, ...(uid !== undefined && { uid }) });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  }
}

/** MicroTime of the API: RFC 3339 with six digits behind the second. */
function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
