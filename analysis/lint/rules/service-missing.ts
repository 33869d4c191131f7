import type { Finding, Manifest, Path } from '../finding.ts';
import { finding, type ManifestSet, titleOf, together } from '../set.ts';
import { runningContainers } from '../workloads.ts';

export const title = 'A Service that is named and is not there';
export const severity = 'warning';

/** `http://auth-api:8002/x`, `auth-api:9092` */
const HOST = /^(?:[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?)?([a-z0-9]([a-z0-9-]*[a-z0-9])?):\d+(?:\/|$)/;

/**
 * Backends of Ingresses, `serviceName` of StatefulSets, and addresses in `env` whose host is one of these workloads: a workload's name is no
 * name in DNS, only a Service's is (Kubernetes: DNS for Services and Pods).
 */
export function find(set: ManifestSet): Finding[] {
  const absent = (name: string, beside: Manifest) =>
    !set.services.some(({ manifest }) => manifest.name === name && together(manifest, beside));
  const missing = (manifest: Manifest, path: Path, name: string, what: string) =>
    finding(
      manifest,
      path,
      `${what} the Service ${name}, and these manifests have none of that name beside it.`,
      `Add the Service ${name}, correct the name, or lint both sets together.`,
    );
  const backends = set.ingresses.flatMap(({ manifest, routes }) =>
    routes
      .filter(({ service }) => absent(service, manifest))
      .map(({ service, at }) => missing(manifest, at, service, 'It routes to')),
  );
  const governing = set.workloads.flatMap(({ manifest, controller: { serviceName } }) =>
    manifest.kind === 'StatefulSet' && serviceName !== undefined && absent(serviceName, manifest)
      ? [missing(manifest, ['spec', 'serviceName'], serviceName, 'Its pods get their names in DNS from')]
      : [],
  );
  const addresses = set.workloads.flatMap((workload) =>
    runningContainers(workload).flatMap(({ container, path }) =>
      container.env.flatMap(({ name = '', value }, index) => {
        const host = HOST.exec(value ?? '')?.[1];
        const target = set.workloads.find(
          ({ manifest }) => manifest.name === host && together(manifest, workload.manifest),
        );
        if (host === undefined || !target || !absent(host, workload.manifest)) return [];
        const what = `${name} names the host ${host}, which is ${titleOf(target.manifest)}; other pods reach it only through`;
        return [missing(workload.manifest, [...path, 'env', index], host, what)];
      }),
    ),
  );
  return [...backends, ...governing, ...addresses];
}
