import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A slow start guessed by an initial delay';
export const severity = 'info';

/** An initial delay this long is a guess at how long the start takes, seconds. */
const GUESS_S = 10;

/** Kubernetes: "Protect slow starting containers with startup probes". */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) => {
      const { startupProbe, livenessProbe } = container;
      const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3 } = livenessProbe ?? {};
      if (startupProbe || initialDelaySeconds < GUESS_S) return [];
      const killedS = initialDelaySeconds + periodSeconds * failureThreshold;
      return [
        finding(
          workload.manifest,
          [...path, 'livenessProbe'],
          `A start that takes longer than ${killedS} s (${initialDelaySeconds} + ${failureThreshold} x ${periodSeconds}) is restarted, again and again, e.g. while a recovery runs or the node is busy.`,
          'Add a startupProbe; liveness then begins when it has succeeded, and needs no initial delay.',
        ),
      ];
    }),
  );
}
