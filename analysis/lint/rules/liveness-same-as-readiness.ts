import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { type Container, runningContainers } from '../workloads.ts';

export const title = 'Liveness asks what readiness asks';
export const severity = 'warning';

/** Of the API server. */
const PERIOD_S = 10;
const FAILURES = 3;

/** Kubernetes: Liveness, Readiness, and Startup Probes: readiness may depend on others, and a restart mends none of them. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) => {
      const question = asked(container, container.livenessProbe);
      if (question === null || question !== asked(container, container.readinessProbe)) return [];
      const { periodSeconds = PERIOD_S, failureThreshold = FAILURES } = container.livenessProbe ?? {};
      return [
        finding(
          workload.manifest,
          [...path, 'livenessProbe'],
          `Both probes ask ${question}. If it looks at a store or another service, an outage there of ${periodSeconds * failureThreshold} s does not only take the pods out of rotation, it restarts every one of them; if it looks at nothing, readiness says nothing.`,
          'Let liveness ask something that only a restart can mend, and readiness what a request needs.',
        ),
      ];
    }),
  );
}

/** An open port looks at no store, so it is no such question. */
function asked({ ports }: Container, probe: Container['livenessProbe']): string | null {
  if (probe?.httpGet) {
    const { path = '/', port = '' } = probe.httpGet;
    const number = ports.find(({ name }) => name === port)?.containerPort ?? port;
    return `${path} of port ${number}`;
  }
  const command = probe?.exec?.command.join(' ') ?? '';
  return command === '' ? null : `"${command}"`;
}
