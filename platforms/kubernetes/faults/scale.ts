/** Another number of replicas for a while, by the scale subresource, as a person or an autoscaler sets it. */
import { CannotRun } from '../../platform.ts';
import type { PreparedFault } from '../../platform.ts';
import type { Deployed } from '../cluster.ts';
import { podsWith, wantedReplicas } from './pod.ts';
import { changeMarked } from './restore.ts';
import { until } from './wait.ts';

/**
 * Acting while exactly `to` pods live (terminating ones left out), Ready or not, since a start may take longer than a fault may need to
 * show; gone when the old number is Ready again. Throws CannotRun when that would change nothing.
 */
export function scaleTo(deployed: Deployed, to: number, slotMs: number): PreparedFault {
  const { cluster, deployment, namespace } = deployed;
  const before = wantedReplicas(deployed);
  if (before === to)
    throw new CannotRun(`scaleTo ${to}: ${deployment} has ${to} replicas already, so nothing would happen`);
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment, namespace };
  let phase: 'before' | 'scaled' | 'back' = 'before';
  let waited = false;
  let takeBack: (() => Promise<void>) | undefined;
  const state = () => {
    const live = podsWith(deployed, deployed.labels).filter(({ terminating }) => !terminating);
    return { live: live.length, ready: live.filter(({ ready }) => ready).length };
  };
  const isBack = () => {
    const { live, ready } = state();
    return live === before && ready === before;
  };
  return {
    targets: [deployment],
    detail: `scale from ${before} to ${to} replicas`,
    async inject() {
      phase = 'scaled';
      takeBack = await changeMarked(
        deployed,
        { what: `${deployment}: back to ${before} replicas`, ref, back: { spec: { replicas: before } } },
        () => cluster.patch(ref, { spec: { replicas: to } }, 'scale'),
      );
    },
    async heal() {
      if (phase === 'before') return;
      phase = 'back';
      await takeBack?.();
      const { signal } = deployed;
      if (waited) return;
      waited = true;
      if ((await until(isBack, { timeoutMs: slotMs, signal })) || signal.aborted) return;
      const { live, ready } = state();
      throw new Error(
        `not back at ${before} replicas after ${Math.round(slotMs / 1_000)} s: ${live} live, ${ready} Ready`,
      );
    },
    observe() {
      const { live, ready } = state();
      return Promise.resolve({
        acting: phase === 'back' ? !isBack() : phase === 'scaled' && live === to,
        detail: `${live} pods live, ${ready} Ready, ${to} asked for, ${before} before`,
      });
    },
  };
}
