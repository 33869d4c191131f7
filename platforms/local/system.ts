/** Everything the local platform knows of a system before it starts anything: manifests, contract, and what of them it plays. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import type { Workload } from '../../record/model.ts';
import { ROOT } from '../../record/root.ts';
import { loadContract } from '../manifests/contract.ts';
import type { BuiltFile } from '../manifests/contract.ts';
import { readData, readEnvironment } from '../manifests/environment.ts';
import type { PodFacts } from '../manifests/environment.ts';
import { findService, findWorkload } from '../manifests/find.ts';
import { badInput, find, nearest } from '../manifests/located.ts';
import { readManifests } from '../manifests/read.ts';
import type { ManifestObject } from '../manifests/read.ts';
import type { Deployment } from '../manifests/objects.ts';
import { leftOut, unread } from '../manifests/unplayed.ts';
import type { Unplayed } from '../manifests/unplayed.ts';
import { describeWorkload, readPodTemplate } from '../manifests/workload.ts';
import type { PodTemplate } from '../manifests/workload.ts';
import { unplayedHooks, unplayedObject } from './left-out.ts';

export interface LocalSystem {
  workload: Workload;
  deployment: Deployment;
  template: PodTemplate;
  /** Of the contract: the one that is started. */
  containerName: string;
  /** JavaScript that stands in for the container's image. */
  program: string;
  environment(pod: PodFacts): Record<string, string>;
  urlVariable: string;
  serviceName: string;
  /** From a change of the endpoints until new connections follow it, milliseconds. */
  endpointsLagMs: number;
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

/** Reads and checks a system's folder. Throws UsageError; starts nothing. */
export async function readSystem(
  systemDir: string,
  overlay: string | undefined,
  built: BuiltFile,
): Promise<LocalSystem> {
  const source = path.relative(ROOT, systemDir);
  const { containers, stores, local } = await loadContract(source, built);
  const [urlVariable, ...otherStores] = Object.keys(stores);
  const kinds = Object.values(stores).map(({ kind, withOverlay }) => withOverlay?.[overlay ?? ''] ?? kind);
  if (local === undefined || urlVariable === undefined || otherStores.length > 0 || kinds[0] !== 'postgres')
    throw new UsageError(
      `${source} cannot be played with processes of this machine: it stands on ${kinds.join(' and ') || 'no store'}, and the local platform starts one PostgreSQL; run it on a cluster (--on bare, --on kind)`,
    );
  const objects = readManifests(systemDir, overlay);
  const { object, deployment, container, index } = findWorkload(objects, containers.slice(0, 1));
  const { spec } = deployment;
  const containerNode = nearest(object.node, ['spec', 'template', 'spec', 'containers', index]);
  const containerTitle = `${object.title}, container ${container.name}`;
  const labels = spec.template.metadata.labels;
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
    ['LISTEN', 'POD_NAME', urlVariable].includes(variable.name)
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
    containerName: container.name,
    program,
    environment,
    urlVariable,
    serviceName: service.object.name,
    endpointsLagMs: readLag(service.object),
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
      ...objects.flatMap((other) =>
        other === object ? [] : unplayedObject(other, service.object, spec.replicas),
      ),
    ],
  };
}

/** Of the Service, milliseconds: how long a rehearsal lets the news of its endpoints travel. A cluster takes its own time. */
const LAG_ANNOTATION = 'proofload.dev/endpoints-lag-ms';

function readLag({ node, title }: ManifestObject): number {
  const found = find(node, ['metadata', 'annotations', LAG_ANNOTATION]);
  if (found === undefined) return 0;
  if (typeof found.value === 'string' && /^\d{1,5}$/.test(found.value)) return Number(found.value);
  throw badInput(
    found,
    title,
    `metadata.annotations.${LAG_ANNOTATION}`,
    "expected milliseconds below 100000 as a text, such as '1000'",
  );
}

function templateLabels({ node }: ManifestObject): Record<string, string> {
  const value = find(node, ['spec', 'template', 'metadata', 'labels'])?.value;
  if (!(value instanceof Map)) return {};
  return Object.fromEntries(
    [...value].map(([key, child]) => [key, typeof child.value === 'string' ? child.value : '']),
  );
}
