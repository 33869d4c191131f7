import { expect, it } from 'vitest';
import { CannotRun } from '../platform.ts';
import { observe } from './observed.ts';
import type { KubeObject } from './cluster.ts';
import { checkImages, imageOutcome, trialPods } from './preflight.ts';
import { memoryCluster, obliging } from './testing.ts';
import type { MemoryCluster } from './testing.ts';

const statusOf = (status: Record<string, unknown>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', uid: 'u' },
  status: { containerStatuses: [{ name: 'image', ...status }] },
});
const waiting = (reason: string) => statusOf({ state: { waiting: { reason, message: 'words' } } });

it.each(['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName'])(
  'takes %s for an image that cannot be pulled',
  (reason) => {
    expect(imageOutcome(waiting(reason))).toEqual({ pullable: false, why: `${reason}: words` });
  },
);

it('takes whatever comes after the pull for success', () => {
  const good = { pullable: true };
  expect(imageOutcome(waiting('CreateContainerError'))).toEqual(good);
  expect(imageOutcome(waiting('CreateContainerConfigError'))).toEqual(good);
  expect(imageOutcome(statusOf({ state: { terminated: { exitCode: 128, reason: 'StartError' } } }))).toEqual(
    good,
  );
  expect(
    imageOutcome(statusOf({ imageID: 'sha256:1', state: { waiting: { reason: 'ContainerCreating' } } })),
  ).toEqual(good);
});

it('decides nothing while the kubelet is at it', () => {
  expect(imageOutcome(waiting('ContainerCreating'))).toBeUndefined();
  expect(imageOutcome(waiting('PodInitializing'))).toBeUndefined();
  expect(imageOutcome({ ...statusOf({}), status: {} })).toBeUndefined();
});

const workload = (name: string, images: string[], spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: {
    template: {
      spec: {
        ...spec,
        containers: images.map((image, i) => ({ name: `c${i}`, image, imagePullPolicy: 'Never' })),
      },
    },
  },
});

it('tries each image once, with what decides whether a node may have it', () => {
  const secret = { imagePullSecrets: [{ name: 'key' }], securityContext: { runAsUser: 1000 }, volumes: [] };
  const pods = trialPods([workload('a', ['one:1', 'two:2'], secret), workload('b', ['one:1'])], 'shop', 'r1');
  expect(pods).toHaveLength(2);
  expect(pods[0]).toMatchObject({
    metadata: { namespace: 'shop', labels: { 'proofload.dev/run': 'r1' } },
    spec: {
      imagePullSecrets: [{ name: 'key' }],
      securityContext: { runAsUser: 1000 },
      restartPolicy: 'Never',
      containers: [{ image: 'one:1', imagePullPolicy: 'Never' }],
    },
  });
  expect(pods[0]?.['spec']).not.toHaveProperty('volumes');
});

async function check(cluster: MemoryCluster, signal = new AbortController().signal): Promise<void> {
  const nothing = () => undefined;
  const kinds = ['Pod', 'ServiceAccount'].map((kind) => ({
    apiVersion: 'v1',
    kind,
    namespace: 'shop',
    optional: false,
  }));
  const observed = await observe({
    cluster,
    kinds,
    signal,
    changed: nothing,
    gap: nothing,
    unwatched: nothing,
  });
  cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  const workloads = [workload('a', ['good:1', 'bad:1'])];
  await checkImages({ cluster, observed, workloads, namespace: 'shop', runId: 'r1', signal });
}

it('passes when every image is there, and leaves no pod behind', async () => {
  const cluster = memoryCluster({ react: obliging() });
  await check(cluster);
  expect(cluster.all('Pod')).toEqual([]);
});

it('fails with the image and the words of the API, and leaves no pod behind', async () => {
  const pull = (image: string) =>
    image === 'bad:1' ? { waiting: { reason: 'ErrImagePull', message: 'no such tag' } } : {};
  const cluster = memoryCluster({ react: obliging(pull) });
  const failed = check(cluster);
  await expect(failed).rejects.toThrow('image bad:1 cannot be pulled: ErrImagePull: no such tag; push it');
  await expect(failed).rejects.toBeInstanceOf(CannotRun);
  expect(cluster.all('Pod')).toEqual([]);
});

it('ends at once when the run is interrupted, and leaves no pod behind', async () => {
  const interrupt = new AbortController();
  const pull = () => ({ waiting: { reason: 'ContainerCreating', message: '' } });
  const cluster = memoryCluster({ react: obliging(pull) });
  const checking = check(cluster, interrupt.signal);
  interrupt.abort();
  await expect(checking).rejects.toMatchObject({ name: 'AbortError' });
  expect(cluster.all('Pod')).toEqual([]);
});
