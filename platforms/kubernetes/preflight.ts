/**
 * Can the nodes get every image of the workloads? One pod per image is tried before the workloads are: a replica that waits for its
 * image looks like a system that does not start. The pod's command need not exist; what counts is how far the kubelet came.
 */
import { CannotRun } from '../platform.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import { RUN_LABEL } from './labels.ts';
import type { Observed } from './observed.ts';
import { readPod } from './pod-shape.ts';
import { whyNotReady } from './ready.ts';
import { isRecord, listOf, podSpecOf } from './rewrite.ts';

/** A node that pulls a gigabyte over a slow line is slower than anything a test should wait for. */
const PULLED_WITHIN_MS = 180_000;
/** Kubernetes creates it for every namespace; no pod is admitted before. */
const ACCOUNT_WITHIN_MS = 15_000;
const PULL_ERRORS = [
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
];
/** The kubelet has not yet come to the image, or is at it. */
const BEFORE = ['ContainerCreating', 'PodInitializing'];

export type ImageOutcome = { pullable: true } | { pullable: false; why: string };

/** What a trial pod says of its image; undefined while nothing is decided. */
export function imageOutcome(object: KubeObject): ImageOutcome | undefined {
  const [status] = readPod(object).status.containerStatuses;
  if (status === undefined) return undefined;
  const { waiting, terminated, running } = status.state;
  if (waiting?.reason !== undefined && PULL_ERRORS.includes(waiting.reason))
    return { pullable: false, why: `${waiting.reason}: ${waiting.message ?? ''}`.trim() };
  if (status.imageID !== '' || terminated !== undefined || running !== undefined) return { pullable: true };
  const later = waiting?.reason !== undefined && !BEFORE.includes(waiting.reason);
  return later ? { pullable: true } : undefined;
}

/** One trial pod per distinct image of the templates, with what decides where it is pulled and with which credentials. */
export function trialPods(workloads: readonly KubeObject[], namespace: string, runId: string): KubeObject[] {
  const trials = new Map<string, KubeObject>();
  for (const workload of workloads) {
    const spec = podSpecOf(workload);
    if (spec === undefined) continue;
    for (const container of [...listOf(spec['initContainers']), ...listOf(spec['containers'])]) {
      if (!isRecord(container) || typeof container['image'] !== 'string') continue;
      const image = container['image'];
      if (trials.has(image)) continue;
      trials.set(image, trialPod(spec, container, { image, namespace, runId, n: trials.size + 1 }));
    }
  }
  return [...trials.values()];
}

function trialPod(
  spec: Record<string, unknown>,
  container: Record<string, unknown>,
  { image, namespace, runId, n }: { image: string; namespace: string; runId: string; n: number },
): KubeObject {
  const taken = (from: Record<string, unknown>, keys: string[]) =>
    Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));
  const tiny = { cpu: '1m', memory: '16Mi' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `proofload-image-${n}`, namespace, labels: { [RUN_LABEL]: runId } },
    spec: {
      ...taken(spec, [
        'securityContext',
        'imagePullSecrets',
        'serviceAccountName',
        'nodeSelector',
        'tolerations',
      ]),
      automountServiceAccountToken: false,
      restartPolicy: 'Never',
      activeDeadlineSeconds: PULLED_WITHIN_MS / 1_000,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          ...taken(container, ['imagePullPolicy', 'securityContext']),
          name: 'image',
          image,
          command: ['/proofload-tries-the-image'],
          resources: { requests: tiny, limits: tiny },
        },
      ],
    },
  };
}

/** Rejects with CannotRun that names each image and the API's words; the trial pods are gone again then, too. */
export async function checkImages(options: {
  cluster: Cluster;
  observed: Observed;
  workloads: readonly KubeObject[];
  namespace: string;
  runId: string;
  signal: AbortSignal;
}): Promise<void> {
  const { cluster, observed, namespace, signal } = options;
  const trials = trialPods(options.workloads, namespace, options.runId);
  if (trials.length === 0) return;
  await accounts(observed, trials, signal);
  const refOf = ({ metadata: { name } }: KubeObject) => ({ apiVersion: 'v1', kind: 'Pod', name, namespace });
  const seen = (name: string) => observed.objects('Pod').find((pod) => pod.metadata.name === name);
  try {
    await Promise.all(trials.map((trial) => cluster.create(trial)));
    const outcomes = await observed.until(
      () => {
        const found = trials.map((trial) => {
          const pod = seen(trial.metadata.name);
          return { image: imageOf(trial), outcome: pod && imageOutcome(pod) };
        });
        return found.every(({ outcome }) => outcome !== undefined) ? found : undefined;
      },
      {
        timeoutMs: PULLED_WITHIN_MS,
        signal,
        late: () =>
          trials
            .map((trial) => ({ trial, pod: seen(trial.metadata.name) }))
            .filter(({ pod }) => pod === undefined || imageOutcome(pod) === undefined)
            .map(
              ({ trial, pod }) =>
                `image ${imageOf(trial)}: after ${PULLED_WITHIN_MS / 1_000} s no node has it: ${pod === undefined ? 'its pod was never seen' : whyNotReady(readPod(pod))}`,
            )
            .join('; '),
      },
    );
    const bad = outcomes.flatMap(({ image, outcome }) =>
      outcome?.pullable === false ? [`image ${image} cannot be pulled: ${outcome.why}`] : [],
    );
    if (bad.length > 0)
      throw new CannotRun(
        `${bad.join('; ')}; push it where the nodes can reach it, or load it onto them, with imagePullPolicy IfNotPresent or Never`,
      );
  } finally {
    // Whatever is left of them goes with the namespace.
    await Promise.allSettled(trials.map((trial) => cluster.remove(refOf(trial), { graceSeconds: 0 })));
  }
}

function accounts(observed: Observed, trials: readonly KubeObject[], signal: AbortSignal): Promise<true> {
  const wanted = trials.map(({ spec }) => {
    const name = isRecord(spec) ? spec['serviceAccountName'] : undefined;
    return typeof name === 'string' ? name : 'default';
  });
  return observed.until(
    () => {
      const there = observed.objects('ServiceAccount').map(({ metadata }) => metadata.name);
      return wanted.every((name) => there.includes(name)) ? true : undefined;
    },
    {
      timeoutMs: ACCOUNT_WITHIN_MS,
      signal,
      late: () =>
        `ServiceAccount ${[...new Set(wanted)].join(', ')} is not there after ${ACCOUNT_WITHIN_MS / 1_000} s: the cluster's controller manager does not work`,
    },
  );
}

function imageOf({ spec }: KubeObject): string {
  const [container] = isRecord(spec) ? listOf(spec['containers']) : [];
  return isRecord(container) ? String(container['image']) : '';
}
