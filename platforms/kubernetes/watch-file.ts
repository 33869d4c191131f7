/** Raw changes of a cluster's objects, one JSON line each: what a verdict can be traced back to. */
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from '../../record/reason.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import type { Emit } from '../platform.ts';

const FILE = 'watch.jsonl';
/** A day of a namespace with ten pods is some ten megabytes. */
const MAX_BYTES = 200 * 2 ** 20;
/** Shorter ones would hit innocent text, as in record/writer.ts. */
const LEAST_LENGTH = 6;
const REDACTED = '[redacted]';
const METRICS_PERIOD_MS = 10_000;
const POD_METRICS = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics' };

export interface WatchFile {
  write(type: string, object: KubeObject): void;
  close(): void;
}

export interface WatchFileOptions {
  evidenceDir: string;
  emit: Emit;
  nowMs: () => number;
  /** Values that must not be written down. */
  sensitive: readonly string[];
}

/** Opens `evidence/watch.jsonl` and says so in the history. Past its size bound nothing is written, and a gap says from when. */
export function openWatchFile({ evidenceDir, emit, nowMs, sensitive }: WatchFileOptions): WatchFile {
  const fd = openSync(path.join(evidenceDir, FILE), 'a');
  const hidden = sensitive
    .filter((value) => value.length >= LEAST_LENGTH)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1), Buffer.from(value).toString('base64')]);
  let written = 0;
  let fullMs: number | undefined;
  let closed = false;
  emit({
    kind: 'evidence',
    id: 'watch',
    file: `evidence/${FILE}`,
    what: 'every change of the objects of the namespace and of the nodes, as the API told them',
  });
  return {
    write(type, object) {
      if (closed || fullMs !== undefined) return;
      const { managedFields: _, ...kept } = { managedFields: undefined, ...object.metadata };
      const metadata = withoutApplied(kept);
      const line = JSON.stringify({
        atMs: Math.round(nowMs()),
        type,
        kind: object.kind,
        name: object.metadata.name,
        object: withoutEnvValues(withoutSecrets({ ...object, metadata })),
      });
      const clean = hidden.reduce((text, part) => text.replaceAll(part, REDACTED), line);
      written += Buffer.byteLength(clean) + 1;
      if (written > MAX_BYTES) fullMs = nowMs();
      else writeSync(fd, `${clean}\n`);
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(fd);
      if (fullMs !== undefined)
        emit({ kind: 'gap', what: FILE, fromMs: fullMs, toMs: nowMs(), why: `past ${MAX_BYTES} bytes` });
    },
  };
}

/** What `kubectl apply` keeps of the file it was given: the whole object once more, values of Secrets included. */
const APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function withoutApplied(metadata: KubeObject['metadata']): KubeObject['metadata'] {
  if (metadata.annotations?.[APPLIED] === undefined) return metadata;
  const annotations = Object.entries(metadata.annotations).filter(([key]) => key !== APPLIED);
  return { ...metadata, annotations: Object.fromEntries(annotations) };
}

/** Pods, templates of pods and what quotes them: attached, their settings are somebody else's, and passwords are often among them. */
function withoutEnvValues(value: unknown, key = ''): unknown {
  if (Array.isArray(value))
    return value.map((item) => withoutEnvValues(key === 'env' ? withoutValue(item) : item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, below]) => [name, withoutEnvValues(below, name)]),
  );
}

function withoutValue(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'value' in item ? { ...item, value: REDACTED } : item;
}

function withoutSecrets(object: KubeObject): unknown {
  if (object.kind !== 'Secret') return object;
  const { data: _data, stringData: _stringData, ...rest } = { data: null, stringData: null, ...object };
  return rest;
}

/** CPU and memory of the pods every 10 s, as metrics-server has them: there is no watch for these. Returns its end. */
export function pollPodMetrics(options: {
  cluster: Cluster;
  namespace: string;
  emit: Emit;
  nowMs: () => number;
  file: WatchFile;
}): () => void {
  const { cluster, namespace, emit, nowMs, file } = options;
  let busy = false;
  let ended = false;
  let heardMs = nowMs();
  let lostWhy: string | undefined;
  const tell = () => {
    if (lostWhy !== undefined)
      emit({ kind: 'gap', what: 'PodMetrics', fromMs: heardMs, toMs: nowMs(), why: lostWhy });
    lostWhy = undefined;
  };
  const look = async () => {
    if (busy) return;
    busy = true;
    try {
      const found = await cluster.list(POD_METRICS, { namespace });
      if (ended) return;
      tell();
      heardMs = nowMs();
      for (const object of found) file.write('POLLED', object);
    } catch (error) {
      lostWhy = reasonOf(error);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void look(), METRICS_PERIOD_MS);
  timer.unref();
  return () => {
    if (ended) return;
    clearInterval(timer);
    tell();
    ended = true;
  };
}

export function servesPodMetrics(cluster: Cluster): Promise<boolean> {
  return cluster.serves(POD_METRICS);
}
