/** What a run would do, said without doing it: all of it for `--dry-run`, where and at whom before every run. */
import type { Located } from '../manifests/located.ts';
import { selectsLabels } from '../manifests/find.ts';
import { countOf } from '../manifests/targets.ts';
import type { Mode } from '../manifests/targets.ts';
import type { PlannedFault } from '../../record/model.ts';
import { ApiError } from './cluster.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import { readPod } from './pod-shape.ts';
import { textAt, toKubeObject, withRunLabel } from './rewrite.ts';
import type { ClusterSystem } from './system.ts';

const MODES: Mode['mode'][] = ['one', 'all', 'fixed', 'fixed-percent', 'random-max-percent'];

/** One line for each object and each fault. Asks the API to check what it can check without changing anything. */
export async function previewRun(options: {
  cluster: Cluster;
  system: ClusterSystem;
  attach: boolean;
  of: 'faults' | 'everything';
  faults: readonly { planned: PlannedFault; node: Located | undefined }[];
  /** What the run adds to the system: its own Prometheus. */
  beside: readonly KubeObject[];
}): Promise<string[]> {
  const { cluster, system, attach, of, faults, beside } = options;
  const { namespace, workload } = system;
  const pods = attach ? await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace }) : undefined;
  const place = `context ${cluster.context} (${cluster.server}), namespace ${namespace}`;
  const attached = `attached to Deployment ${namespace}/${workload.name} in ${cluster.context}`;
  const lines = attach
    ? [
        beside.length === 0
          ? `nothing is created: ${attached}`
          : `nothing of the system is created: ${attached}`,
      ]
    : [];
  if (of === 'everything') lines.push(...(await previewObjects(cluster, system, { attach, beside })));
  return [place, ...lines, ...faults.map(({ planned, node }) => faultLine(planned, node, system, pods))];
}

async function previewObjects(
  cluster: Cluster,
  { namespace, objects }: ClusterSystem,
  { attach, beside }: { attach: boolean; beside: readonly KubeObject[] },
): Promise<string[]> {
  const exists = (await cluster.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace })) !== null;
  const creation = async (object: KubeObject, origin: string) => {
    const inside = object.metadata.namespace;
    const checked =
      inside !== undefined && !exists
        ? 'the API can check it only once its namespace is there'
        : await dryRun(cluster, withRunLabel(object, 'preview'));
    return `create ${object.kind} ${inside === undefined ? '' : `${inside}/`}${object.metadata.name} (${origin}; ${checked})`;
  };
  const made = attach || objects.some(({ kind, name }) => kind === 'Namespace' && name === namespace);
  const lines = made ? [] : [`create Namespace ${namespace}`];
  for (const manifest of attach ? [] : objects)
    lines.push(await creation(toKubeObject(manifest), `${manifest.node.file}:${manifest.node.line}`));
  for (const object of beside) lines.push(await creation(object, "the run's own Prometheus"));
  return lines;
}

async function dryRun(cluster: Cluster, object: KubeObject): Promise<string> {
  try {
    await cluster.apply(object, { dryRun: true });
    return 'the API would take it';
  } catch (error) {
    if (error instanceof ApiError) return `REFUSED: ${error.message}`;
    throw error;
  }
}

function faultLine(
  { name, fault, forMs }: PlannedFault,
  object: Located | undefined,
  { workload, namespace, labels }: ClusterSystem,
  pods: readonly KubeObject[] | undefined,
): string {
  const live = pods
    ?.map(readPod)
    .filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined && selectsLabels(labels, metadata.labels),
    );
  const count = live?.length ?? workload.replicas;
  const names = live === undefined ? '' : `: ${live.map(({ metadata }) => metadata.name).join(', ')}`;
  const length = forMs === undefined ? '' : `, for ${forMs / 1_000} s`;
  const of = `of ${count} pods of ${namespace}/${workload.name}`;
  if (fault === 'rollout-restart') return `fault ${name}: rollout restart, all ${of}${names}`;
  if (fault === 'drain') {
    const nodes = new Set(live?.map(({ spec }) => spec.nodeName).filter((on) => on !== undefined));
    const where = live === undefined ? '' : ` (they run on ${[...nodes].join(', ')})`;
    return `fault ${name}: drain of one node, and with it some ${of}${where}`;
  }
  if ('scaleTo' in fault)
    return `fault ${name}: scale ${namespace}/${workload.name} from ${count} to ${fault.scaleTo} pods${length}`;
  if ('surge' in fault)
    return `fault ${name}: more load on ${namespace}/${workload.name}${length}: ${fault.surge === 'to-max' ? 'as much as its HPA needs to end at its maximum' : `${fault.surge} writes/s`}`;
  const text = (...at: string[]) => object && textAt(object, at);
  const kind = text('kind') ?? fault.chaos;
  const action = text('spec', 'action');
  const wanted = text('spec', 'mode');
  const mode = MODES.find((each) => each === wanted) ?? 'one';
  const value = text('spec', 'value');
  // The largest number that the mode may choose.
  const hit = countOf({ mode, value }, count, () => 0.999_999);
  const most = mode === 'random-max-percent' ? 'at most ' : '';
  const chosen = hit === count ? names : names.replace(/^: /, ', chosen among ');
  return `fault ${name}: ${kind}${action === undefined ? '' : ` ${action}`} on ${most}${hit} ${of} (${Math.round((100 * hit) / Math.max(1, count))} %)${length}${chosen}`;
}
