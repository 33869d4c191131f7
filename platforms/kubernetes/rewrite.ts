/** Manifests as they go to the cluster: in the run's namespace, with its label, and with what the run adds to pod templates. */
import { z } from 'zod';
import { find, parseLocated } from '../manifests/located.ts';
import type { Located } from '../manifests/located.ts';
import type { ManifestObject } from '../manifests/read.ts';
import type { KubeObject } from './cluster.ts';
import { RUN_LABEL } from './labels.ts';

export interface Move {
  from: string;
  to: string;
  /** Names of the Services that move along: `name.from` in a text is their address. */
  services: readonly string[];
}

/** An object in its new namespace; `namespaced` as the API server says of its kind. Lines and files stay those of the manifest. */
export function moveObject(object: ManifestObject, move: Move, namespaced: boolean): ManifestObject {
  const isNamespace = object.kind === 'Namespace' && object.name === move.from;
  const addressed = withTexts(object.node, addressing(move));
  const node = isNamespace
    ? withValue(addressed, ['metadata', 'name'], move.to)
    : namespaced
      ? withValue(addressed, ['metadata', 'namespace'], move.to)
      : addressed;
  const moved = withSubjects(node, move);
  return isNamespace
    ? { ...object, name: move.to, title: `Namespace ${move.to}`, node: moved }
    : { ...object, node: moved };
}

/** A chaos object aimed at the same pods where they are now: its own namespace, and `from` in the selectors of both ends. */
export function moveChaos(node: Located, { from, to }: Pick<Move, 'from' | 'to'>): Located {
  const ends = [
    ['spec', 'selector', 'namespaces'],
    ['spec', 'target', 'selector', 'namespaces'],
  ];
  return ends.reduce(
    (whole, at) => {
      const namespaces = find(whole, at);
      if (!Array.isArray(namespaces?.value)) return whole;
      const value = namespaces.value.map((item) => (item.value === from ? { ...item, value: to } : item));
      return withNode(whole, at, { ...namespaces, value });
    },
    withValue(node, ['metadata', 'namespace'], to),
  );
}

const AnyObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});

/** Throws UsageError for what no API server could take. `status` stays behind: it is the cluster's to say. */
export function toKubeObject(object: ManifestObject): KubeObject {
  const { status: _, ...parsed } = parseLocated(AnyObject, object.node, object.title);
  const { name, namespace, labels, annotations } = parsed.metadata;
  return {
    ...parsed,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
  };
}

/** The other way round, for what was read from the API, so that messages can say where a value came from. */
export function toManifest(object: KubeObject, file: string, line: number): ManifestObject {
  const { kind, metadata } = object;
  return { kind, name: metadata.name, title: `${kind} ${metadata.name}`, node: located(object, file, line) };
}

function located(value: unknown, file: string, line: number): Located {
  if (Array.isArray(value)) return { file, line, value: value.map((item) => located(item, file, line)) };
  if (isRecord(value))
    return {
      file,
      line,
      value: new Map(Object.entries(value).map(([key, below]) => [key, located(below, file, line)])),
    };
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return { file, line, value: scalar ? value : null };
}

export function withRunLabel(object: KubeObject, runId: string): KubeObject {
  const labels = { ...object.metadata.labels, [RUN_LABEL]: runId };
  return { ...object, metadata: { ...object.metadata, labels } };
}

/** Switches a defect of the reference system on in the containers that the contract names. */
export function withDefect(object: KubeObject, containers: readonly string[], defect: string): KubeObject {
  return withPodSpec(object, (spec) => ({
    ...spec,
    containers: listOf(spec['containers']).map((container) =>
      isRecord(container) && containers.includes(String(container['name']))
        ? {
            ...container,
            env: [
              ...listOf(container['env']).filter(
                (item) => !isRecord(item) || item['name'] !== DEFECT_VARIABLE,
              ),
              { name: DEFECT_VARIABLE, value: defect },
            ],
          }
        : container,
    ),
  }));
}
const DEFECT_VARIABLE = 'PROOFLOAD_DEFECT';

