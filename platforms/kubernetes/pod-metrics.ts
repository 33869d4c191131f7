/** What the HPA decides by, as the API tells it: CPU and memory of pods. There is no watch for these, so they are asked for again and again. */
import { reasonOf } from '../../record/reason.ts';
import { gapName } from '../../record/watch-log.ts';
import type { Emit } from '../platform.ts';
import { ApiError } from './cluster.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import type { WatchFile } from './watch-file.ts';

/**
 * A new value comes every 10 s at the most often, so each is seen. The HPA may have seen it up to this long before: with a longer period most
 * of its decisions would have two values that they may have been made by.
 */
const PERIOD_MS = 2_000;
const POD_METRICS = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics' };

/**
 * Writes the metrics of a namespace's pods into the watch file, at once and then every 2 s: `POLLED` with each value that is new, `DELETED`
 * when a pod is no longer in the answer. Until an answer comes again, nothing is known: that is a gap. Returns its end.
 */
export function pollPodMetrics(options: {
  cluster: Cluster;
  namespace: string;
  emit: Emit;
  nowMs: () => number;
  file: WatchFile;
}): () => void {
  const { cluster, namespace, emit, nowMs, file } = options;
  const known = new Map<string, KubeObject>();
  let busy = false;
  let ended = false;
  let heardMs = nowMs();
  let lostWhy: string | undefined;
  const tellGap = () => {
    if (lostWhy !== undefined)
      emit({ kind: 'gap', what: gapName(POD_METRICS.kind), fromMs: heardMs, toMs: nowMs(), why: lostWhy });
    lostWhy = undefined;
  };
  const tellChanges = (found: readonly KubeObject[]) => {
    const names = new Set(found.map(({ metadata }) => metadata.name));
    for (const [name, object] of known) {
      if (names.has(name)) continue;
      known.delete(name);
      file.write('DELETED', object);
    }
    for (const object of found) {
      const before = known.get(object.metadata.name);
      if (before !== undefined && valueOf(before) === valueOf(object)) continue;
      known.set(object.metadata.name, object);
      file.write('POLLED', object);
    }
  };
  const look = async () => {
    if (busy) return;
    busy = true;
    try {
      const found = await cluster.list(POD_METRICS, { namespace });
      if (ended) return;
      tellGap();
      heardMs = nowMs();
      tellChanges(found);
    } catch (error) {
      lostWhy = reasonOf(error);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void look(), PERIOD_MS);
  timer.unref();
  void look();
  return () => {
    if (ended) return;
    clearInterval(timer);
    tellGap();
    ended = true;
  };
}

/** Without its metadata: there, creationTimestamp is the moment of the answer. */
function valueOf(object: KubeObject): string {
  const { metadata: _, ...value } = object;
  return JSON.stringify(value);
}

/** False when nothing that measures pods is installed. What is, and does not answer now, is asked again: until it answers, that is a gap. */
export async function servesPodMetrics(cluster: Cluster): Promise<boolean> {
  try {
    return await cluster.serves(POD_METRICS);
  } catch (error) {
    if (error instanceof ApiError) return true;
    throw error;
  }
}
