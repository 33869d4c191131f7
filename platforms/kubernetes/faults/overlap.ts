/** Two faults on one pod prove neither: a fault is refused where another one, of any run, is aimed already. */
import { z } from 'zod';
import type { Cluster, Deployed, KubeObject } from '../cluster.ts';
import { ApiError } from '../cluster.ts';
import { CannotRun } from '../../platform.ts';
import { CHAOS_API, readStatus } from './chaos-status.ts';
import type { PodFacts } from './pod.ts';
import { selects } from './pod.ts';

/** Kinds of Chaos Mesh that act on pods. */
const KINDS = [
  'PodChaos',
  'NetworkChaos',
  'StressChaos',
  'IOChaos',
  'DNSChaos',
  'TimeChaos',
  'HTTPChaos',
  'JVMChaos',
  'KernelChaos',
  'BlockChaos',
];
/** Every kind that is listed before a fault; PodNetworkChaos holds the rules that Chaos Mesh put into a pod's network. */
export const LISTED_KINDS = [...KINDS, 'PodNetworkChaos'];
/** Once done these stay `Injected` for ever, and act no more. */
const ONE_SHOT = ['pod-kill', 'container-kill'];

const Selector = z.object({
  namespaces: z.array(z.string()).default([]),
  labelSelectors: z.record(z.string(), z.string()).default({}),
  pods: z.record(z.string(), z.array(z.string())).default({}),
});
const Aimed = z.object({
  spec: z.object({
    action: z.string().optional(),
    selector: Selector.prefault({}),
    target: z.object({ selector: Selector.prefault({}) }).optional(),
  }),
});
const Rules = z.object({
  spec: z.object({
    iptables: z.array(z.unknown()).nullish(),
    ipsets: z.array(z.unknown()).nullish(),
    tcs: z.array(z.unknown()).nullish(),
  }),
});

/** Throws CannotRun naming the object and the pod. */
export async function assertNoOverlap(
  deployed: Pick<Deployed, 'cluster' | 'namespace' | 'emit'>,
  pods: readonly PodFacts[],
): Promise<void> {
  const found = await Promise.all(KINDS.map((kind) => listed(deployed, kind)));
  for (const object of found.flat()) {
    const pod = pods.find((candidate) => isAimedAt(object, candidate));
    if (pod)
      throw new CannotRun(
        `${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name} is aimed at ${pod.name} already, and two faults on one pod prove neither; wait for its end or delete it`,
      );
  }
  for (const rules of await listed(deployed, 'PodNetworkChaos')) {
    const pod = pods.find(
      ({ name, namespace }) => rules.metadata.name === name && rules.metadata.namespace === namespace,
    );
    if (pod && hasRules(rules))
      throw new CannotRun(
        `PodNetworkChaos ${pod.namespace}/${pod.name} still holds rules of another fault, so ${pod.name} is not as it should be; delete that pod, or wait until its fault is over`,
      );
  }
}

/** Any run's, in all namespaces where that may be asked. A kind that the cluster does not have cannot act. */
async function listed(
  { cluster, namespace, emit }: Pick<Deployed, 'cluster' | 'namespace' | 'emit'>,
  kind: string,
): Promise<KubeObject[]> {
  const ref = { apiVersion: CHAOS_API, kind };
  try {
    // Asked first: where credentials are few, a list of a kind that is not there is refused as forbidden.
    if (!(await cluster.serves(ref))) return [];
    return await cluster.list(ref);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) return [];
    if (error.status !== 403) throw error;
    emit({
      kind: 'note',
      text: `${kind} objects of other namespaces may not be read here, so one of them may act on the same pods`,
    });
    return listHere(cluster, ref, namespace);
  }
}

async function listHere(
  cluster: Cluster,
  ref: { apiVersion: string; kind: string },
  namespace: string,
): Promise<KubeObject[]> {
  try {
    return await cluster.list(ref, { namespace });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw new CannotRun(
      `whether another ${ref.kind} is aimed at the same pods cannot be asked: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function isAimedAt(object: KubeObject, pod: PodFacts): boolean {
  const { desiredPhase, records } = readStatus(object);
  const aimed = Aimed.safeParse(object).data?.spec;
  if (records.length > 0) {
    const done = ONE_SHOT.includes(aimed?.action ?? '') ? 'Injected' : 'Not Injected';
    const over =
      (done === 'Injected' || desiredPhase === 'Stop') && records.every(({ phase }) => phase === done);
    return !over && records.some((record) => record.pod === `${pod.namespace}/${pod.name}`);
  }
  // Not looked at by its controller yet: what it asks for counts.
  if (!aimed) return true; // whom it hits cannot be read
  const ends = [aimed.selector, ...(aimed.target ? [aimed.target.selector] : [])];
  return ends.some(({ namespaces, labelSelectors, pods }) =>
    Object.keys(pods).length > 0
      ? pods[pod.namespace]?.includes(pod.name) === true
      : (namespaces.length === 0 || namespaces.includes(pod.namespace)) &&
        // Without labels Chaos Mesh takes every pod of the namespaces; what else may narrow that is not understood here.
        (Object.keys(labelSelectors).length === 0 || selects(labelSelectors, pod.labels)),
  );
}

function hasRules(object: KubeObject): boolean {
  const spec = Rules.safeParse(object).data?.spec;
  return [spec?.iptables, spec?.ipsets, spec?.tcs].some((rules) => (rules?.length ?? 0) > 0);
}