export interface HostAlias {
  ip: string;
  hostnames: string[];
}

/** Names of a namespace's Services as a cluster DNS would answer them; a headless one has no address to give. */
export function serviceAliases(services: readonly KubeObject[], namespace: string): HostAlias[] {
  return services.flatMap(({ metadata: { name }, spec }) => {
    const ip = isRecord(spec) ? spec['clusterIP'] : undefined;
    if (typeof ip !== 'string' || ip === '' || ip === 'None') return [];
    const inside = `${name}.${namespace}`;
    return [{ ip, hostnames: [name, inside, `${inside}.svc`, `${inside}.svc.cluster.local`] }];
  });
}

export function withHostAliases(object: KubeObject, aliases: readonly HostAlias[]): KubeObject {
  if (aliases.length === 0) return object;
  return withPodSpec(object, (spec) => ({
    ...spec,
    hostAliases: [...listOf(spec['hostAliases']), ...aliases],
  }));
}

/** The pod spec of a workload's template; undefined for an object that makes no pods. */
export function podSpecOf(object: KubeObject): Record<string, unknown> | undefined {
  const template = isRecord(object['spec']) ? object['spec']['template'] : undefined;
  const spec = isRecord(template) ? template['spec'] : undefined;
  return isRecord(spec) && Array.isArray(spec['containers']) ? spec : undefined;
}

function withPodSpec(
  object: KubeObject,
  change: (spec: Record<string, unknown>) => Record<string, unknown>,
): KubeObject {
  const podSpec = podSpecOf(object);
  const { spec } = object;
  if (podSpec === undefined || !isRecord(spec) || !isRecord(spec['template'])) return object;
  return { ...object, spec: { ...spec, template: { ...spec['template'], spec: change(podSpec) } } };
}

/** A text of a manifest; undefined for anything else. */
export function textAt(node: Located, at: readonly PropertyKey[]): string | undefined {
  const value = find(node, at)?.value;
  return typeof value === 'string' ? value : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `service.from` and what follows it (`.svc`, `.svc.cluster.local`) as an address of the new namespace. */
function addressing({ from, to, services }: Move): (text: string) => string {
  const names = services.map((name) => name.replace(/[^\w-]/g, '\\$&')).join('|');
  if (from === to || names === '') return (text) => text;
  const address = new RegExp(`(?<![\\w.-])(${names})\\.${from}(?![\\w-])`, 'g');
  return (text) => text.replace(address, `$1.${to}`);
}

function withTexts(node: Located, change: (text: string) => string): Located {
  const { value } = node;
  if (typeof value === 'string') return { ...node, value: change(value) };
  if (Array.isArray(value)) return { ...node, value: value.map((item) => withTexts(item, change)) };
  if (value instanceof Map)
    return { ...node, value: new Map([...value].map(([key, below]) => [key, withTexts(below, change)])) };
  return node;
}

/** ServiceAccounts that a RoleBinding or ClusterRoleBinding names. */
function withSubjects(node: Located, { from, to }: Move): Located {
  const subjects = find(node, ['subjects']);
  if (!Array.isArray(subjects?.value)) return node;
  const value = subjects.value.map((subject) =>
    find(subject, ['namespace'])?.value === from ? withValue(subject, ['namespace'], to) : subject,
  );
  return withNode(node, ['subjects'], { ...subjects, value });
}

function withValue(node: Located, at: readonly string[], value: string): Located {
  const before = find(node, at);
  return withNode(node, at, { file: node.file, line: before?.line ?? node.line, value });
}

/** The tree with another node at a path; maps on the way that are missing are made. */
function withNode(node: Located, at: readonly string[], replacement: Located): Located {
  const [key, ...rest] = at;
  if (key === undefined) return replacement;
  const map = node.value instanceof Map ? node.value : new Map<string, Located>();
  const below = map.get(key) ?? { file: node.file, line: node.line, value: new Map<string, Located>() };
  return { ...node, value: new Map(map).set(key, withNode(below, rest, replacement)) };
}
