/** Says why the pods of a Deployment or DaemonSet do not come up: an image that cannot be pulled, a crash, no place. */
import { z } from 'zod';
import { ApiError, type Cluster, type KubeObject } from '../kubernetes/cluster.ts';

/** A few tell what the rest would tell. */
const PODS_SHOWN = 3;

const Owner = z.object({ selector: z.object({ matchLabels: z.record(z.string(), z.string()) }) });
const Waiting = z.object({ reason: z.string().default('waiting'), message: z.string().default('') });
const PodState = z.object({
  conditions: z
    .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
    .default([]),
  containerStatuses: z
    .array(z.object({ name: z.string(), state: z.object({ waiting: Waiting.optional() }).prefault({}) }))
    .default([]),
});

/** `; pod x: ImagePullBackOff: ...` for the first few pods that wait for something, or nothing. Never throws for what the API refuses. */
export async function stuckPods(cluster: Pick<Cluster, 'list'>, owner: KubeObject): Promise<string> {
  const selector = Owner.safeParse(owner['spec']);
  const { namespace } = owner.metadata;
  if (!selector.success || namespace === undefined) return '';
  const labelSelector = Object.entries(selector.data.selector.matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const pods = await cluster
    .list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector })
    .catch((error: unknown) => {
      if (error instanceof ApiError) return [];
      throw error;
    });
  return pods
    .flatMap((pod) => whyStuck(pod).map((why) => `; pod ${pod.metadata.name}: ${why}`))
    .slice(0, PODS_SHOWN)
    .join('');
}

function whyStuck(pod: KubeObject): string[] {
  const state = PodState.safeParse(pod['status']);
  if (!state.success) return [];
  const waiting = state.data.containerStatuses.flatMap(({ name, state: { waiting: why } }) =>
    why === undefined
      ? []
      : [`container ${name}: ${why.reason}${why.message === '' ? '' : `: ${why.message}`}`],
  );
  const unplaced = state.data.conditions
    .filter(({ type, status }) => type === 'PodScheduled' && status === 'False')
    .map(({ message }) => `not scheduled: ${message ?? 'no reason given'}`);
  return [...unplaced, ...waiting];
}
