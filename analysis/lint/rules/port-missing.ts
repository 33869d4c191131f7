import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, servicesOf, titleOf, together } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A port that is named and is not there';
export const severity = 'error';

/** Upstream: FindPort in pkg/api/v1/pod: a name that no container has leads nowhere; probes fail on it. Numbers need not be declared. */
export function find(set: ManifestSet): Finding[] {
  const targets = set.workloads.flatMap((workload) => {
    const names = runningContainers(workload).flatMap(({ container }) =>
      container.ports.map(({ name }) => name),
    );
    return servicesOf(set, workload).flatMap(({ manifest, spec }) =>
      spec.ports.flatMap(({ targetPort }, index) =>
        targetPort === undefined || /^\d+$/.test(targetPort) || names.includes(targetPort)
          ? []
          : [
              finding(
                manifest,
                ['spec', 'ports', index],
                `No container of ${titleOf(workload.manifest)} has a port named ${targetPort}: the Service has no endpoints for it.`,
                `Name a container port ${targetPort}, or set targetPort to one of: ${names.filter((name) => name !== undefined).join(', ') || 'a number'}.`,
              ),
            ],
      ),
    );
  });
  const probes = set.workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) =>
      (['startupProbe', 'livenessProbe', 'readinessProbe'] as const).flatMap((probe) => {
        const port = container[probe]?.httpGet?.port ?? container[probe]?.tcpSocket?.port;
        const known = container.ports.some(({ name }) => name === port);
        if (port === undefined || /^\d+$/.test(port) || known) return [];
        return [
          finding(
            workload.manifest,
            [...path, probe],
            `The ${probe} asks the port ${port}, and container ${container.name} has none of that name: the probe fails for ever.`,
            `Name a port of the container ${port}, or use its number.`,
          ),
        ];
      }),
    ),
  );
  const routes = set.ingresses.flatMap(({ manifest, routes: all }) =>
    all.flatMap(({ service: name, port, at }) => {
      const service = set.services.find(
        (other) => other.manifest.name === name && together(other.manifest, manifest),
      );
      const known = service?.spec.ports.some(
        (other) => other.port === port.number || (port.name !== undefined && other.name === port.name),
      );
      if (!service || known || (port.name ?? port.number) === undefined) return [];
      return [
        finding(
          manifest,
          at,
          `${titleOf(service.manifest)} has no port ${port.name ?? port.number}: every request of this path is answered 503.`,
          `Use one of its ports: ${service.spec.ports.map((other) => other.name ?? other.port).join(', ')}.`,
        ),
      ];
    }),
  );
  return [...targets, ...probes, ...routes];
}
