/** Logs of the workload's pods, followed from their start, because a pod takes its log with it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from '../../record/reason.ts';
import type { Redact } from '../../record/writer.ts';
import type { Emit } from '../platform.ts';
import type { Cluster } from './cluster.ts';

/** Per pod; a service that logs each request at full load writes about 100 bytes a request. */
const MAX_BYTES = 64 * 2 ** 20;

export interface PodLogs {
  /** A container of the pod has started, for the first time or again. */
  started(pod: string): void;
  /** Ends the following; resolves when the files are closed. */
  stop(): Promise<void>;
}

/** Writes `<evidenceDir>/<pod>.log`, each line without the secrets: whoever dies in the middle leaves none. */
export function followPodLogs(options: {
  cluster: Cluster;
  namespace: string;
  container: string;
  evidenceDir: string;
  emit: Emit;
  nowMs: () => number;
  redact: Redact;
}): PodLogs {
  const { cluster, namespace, container, evidenceDir, emit, nowMs, redact } = options;
  const ending = new AbortController();
  const following = new Map<string, Promise<void>>();

  const follow = async (pod: string, written: { bytes: number }) => {
    const fromMs = nowMs();
    // Pod names are DNS labels, so they cannot lead out of the folder.
    const fd = openSync(path.join(evidenceDir, `${path.basename(pod)}.log`), 'a');
    const full = new AbortController();
    try {
      await cluster.followLog(
        { namespace, pod, container },
        (line) => {
          if (full.signal.aborted) return;
          const text = `${redact(line)}\n`;
          written.bytes += Buffer.byteLength(text);
          if (written.bytes <= MAX_BYTES) {
            writeSync(fd, text);
            return;
          }
          writeSync(fd, `(the log goes on; more than ${MAX_BYTES} bytes are not kept)\n`);
          full.abort();
        },
        AbortSignal.any([ending.signal, full.signal]),
      );
    } catch (error) {
      if (!ending.signal.aborted && !full.signal.aborted)
        emit({
          kind: 'gap',
          what: `log of ${pod}`,
          fromMs,
          toMs: nowMs(),
          why: reasonOf(error),
        });
    } finally {
      closeSync(fd);
    }
  };

  const sizes = new Map<string, { bytes: number }>();
  return {
    started(pod) {
      if (ending.signal.aborted) return;
      const written = sizes.get(pod) ?? { bytes: 0 };
      sizes.set(pod, written);
      // One after the other: a container that came back continues the file of the one before.
      const previous = following.get(pod) ?? Promise.resolve();
      following.set(
        pod,
        previous.then(() => follow(pod, written)),
      );
    },
    async stop() {
      ending.abort();
      await Promise.all(following.values());
    },
  };
}
