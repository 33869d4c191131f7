/**
 * What a rehearsal tells of its objects, in the form in which a cluster's API tells it: the same judge reads both.
 * Times of objects are whole seconds of the wall clock, as the API server writes them.
 */
import path from 'node:path';
import { AppendFile } from '../../../record/append-file.ts';
import { WATCH_FILE } from '../../../record/watch-log.ts';
import type { WatchLine } from '../../../record/watch-log.ts';
import type { DeployOptions } from '../../platform.ts';

export interface ToldObject {
  kind: string;
  apiVersion: string;
  metadata: { name: string } & Record<string, unknown>;
  [field: string]: unknown;
}

/** The API server's, with the run's clock in it. */
export interface ServerClock {
  nowMs: () => number;
  /** A time of the run's clock, cut to the second as everybody reads it back. */
  seconds: (atMs: number) => number;
  /** `2026-11-21T11:48:46Z` */
  stamp: (atMs: number) => string;
}

export interface Told {
  tell(type: WatchLine['type'], object: ToldObject): void;
  close(): void;
}

/** By one look at both clocks: what is told later goes on by the run's. */
export function serverClock(nowMs: () => number): ServerClock {
  const epochMs = Date.now() - nowMs();
  const seconds = (atMs: number) => Math.floor((atMs + epochMs) / 1_000) * 1_000 - epochMs;
  return {
    nowMs,
    seconds,
    stamp: (atMs) => new Date(Math.round(seconds(atMs) + epochMs)).toISOString().replace('.000Z', 'Z'),
  };
}

/** Begins `evidence/watch.jsonl`. Every object but a measurement gets the next resource version. */
export function openTold({
  evidenceDir,
  emit,
  nowMs,
}: Pick<DeployOptions, 'evidenceDir' | 'emit' | 'nowMs'>): Told {
  const lines = new AppendFile(path.join(evidenceDir, path.basename(WATCH_FILE)));
  let closed = false;
  let version = 0;
  emit({
    kind: 'evidence',
    id: 'watch',
    file: WATCH_FILE,
    what: 'what the rehearsal did with its pods and replicas, in the form in which an API server tells it',
  });
  return {
    tell(type, object) {
      if (closed) return;
      const { kind, metadata } = object;
      const versioned =
        type === 'POLLED'
          ? object
          : { ...object, metadata: { ...metadata, resourceVersion: `${++version}` } };
      const line = { atMs: Math.round(nowMs()), type, kind, name: metadata.name, object: versioned };
      lines.append(JSON.stringify(line));
    },
    close() {
      closed = true;
    },
  };
}
