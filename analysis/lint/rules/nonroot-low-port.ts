import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A privileged port without root';
export const severity = 'warning';

/** Kubernetes: sysctls (net.ipv4.ip_unprivileged_port_start is a safe one since 1.22); containerd sets it to 0 since 2.0 only. */
export function find({ workloads }: ManifestSet): Finding[] {
  return workloads.flatMap((workload) => {
    const { securityContext: ofPod } = workload.pod;
    if (ofPod.sysctls.some(({ name }) => name === 'net.ipv4.ip_unprivileged_port_start')) return [];
    return runningContainers(workload).flatMap(({ container, path }) => {
      const {
        runAsNonRoot = ofPod.runAsNonRoot,
        runAsUser = ofPod.runAsUser,
        capabilities,
      } = container.securityContext;
      const low = container.ports.find(
        ({ containerPort }) => containerPort !== undefined && containerPort < 1_024,
      );
      const mayBind = capabilities.add.some((name) => name === 'NET_BIND_SERVICE' || name === 'ALL');
      if (!low || mayBind || (runAsNonRoot !== true && !(runAsUser !== undefined && runAsUser > 0)))
        return [];
      return [
        finding(
          workload.manifest,
          [...path, 'ports'],
          `Container ${container.name} listens on ${low.containerPort} and does not run as root: whether it may is up to the node's container runtime, and where it may not the process ends with "permission denied".`,
          'Listen on 8080 or so and let the Service map the port, or set the sysctl net.ipv4.ip_unprivileged_port_start to 0.',
        ),
      ];
    });
  });
}
