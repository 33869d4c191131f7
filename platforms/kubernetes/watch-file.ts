/** Raw changes of a cluster's objects, one JSON line each: what a verdict can be traced back to. */
import path from 'node:path';
import { z } from 'zod';
import { AppendFile } from '../../record/append-file.ts';
import { WATCH_FILE, WATCH_LOG_GAP } from '../../record/watch-log.ts';
import type { WatchLine } from '../../record/watch-log.ts';
import type { KubeObject } from './cluster.ts';
import { withoutValue } from '../manifests/played.ts';
import type { Emit } from '../platform.ts';
import { listOf } from './rewrite.ts';

const FILE = path.basename(WATCH_FILE);
/** A day of a namespace with ten pods is some ten megabytes. */
const MAX_BYTES = 200 * 2 ** 20;
/** Shorter ones would hit innocent text, as in record/writer.ts. */
const LEAST_LENGTH = 6;
const REDACTED = '[redacted]';

export interface WatchFile {
  write(type: WatchLine['type'], object: KubeObject): void;
  close(): void;
}

export interface WatchFileOptions {
  evidenceDir: string;
  emit: Emit;
  nowMs: () => number;
  /** Values that must not be written down. */
  sensitive: readonly string[];
}

/** Begins `evidence/watch.jsonl` and says so in the history. Past its size bound nothing is written, and a gap says from when; so it does of a full disk. */
export function openWatchFile({ evidenceDir, emit, nowMs, sensitive }: WatchFileOptions): WatchFile {
  const lines = new AppendFile(path.join(evidenceDir, FILE));
  const hidden = sensitive
    .filter((value) => value.length >= LEAST_LENGTH)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1), Buffer.from(value).toString('base64')]);
  let written = 0;
  let fullMs: number | undefined;
  /** Since when lines wait for room on the disk. */
  let waitingMs: number | undefined;
  let closed = false;
  const gap = (fromMs: number, why: string) =>
    emit({ kind: 'gap', what: WATCH_LOG_GAP, fromMs, toMs: nowMs(), why });
  emit({
    kind: 'evidence',
    id: 'watch',
    file: WATCH_FILE,
    what: 'every change of the objects of the namespace and of the nodes, as the API told them',
  });
  return {
    write(type, object) {
      if (closed || fullMs !== undefined) return;
      const { managedFields: _, ...kept } = { managedFields: undefined, ...object.metadata };
      const owners = replicasOwners(object);
      const metadata = {
        ...withoutApplied(kept),
        ...(owners.length > 0 && { managedFields: owners }),
      };
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
      else if (lines.append(clean) === null) waitingMs = undefined;
      else waitingMs ??= nowMs();
    },
    close() {
      if (closed) return;
      closed = true;
      const failure = lines.flush();
      if (failure !== null && waitingMs !== undefined) gap(waitingMs, failure.message);
      if (fullMs !== undefined) gap(fullMs, `past ${MAX_BYTES} bytes`);
    },
  };
}

/** Who decides how many pods these have is told by nothing else; the rest of `managedFields` is longer than the object. */
const SCALED = ['Deployment', 'ReplicaSet', 'StatefulSet'];
const ReplicasOwner = z.object({
  manager: z.string().optional(),
  /** `scale`: through the subresource, as the HPA does. */
  subresource: z.string().optional(),
  operation: z.string().optional(),
  time: z.string().optional(),
  fieldsV1: z.object({ 'f:spec': z.object({ 'f:replicas': z.object({}) }) }),
});

function replicasOwners({ kind, metadata }: KubeObject): unknown[] {
  if (!SCALED.includes(kind)) return [];
  return listOf(Reflect.get(metadata, 'managedFields')).flatMap((entry) => {
    const parsed = ReplicasOwner.safeParse(entry);
    if (!parsed.success) return [];
    const { fieldsV1: _, ...owner } = parsed.data;
    return [owner];
  });
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

function withoutSecrets(object: KubeObject): unknown {
  if (object.kind !== 'Secret') return object;
  const { data: _data, stringData: _stringData, ...rest } = { data: null, stringData: null, ...object };
  return rest;
}
