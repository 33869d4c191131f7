/** Objects, and parts of the workload, that are understood and still not played; fields that are not even read are in unplayed.ts. */
import { nearest, parseLocated } from '../manifests/located.ts';
import type { ManifestObject } from '../manifests/read.ts';
import { HorizontalPodAutoscaler, PodDisruptionBudget, Service } from '../manifests/objects.ts';
import type { Container, Deployment } from '../manifests/objects.ts';
import { leftOut, unread } from '../manifests/unplayed.ts';
import type { Unplayed } from '../manifests/unplayed.ts';
import { readPreStop } from '../manifests/workload.ts';

/** Parts of the workload that are read, and mean something else or nothing here. */
export function unplayedHooks(
  object: ManifestObject,
  deployment: Deployment,
  container: Container,
  index: number,
): Unplayed[] {
  const at = ['spec', 'template', 'spec', 'containers', index];
  const found: Unplayed[] = [];
  const add = (below: PropertyKey[], why: string) =>
    found.push(
      leftOut(
        nearest(object.node, [...at, ...below]),
        object.title,
        `container ${container.name}: ${below.join('.')}`,
        why,
      ),
    );
  if (container.lifecycle?.preStop?.exec !== undefined && readPreStop(container) === undefined)
    add(
      ['lifecycle', 'preStop', 'exec'],
      'only sleep is played as a preStop command; SIGTERM follows at once',
    );
  const [main] = container.ports;
  for (const name of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
    const port = container[name]?.httpGet?.port;
    if (port !== undefined && main !== undefined && port !== main.containerPort && port !== main.name)
      add([name, 'httpGet', 'port'], 'the program listens on one port, and is probed there');
  }
  for (const [i, other] of deployment.spec.template.spec.containers.entries()) {
    if (i !== index)
      found.push(
        leftOut(
          nearest(object.node, [...at.slice(0, -1), i]),
          object.title,
          `container ${other.name}`,
          'the contract names no program for it',
        ),
      );
  }
  if (deployment.spec.strategy.type === 'Recreate')
    found.push(
      leftOut(
        nearest(object.node, ['spec', 'strategy', 'type']),
        object.title,
        'spec.strategy.type',
        'played as a rolling update with all replicas unavailable',
      ),
    );
  return found;
}

/** What is not played of an object other than the workload. */
export function unplayedObject(
  { kind, title, node, name }: ManifestObject,
  service: ManifestObject,
  replicas: number,
): Unplayed[] {
  const whole = (why: string) => [leftOut(node, title, '(whole object)', why)];
  if (kind === 'Service') {
    const parsed = parseLocated(Service, node, title);
    if (name !== service.name)
      return whole(`the load goes to ${service.title}; other Services are not played`);
    const more =
      parsed.spec.ports.length > 1
        ? [leftOut(nearest(node, ['spec', 'ports', 1]), title, 'spec.ports', 'only the first port is played')]
        : [];
    return [...unread(node, parsed, title), ...more];
  }
  if (kind === 'HorizontalPodAutoscaler') {
    const { spec } = parseLocated(HorizontalPodAutoscaler, node, title);
    return whole(
      `parsed, not played: the replicas stay at ${replicas}, whatever the load (${spec.minReplicas} to ${spec.maxReplicas} in a cluster)`,
    );
  }
  if (kind === 'PodDisruptionBudget') {
    parseLocated(PodDisruptionBudget, node, title);
    return whole('parsed, not played: only evictions ask it, and none are played');
  }
  if (['ConfigMap', 'Secret', 'Namespace'].includes(kind)) return [];
  return whole(`the local platform does not play objects of kind ${kind}`);
}
