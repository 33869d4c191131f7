/** Everything the local platform knows of a system before it starts anything: manifests, contract, and what of them it plays. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { UsageError } from '../../record/model.ts';
import type { Workload } from '../../record/model.ts';
import { ROOT } from '../../record/root.ts';
import { readData, readEnvironment } from './environment.ts';
import type { PodFacts } from './environment.ts';
import { badInput, find, nearest, parseLocated } from './located.ts';
import { readManifests } from './manifests.ts';
import type { ManifestObject } from './manifests.ts';
import { Deployment, Service } from './objects.ts';
import { unplayedHooks, unplayedObject } from './left-out.ts';
import { leftOut, unread } from './unplayed.ts';
import type { Unplayed } from './unplayed.ts';
import { describeWorkload, readPodTemplate } from './workload.ts';
import type { PodTemplate } from './workload.ts';

/** Gives the built JavaScript of a source file (record/root.ts). */
export type BuiltFile = (source: string) => string;

export interface LocalSystem {
  workload: Workload;
  deployment: Deployment;
  template: PodTemplate;
  /** JavaScript that stands in for the container's image. */
  program: string;
  environment(pod: PodFacts): Record<string, string>;
  urlVariable: string;
  serviceName: string;
  secrets: Record<string, string>;
  /** The values of all Secrets. */
  sensitive: string[];
  /** With the overlay laid over them. */
  objects: ManifestObject[];
  /** Labels of the pods, and of all other workloads of the manifests: what a chaos object may select. */
  labels: Record<string, string>;
  otherLabels: Record<string, string>[];
  unplayed: Unplayed[];
}

/** The part of record/contract.ts that this platform reads. */
const LocalContract = z.object({
  local: z.object({
    containers: z.record(z.string(), z.object({ entry: z.string() })),
    store: z.object({ kind: z.literal('postgres'), urlVariable: z.string() }),
  }),
});

/** Reads and checks a system's folder. Throws UsageError; starts nothing. */
export async function readSystem(
  systemDir: string,
  overlay: string | undefined,
  built: BuiltFile,
): Promise<LocalSystem> {
  const source = path.relative(ROOT, systemDir);
  const { local } = await loadContract(source, built);
  const objects = readManifests(systemDir, overlay);
  const { object, deployment, container, index } = findWorkload(objects, Object.keys(local.containers));
  const { spec } = deployment;
  const containerNode = nearest(object.node, ['spec', 'template', 'spec', 'containers', index]);
  const containerTitle = `${object.title}, container ${container.name}`;
  if (spec.replicas === 0)
    throw badInput(
      nearest(object.node, ['spec', 'replicas']),
      object.title,
      'spec.replicas',
      '0 replicas serve nobody; set at least 1',
    );
  const labels = spec.template.metadata.labels;
  if (!selects(spec.selector.matchLabels, labels))
    throw badInput(
      nearest(object.node, ['spec', 'selector']),
      object.title,
      'spec.selector',
      'does not match the labels of its own template',
    );

  const data = readData(objects);
  const { environment, unplayed: unset } = readEnvironment(container, containerNode, containerTitle, data);
  const service = findService(objects, labels, object);
  const template = readPodTemplate(deployment, container);
  const entry = local.containers[container.name]?.entry ?? '';
  const entrySource = path.join(source, entry);
  if (path.relative(source, entrySource).startsWith('..'))
    throw new UsageError(`${source}/contract.ts: the entry "${entry}" lies outside the system's folder`);
  const program = built(entrySource);
  if (!existsSync(program))
    throw new UsageError(
      `${source}/contract.ts: the entry "${entry}" of container ${container.name} is not built; correct the name or build the project`,
    );

  const overridden = container.env.flatMap((variable, i) =>
    ['LISTEN', 'POD_NAME', local.store.urlVariable].includes(variable.name)
      ? [
          leftOut(
            nearest(containerNode, ['env', i]),
            containerTitle,
            `env ${variable.name}`,
            'the address on this machine takes its place',
          ),
        ]
      : [],
  );
  return {
    workload: describeWorkload(deployment, template),
    deployment,
    template,
    program,
    environment,
    urlVariable: local.store.urlVariable,
    serviceName: service.name,
    secrets: Object.fromEntries([...data.Secret.values()].flatMap((secret) => Object.entries(secret))),
    sensitive: [...data.Secret.values()].flatMap((secret) => Object.values(secret)),
    objects,
    labels,
    otherLabels: objects.filter((other) => other !== object).map(templateLabels),
    unplayed: [
      ...unread(object.node, deployment, object.title),
      ...unplayedHooks(object, deployment, container, index),
      ...overridden,
      ...unset,
      ...objects.flatMap((other) => (other === object ? [] : unplayedObject(other, service, spec.replicas))),
    ],
  };
}

async function loadContract(source: string, built: BuiltFile): Promise<z.infer<typeof LocalContract>> {
  const file = built(path.join(source, 'contract.ts'));
  if (!existsSync(file))
    throw new UsageError(
      `${source}/contract.ts: not there or not built; every system needs a contract (record/contract.ts)`,
    );
  const module: unknown = await import(pathToFileURL(file).href);
  const contract = LocalContract.safeParse(Reflect.get(Object(module), 'contract'));
  if (contract.success) return contract.data;
  throw new UsageError(
    `${source}/contract.ts: the export "contract" is missing or has no usable part "local": ${contract.error.issues[0]?.message ?? ''}`,
  );
}

/** The Deployment whose container the contract maps to a program; exactly one. */
function findWorkload(objects: readonly ManifestObject[], names: readonly string[]) {
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
      `${path.dirname(objects[0]?.node.file ?? '')}: no Deployment has a container that the contract names (${names.join(', ')}); the local platform plays one such Deployment`,
    );
  if (second !== undefined)
    throw badInput(
      second.object.node,
      second.object.title,
      '',
      `a second container of the contract, after one of ${first.object.title}; the local platform plays one`,
    );
  return first;
}

export function selects(selector: Record<string, string>, labels: Record<string, string>): boolean {
  const pairs = Object.entries(selector);
  return pairs.length > 0 && pairs.every(([key, value]) => labels[key] === value);
}

/** The first Service with an address of its own that selects the pods. */
function findService(
  objects: readonly ManifestObject[],
  labels: Record<string, string>,
  workload: ManifestObject,
): ManifestObject {
  const service = objects.find((object) => {
    if (object.kind !== 'Service') return false;
    const { spec } = parseLocated(Service, object.node, object.title);
    return spec.clusterIP !== 'None' && selects(spec.selector, labels);
  });
  if (service === undefined)
    throw badInput(
      workload.node,
      workload.title,
      '',
      'no Service with a cluster IP selects its pods, so no load can reach it; add one',
    );
  return service;
}

function templateLabels({ node }: ManifestObject): Record<string, string> {
  const value = find(node, ['spec', 'template', 'metadata', 'labels'])?.value;
  if (!(value instanceof Map)) return {};
  return Object.fromEntries(
    [...value].map(([key, child]) => [key, typeof child.value === 'string' ? child.value : '']),
  );
}
