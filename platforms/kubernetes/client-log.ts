/** Logs of containers: the end of one, and one line by line while it grows. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { splitLines } from './client-lines.ts';
import type { Objects } from './client-objects.ts';
import { parsed } from './client-request.ts';
import type { Api, Call } from './client-request.ts';

const TIMEOUT_MS = 30_000;
/** A log this quiet may as well be a dead connection; asking again loses nothing. */
const QUIET_MS = 60_000;
const AGAIN_MS = [200, 5_000] as const;
const MAX_LINE_CHARS = 1_000_000;

type Target = Parameters<Cluster['log']>[0];
type Logs = Pick<Cluster, 'log' | 'followLog'>;

const Pod = z.object({
  spec: z.object({ containers: z.array(z.object({ name: z.string() })) }),
  status: z
    .object({
      phase: z.string().optional(),
      containerStatuses: z
        .array(
          z.object({
            name: z.string(),
            containerID: z.string().optional(),
            state: z.object({ terminated: z.unknown() }).partial().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

export function createLogs(api: Api, objects: Objects): Logs {
  const call = (target: Target, query: Call['query']): Call => ({
    what: `log of v1 Pod ${target.namespace}/${target.pod}`,
    method: 'GET',
    path: `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}/log`,
    query: { container: target.container, ...query },
  });

  /** Null when the pod is gone. The first container when none is named, as kubectl takes it. */
  async function look({ namespace, pod, container }: Target) {
    const found = await objects.get({ apiVersion: 'v1', kind: 'Pod', name: pod, namespace });
    if (found === null) return null;
    const { spec, status } = parsed(`get v1 Pod ${namespace}/${pod}`, Pod, found);
    const name = container ?? spec.containers[0]?.name;
    const now = status?.containerStatuses?.find((one) => one.name === name);
    const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    return {
      uid: found.metadata.uid,
      name,
      id: now?.containerID,
      ended: isOver || now?.state?.terminated !== undefined,
    };
  }

  return {
    async log(target, limitBytes) {
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      // `limitBytes` of the API counts from the beginning; so many lines hold at least so many bytes of the end.
      const query = {
        previous: target.previous === true ? 'true' : undefined,
        tailLines: String(limitBytes),
      };
      const body = await api.stream({ ...call(target, query), timeoutMs: TIMEOUT_MS }, timeout);
      let end = Buffer.alloc(0);
      for await (const chunk of body) end = Buffer.from(Buffer.concat([end, chunk]).subarray(-limitBytes));
      return end.toString('utf8');
    },

    async followLog(target, onLine, signal) {
      const progress = createProgress(onLine);
      let first: Awaited<ReturnType<typeof look>> | undefined;
      for (let failures = 0; !signal.aborted; failures += 1) {
        try {
          const now = await look(target);
          if (now === null && first === undefined)
            throw new ApiError(
              `log of v1 Pod ${target.namespace}/${target.pod}: 404 NotFound: no such pod`,
              404,
              'NotFound',
            );
          const replaced = now === null || (first !== undefined && now.uid !== first?.uid);
          const restarted = first?.id !== undefined && now?.id !== undefined && now.id !== first.id;
          if (replaced || restarted) return;
          first = { ...now, id: first?.id ?? now.id };
          const container = first.name;
          const named = container === undefined ? target : { ...target, container };
          const query = { follow: 'true', timestamps: 'true', sinceTime: progress.sinceTime() };
          if (await readOnce(call(named, query), progress, signal)) failures = 0;
          if (now.ended) return;
        } catch (error) {
          if (signal.aborted) return;
          // 400: the container has not started yet. 404 of a pod that was there: it has gone meanwhile.
          const mayCome = error instanceof ApiError && ![401, 403, 404].includes(error.status);
          if (error instanceof ApiError && error.status === 404 && first !== undefined) return;
          if (!mayCome) throw error;
        }
        const [firstMs, longestMs] = AGAIN_MS;
        const waitMs = Math.min(longestMs, firstMs * 2 ** failures) * (0.5 + Math.random() / 2);
        await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };

  /** Until the stream ends, breaks or is quiet for long; whether a line came. */
  async function readOnce(
    request: Call,
    progress: ReturnType<typeof createProgress>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const quiet = new AbortController();
    let timer = setTimeout(() => quiet.abort(), QUIET_MS);
    progress.resume();
    let came = false;
    try {
      const body = await api.stream(request, AbortSignal.any([quiet.signal, signal]));
      for await (const line of splitLines(body, MAX_LINE_CHARS)) {
        if (signal.aborted) return came;
        clearTimeout(timer);
        timer = setTimeout(() => quiet.abort(), QUIET_MS);
        came = progress.line(line) || came;
      }
    } catch (error) {
      // A broken stream goes on where it broke off.
      if (error instanceof ApiError) throw error;
    } finally {
      clearTimeout(timer);
      quiet.abort();
    }
    return came;
  }
}

/**
 * Passes each line once. The API goes on by time, in whole seconds, so what was passed comes again after `resume` and is
 * skipped: lines before the last time stamp, and as many with that stamp as were passed.
 */
export function createProgress(onLine: (line: string) => void) {
  let last = { at: '', second: '', zone: '' };
  let withLast = 0;
  let toSkip = 0;
  let isCatchingUp = false;
  return {
    /** For the query; undefined = from the beginning. */
    sinceTime: () => (last.at === '' ? undefined : new Date(last.second + last.zone).toISOString()),
    /** To be called before each connection. */
    resume() {
      isCatchingUp = true;
      toSkip = withLast;
    },
    /** `2026-01-31T10:00:00.123456789Z text`; whether it was passed. */
    line(text: string): boolean {
      const stamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d) ?/.exec(text);
      if (stamp === null) {
        // A piece of a line too long, or words of the kubelet itself.
        onLine(text);
        return true;
      }
      const [whole, second = '', fraction = '.', zone = ''] = stamp;
      // Trailing zeros may be left out; padded, stamps compare as text.
      const at = `${second}${fraction.padEnd(10, '0')}`;
      if (at > last.at) {
        last = { at, second, zone };
        withLast = 0;
        isCatchingUp = false;
      } else if (isCatchingUp && (at < last.at || toSkip > 0)) {
        // stdout and stderr may be a little out of order, so only what is repeated is skipped.
        if (at === last.at) toSkip -= 1;
        return false;
      }
      if (at === last.at) withLast += 1;
      onLine(text.slice(whole.length));
      return true;
    },
  };
}
