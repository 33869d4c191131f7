/** Which of a system's objects is the one under test, and which Service leads to it. */
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { badInput, find, nearest, parseLocated } from './located.ts';
import type { Located } from './located.ts';
import { Container, Deployment, Service } from './objects.ts';
import type { ManifestObject } from './read.ts';

export interface FoundWorkload {
  object: ManifestObject;
  deployment: Deployment;
  container: Container;
  /** Of the container in the template. */
  index: number;
}

/** The Deployment that has a container of the contract's; exactly one, and one that could serve. Throws UsageError. */
export function findWorkload(objects: readonly ManifestObject[], names: readonly string[]): FoundWorkload {
  const found = objects
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap((object) => {
      const deployment = parseLocated(Deployment, object.node, object.title);
      return deployment.spec.template.spec.containers.flatMap((container, index) =>
        names.includes(container.name) ? [{ object, deployment, container, index }] : [],
      );
    });
  const [first, second] = found;
  if (first === undefined)
    throw new UsageError(
      `${path.dirname(objects[0]?.node.file ?? '')}: no Deployment has a container that the contract names (${names.join(', ')}); one such Deployment is tested`,
    );
  if (second !== undefined)
    throw badInput(
      second.object.node,
      second.object.title,
      '',
      `a second container of the contract, after one of ${first.object.title}; one is tested`,
    );
  checkServes(first);
  return first;
}

/** Every container of these names in a Deployment or a StatefulSet, with its place. */
export function containersNamed(
  objects: readonly ManifestObject[],
  names: readonly string[],
): { container: Container; node: Located; title: string }[] {
  return objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .flatMap((object) => {
      const at = ['spec', 'template', 'spec', 'containers'];
      const listed = find(object.node, at)?.value;
      return (Array.isArray(listed) ? listed : []).flatMap((node) => {
        const name = find(node, ['name'])?.value;
        if (typeof name !== 'string' || !names.includes(name)) return [];
        const title = `${object.title}, container ${name}`;
        return [{ container: parseLocated(Container, node, title), node, title }];
      });
    });
}

function checkServes({ object, deployment: { spec } }: FoundWorkload): void {
  if (spec.replicas === 0)
    throw badInput(
      nearest(object.node, ['spec', 'replicas']),
      object.title,
      'spec.replicas',
      '0 replicas serve nobody; set at least 1',
    );
  if (!selectsLabels(spec.selector.matchLabels, spec.template.metadata.labels))
    throw badInput(
      nearest(object.node, ['spec', 'selector']),
      object.title,
      'spec.selector',
      'does not match the labels of its own template',
    );
}

/** Whether an equality selector chooses these labels; an empty one chooses nothing here. */
export function selectsLabels(selector: Record<string, string>, labels: Record<string, string>): boolean {
  const pairs = Object.entries(selector);
  return pairs.length > 0 && pairs.every(([key, value]) => labels[key] === value);
}

/** The first Service with an address of its own that selects the pods. Throws UsageError. */
export function findService(
  objects: readonly ManifestObject[],
  labels: Record<string, string>,
  workload: ManifestObject,
): { object: ManifestObject; spec: ReturnType<typeof Service.parse>['spec'] } {
  for (const object of objects) {
    if (object.kind !== 'Service') continue;
    const { spec } = parseLocated(Service, object.node, object.title);
    if (spec.clusterIP !== 'None' && selectsLabels(spec.selector, labels)) return { object, spec };
  }
  throw badInput(
    workload.node,
    workload.title,
    '',
    'no Service with a cluster IP selects its pods, so no load can reach it; add one',
  );
}
