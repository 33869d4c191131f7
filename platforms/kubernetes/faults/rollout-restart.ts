/** `kubectl rollout restart`: over when every old pod is deleted and every new one available, which is later than kubectl says so. */
import { z } from 'zod';
import type { PreparedFault } from '../../platform.ts';
import type { Deployed } from '../cluster.ts';
import { podsWith } from './pod.ts';
import { until } from './wait.ts';

/** What kubectl sets, and a rollout undoes nothing of. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';

const Deployment = z.object({
  metadata: z.object({ generation: z.int() }),
  spec: z.object({ replicas: z.int() }),
  status: z.object({
    observedGeneration: z.int().default(0),
    updatedReplicas: z.int().default(0),
    availableReplicas: z.int().default(0),
  }),
});

export function rolloutRestart(deployed: Deployed, slotMs: number): PreparedFault {
  const workload = () => podsWith(deployed, deployed.labels);
  const before = workload().filter(({ terminating }) => !terminating);
  const old = new Set(before.map(({ uid }) => uid));
  let injected = false;
  let waited = false;
  const state = () => {
    const pods = workload();
    const fresh = pods.filter(({ uid }) => !old.has(uid));
    const left = pods.filter(({ uid }) => old.has(uid));
    return { left, fresh, freshReady: fresh.filter(({ ready }) => ready).length };
  };
  const isFinished = () => {
    const { left, freshReady } = state();
    const read = Deployment.safeParse(deployed.deploymentNow());
    if (!read.success || left.length > 0) return false;
    const { metadata, spec, status } = read.data;
    return (
      status.observedGeneration >= metadata.generation &&
      status.updatedReplicas === spec.replicas &&
      status.availableReplicas === spec.replicas &&
      freshReady >= spec.replicas
    );
  };
  return {
    targets: before.map(({ name }) => name),
    detail: `rollout restart of ${before.length} pods`,
    async inject() {
      injected = true;
      const annotations = { [RESTARTED_AT]: new Date().toISOString() };
      await deployed.cluster.patch(
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          name: deployed.deployment,
          namespace: deployed.namespace,
        },
        { spec: { template: { metadata: { annotations } } } },
      );
    },
    async heal() {
      const { signal } = deployed;
      if (!injected || waited) return;
      waited = true;
      if ((await until(isFinished, { timeoutMs: slotMs, signal })) || signal.aborted) return;
      throw new Error(`the rollout is not over after ${Math.round(slotMs / 1_000)} s: ${words(state())}`);
    },
    observe() {
      const seen = state();
      const begun = seen.left.length < before.length || seen.left.some(({ terminating }) => terminating);
      const started = begun || seen.fresh.length > 0;
      return Promise.resolve({ acting: started && !isFinished(), detail: words(seen) });
    },
  };
}

function words({
  left,
  fresh,
  freshReady,
}: {
  left: unknown[];
  fresh: unknown[];
  freshReady: number;
}): string {
  return `${left.length} old pods are still there, ${freshReady} of ${fresh.length} new pods ready`;
}
