/** `kubectl rollout restart`. Its proof looks at the process table, and at the store, which must not notice. */
import type { PreparedFault } from '../../platform.ts';
import type { FaultContext } from '../fault-context.ts';
import { postgresHandshake, SILENCE_MS } from '../handshake.ts';
import type { Pod } from '../pod.ts';
import { isRunning } from '../process.ts';
import { recoveryOf } from './recovery.ts';

/** Acting from the first change of the set of pods until only new ones are there, all available. */
export function rolloutRestart(context: FaultContext): PreparedFault {
  const { replicas } = context;
  const before = [...replicas.pods];
  let injected = false;
  const recovered = recoveryOf(context, 'rollout-restart', () => replicas.settled());
  return {
    targets: before.map((pod) => pod.name),
    detail: `rollout restart of ${before.length} pods, surge ${replicas.options.maxSurge}, unavailable ${replicas.options.maxUnavailable}`,
    inject() {
      injected = true;
      replicas.restart();
      return Promise.resolve();
    },
    async heal() {
      if (injected) await recovered();
    },
    async observe() {
      const oldAlive = before.filter((pod) => replicas.pods.includes(pod) && isAlive(pod)).length;
      const fresh = replicas.pods.filter((pod) => !before.includes(pod));
      const freshReady = fresh.filter((pod) => pod.ready && isAlive(pod)).length;
      const begun = fresh.length > 0 || before.some((pod) => pod.terminating);
      const finished =
        oldAlive === 0 && fresh.length === freshReady && freshReady >= replicas.options.replicas;
      const store = await postgresHandshake(context.storePort, SILENCE_MS);
      return {
        acting: begun && !finished,
        detail: `${oldAlive} old processes alive, ${freshReady} of ${fresh.length} new pods ready`,
        ...(!store.answered && { elsewhere: `the store: ${store.why}` }),
      };
    },
  };
}

function isAlive(pod: Pod): boolean {
  return pod.process !== undefined && isRunning(pod.process);
}
