import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'Liveness gives up before the container is expected to be ready';
export const severity = 'error';

/** Defaults of the API server: period 10 s, 3 failures. Without a startup probe both probes begin with the container. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) => {
      const { startupProbe, livenessProbe, readinessProbe } = container;
      if (startupProbe || !livenessProbe || !readinessProbe) return [];
      const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3 } = livenessProbe;
      const killedS = initialDelaySeconds + periodSeconds * failureThreshold;
      const readyS = readinessProbe.initialDelaySeconds ?? 0;
      if (killedS > readyS) return [];
      return [
        finding(
          workload.manifest,
          [...path, 'livenessProbe'],
          `Readiness is not asked before ${readyS} s, and liveness restarts a container that does not answer after ${initialDelaySeconds} + ${failureThreshold} x ${periodSeconds} = ${killedS} s: one that needs the time it is given never gets there.`,
          `Add a startupProbe that allows more than ${readyS} s, and drop the initial delays.`,
        ),
      ];
    }),
  );
}
