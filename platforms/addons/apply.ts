/** Puts add-ons into a cluster through its API and waits until they work. Applying them once more changes nothing. */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError, type Cluster, type KubeObject } from '../kubernetes/cluster.ts';
import { CannotRun } from '../platform.ts';
import { readManifest } from './manifest.ts';
import { lacks } from './ready.ts';
import { stuckPods } from './stuck-pods.ts';

/** Images may have to come from a registry first. */
const READY_LIMIT_MS = 5 * 60_000;
/** metrics-server has to ask every kubelet twice (--metric-resolution, 10 s) before it has a rate to tell. */
const METRICS_LIMIT_MS = 2 * 60_000;
const METRICS_LOOK_MS = 1_000;

const MetricsService = z.object({ group: z.literal('metrics.k8s.io'), version: z.string() });

/** The part of a cluster that add-ons need. */
export type AddonCluster = Pick<Cluster, 'apply' | 'list' | 'watch'>;

export interface AddonOptions {
  /** Aborted: the waits end, what was applied stays. */
  signal: AbortSignal;
  /** One line for people, now and then. */
  onProgress: (line: string) => void;
}

/**
 * Applies manifests file by file; the next file begins when the objects of this one are ready (a CustomResourceDefinition Established, a
 * Deployment and a DaemonSet available, an APIService Available and, for metrics.k8s.io, with a first answer). All files are read before
 * anything is changed. Throws UsageError for a bad file, ApiError when the API refuses an object, CannotRun when one does not get ready.
 */
export async function applyAddons(
  cluster: AddonCluster,
  files: readonly string[],
  { signal, onProgress }: AddonOptions,
): Promise<void> {
  const addons = files.map((file) => ({ name: path.basename(file, '.yaml'), objects: readManifest(file) }));
  for (const { name, objects } of addons) {
    onProgress(`add-on ${name}: applying ${objects.length} object${objects.length === 1 ? '' : 's'}`);
    const applied: KubeObject[] = [];
    for (const object of objects) {
      signal.throwIfAborted();
      applied.push(await cluster.apply(object));
    }
    await Promise.all(applied.map((object) => untilReady(cluster, object, signal)));
    for (const object of objects) await firstMetrics(cluster, object, signal);
  }
}

/** Resolves when nothing is lacking any more, by a watch on that one object. */
export async function untilReady(
  cluster: AddonCluster,
  object: KubeObject,
  signal: AbortSignal,
  limitMs = READY_LIMIT_MS,
): Promise<void> {
  let missing = lacks(object);
  if (missing === null) return;
  const { apiVersion, kind } = object;
  const { name, namespace } = object.metadata;
  const limit = AbortSignal.timeout(limitMs);
  const stop = AbortSignal.any([signal, limit]);
  let resolveReady = (): void => undefined;
  let rejectReady: (reason: unknown) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    resolveReady = resolve;
    rejectReady = reject;
  });
  const aborted = () => rejectReady(stop.reason);
  stop.addEventListener('abort', aborted, { once: true });
  if (stop.aborted) aborted();
  const watched = cluster.watch(
    { apiVersion, kind },
    { fieldSelector: `metadata.name=${name}`, ...(namespace === undefined ? {} : { namespace }) },
    {
      changed(type, seen) {
        missing = type === 'DELETED' ? 'it was deleted' : lacks(seen);
        if (missing === null) resolveReady();
      },
      gap: () => undefined,
    },
  );
  watched.synced.catch(rejectReady);
  try {
    await ready;
  } catch (error) {
    if (signal.aborted || !limit.aborted) throw error;
    const pods = await stuckPods(cluster, object);
    throw new CannotRun(
      `${title(object)} is not ready after ${limitMs / 1_000} s: ${missing ?? 'it was ready for a moment'}${pods}`,
      { cause: error },
    );
  } finally {
    stop.removeEventListener('abort', aborted);
    watched.stop();
  }
}

/** An APIService is Available as soon as its server answers at all; an HPA needs numbers. This API has no watch, so it is asked. */
async function firstMetrics(cluster: AddonCluster, object: KubeObject, signal: AbortSignal): Promise<void> {
  if (object.kind !== 'APIService') return;
  const service = MetricsService.safeParse(object['spec']);
  if (!service.success) return;
  const kind = { apiVersion: `metrics.k8s.io/${service.data.version}`, kind: 'NodeMetrics' };
  const untilMs = performance.now() + METRICS_LIMIT_MS;
  for (;;) {
    signal.throwIfAborted();
    const answer = await cluster.list(kind).catch((error: unknown) => {
      if (error instanceof ApiError) return error;
      throw error;
    });
    if (Array.isArray(answer) && answer.length > 0) return;
    if (performance.now() > untilMs) {
      const why = Array.isArray(answer) ? 'it knows of no node' : answer.message;
      throw new CannotRun(
        `metrics.k8s.io has given no numbers in ${METRICS_LIMIT_MS / 1_000} s: ${why}; look at the log of metrics-server`,
      );
    }
    await pause(METRICS_LOOK_MS, undefined, { signal });
  }
}

function title({ kind, metadata: { name, namespace } }: KubeObject): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}
