/** k6's REST API, as far as a barrier needs it: k6 waits with `--paused` until it is told to begin (grafana/k6, api/v1/status at v2.2.0). */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { reasonOf } from '../../../record/reason.ts';

/** `status` of a k6 that made its virtual users and waits to be released. */
const PAUSED_BEFORE_RUN = 4;
const ASK_AGAIN_MS = 100;
const REQUEST_LIMIT_MS = 5_000;
const ANSWER_LIMIT_BYTES = 64 * 1024;

const Status = z.object({
  data: z.object({
    attributes: z.object({ status: z.number(), paused: z.boolean(), stopped: z.boolean() }),
  }),
});
type K6Status = z.infer<typeof Status>['data']['attributes'];

/** A k6 that can be reached on 127.0.0.1. */
export interface RestPort {
  runner: string;
  port: number;
}

export interface Released {
  runner: string;
  /** This machine's wall clock before the request and after the answer: the schedule began between them. */
  sentMs: number;
  answeredMs: number;
}

/** Resolves when k6 waits to be released. Rejects with the last answer when the signal is aborted first. */
export async function untilPaused({ runner, port }: RestPort, signal: AbortSignal): Promise<void> {
  let last = 'it was not asked';
  while (!signal.aborted) {
    try {
      const { status, paused } = await ask(port, 'GET', undefined, signal);
      if (status === PAUSED_BEFORE_RUN && paused) return;
      if (status > PAUSED_BEFORE_RUN || !paused)
        throw new Error(`runner ${runner} began before it was released (k6 status ${status})`);
      last = `k6 status ${status}`;
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('runner ')) throw error;
      // Its port opens a moment before it answers, and a connection through the API server may break.
      if (!signal.aborted) last = reasonOf(error);
    }
    await sleep(ASK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  throw new Error(`runner ${runner} did not come to wait for its release: ${last}`);
}

/** Releases all at the same time. Rejects when one of them does not say that it goes on. */
export function releaseAll(ports: readonly RestPort[], signal: AbortSignal): Promise<Released[]> {
  return Promise.all(
    ports.map(async ({ runner, port }) => {
      const sentMs = Date.now();
      try {
        const { paused } = await ask(port, 'PATCH', { paused: false }, signal);
        if (paused) throw new Error('k6 says that it is still paused');
      } catch (error) {
        throw new Error(`runner ${runner} was not released: ${reasonOf(error)}`, { cause: error });
      }
      return { runner, sentMs, answeredMs: Date.now() };
    }),
  );
}

/** Ends the test: what is in flight becomes unknown, the summary is written, the exit code is 103. */
export async function stopK6(port: number): Promise<void> {
  await ask(port, 'PATCH', { stopped: true }, new AbortController().signal);
}

async function ask(
  port: number,
  method: 'GET' | 'PATCH',
  attributes: { paused: boolean } | { stopped: boolean } | undefined,
  signal: AbortSignal,
): Promise<K6Status> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/status`, {
    method,
    // A connection that was kept alive may lead to a forward that is closed.
    headers: { 'Content-Type': 'application/json', Connection: 'close' },
    ...(attributes && { body: JSON.stringify({ data: { type: 'status', id: 'default', attributes } }) }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
  });
  const text = await limited(response);
  if (!response.ok)
    throw new Error(`${method} /v1/status: HTTP ${response.status}: ${text.trim().slice(0, 200)}`);
  const status = Status.safeParse(JSON.parse(text));
  if (!status.success) throw new Error(`${method} /v1/status: not the answer of k6: ${text.slice(0, 200)}`);
  return status.data.data.attributes;
}

async function limited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    const part: unknown = chunk;
    if (!(part instanceof Uint8Array)) continue;
    bytes += part.length;
    if (bytes > ANSWER_LIMIT_BYTES) throw new Error(`the answer has more than ${ANSWER_LIMIT_BYTES} bytes`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString('utf8');
}
