/** PodChaos pod-kill. Its proof looks at the process table and at the pods' ports, never at what this file was told to do. */
import type { PreparedFault } from '../../platform.ts';
import type { FaultContext } from '../fault-context.ts';
import { accepts, firstFailure, SILENCE_MS } from '../handshake.ts';
import type { Pod } from '../pod.ts';
import { isRunning } from '../process.ts';
import { recoveryOf } from './recovery.ts';

/** SIGKILL; acting until the replacement is Ready. */
export function podKill(context: FaultContext, targets: readonly Pod[]): PreparedFault {
  const { replicas } = context;
  const victims = targets.map((pod) => ({ pod, port: pod.port, process: pod.process }));
  const bystanders = replicas.ready().filter((pod) => !targets.includes(pod));
  const healthy = () => !replicas.pods.some((pod) => targets.includes(pod)) && replicas.settled();
  const recovered = recoveryOf(context, 'pod-kill: waiting for the replacement', healthy);
  let injected = false;
  return {
    targets: targets.map((pod) => pod.name),
    detail: `pod-kill, SIGKILL without grace, ${targets.length} of ${replicas.pods.length} pods`,
    inject() {
      injected = true;
      for (const pod of targets) replicas.kill(pod.uid, 'pod-kill');
      return Promise.resolve();
    },
    async heal() {
      if (injected) await recovered();
    },
    async observe() {
      const dead = await Promise.all(
        victims.map(async ({ port, process }) => {
          const running = process !== undefined && isRunning(process);
          return !running && !(await accepts(port, SILENCE_MS)).answered;
        }),
      );
      // Only those that are meant to live: a rollout or a restart of their own is not this fault's doing.
      const watched = bystanders.filter((pod) => replicas.pods.includes(pod) && !pod.terminating);
      const deaf = await firstFailure(watched.map((pod) => [pod.name, accepts(pod.port, SILENCE_MS)]));
      const ready = replicas.ready().length;
      const gone = dead.filter(Boolean).length;
      const acting = gone === victims.length && ready < replicas.options.replicas;
      const detail = `${gone} of ${victims.length} killed processes gone and refusing, ${ready} of ${replicas.options.replicas} replicas ready`;
      return { acting, detail, ...(deaf !== undefined && { elsewhere: deaf }) };
    },
  };
}
