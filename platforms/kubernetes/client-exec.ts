/** Running a program inside a container, over a WebSocket (v5.channel.k8s.io and older). */
import { Writable } from 'node:stream';
import { Exec } from '@kubernetes/client-node';
import type { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { ApiError } from './cluster.ts';
import type { Cluster, ExecResult } from './cluster.ts';
import { causeOf } from './client-request.ts';

/** What is run in a container answers in a few lines; more than this is a mistake. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** As much of the library's socket as is used here; it has no types of its own. */
interface Socket {
  terminate(): void;
  on(event: 'close' | 'error', listener: () => void): unknown;
}

/** The last message of the exec protocol: success, an exit code among the causes, or why it could not be run. */
const Status = z.object({
  status: z.string().optional(),
  message: z.string().optional(),
  reason: z.string().optional(),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })) })
    .partial()
    .optional(),
});

/** The library puts names into a path as they are. Throws ApiError for what cannot be the name of an object. */
export function checkName(what: string, ...names: string[]): void {
  for (const name of names)
    if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name))
      throw new ApiError(`${what}: ${JSON.stringify(name)} cannot be a name`, 0, 'BadName');
}

/** What a WebSocket that was refused says: an event with a message, `Unexpected server response: 403`. */
export function refusedSocket(what: string, error: unknown): ApiError {
  const said =
    typeof error === 'object' && error !== null && 'message' in error
      ? String(error.message)
      : causeOf(error);
  const status = Number(/server response: (\d{3})/.exec(said)?.[1] ?? 0);
  return new ApiError(`${what}: ${said === '' ? 'no connection' : said}`, status, 'NoConnection', error);
}

export function execIn(config: KubeConfig): Cluster['exec'] {
  return async ({ namespace, pod, container }, command, { timeoutMs }): Promise<ExecResult> => {
    const what = `exec ${command[0] ?? ''} in v1 Pod ${namespace}/${pod}`;
    checkName(what, namespace, pod);
    let socket: Socket | undefined;
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    try {
      return await new Promise<ExecResult>((resolve, reject) => {
        const fail = (why: string, reason: string) => reject(new ApiError(`${what}: ${why}`, 0, reason));
        timer = setTimeout(() => fail(`not done within ${timeoutMs} ms`, 'Timeout'), timeoutMs);
        const tooMuch = () => fail(`wrote more than ${MAX_OUTPUT_BYTES} bytes`, 'TooLarge');
        const stdout = collector(tooMuch);
        const stderr = collector(tooMuch);
        const end = (exitCode: number | null) =>
          resolve({ exitCode, stdout: stdout.text(), stderr: stderr.text() });
        const ended = (status: unknown) => {
          const exit = exitOf(status);
          if (typeof exit === 'number') end(exit);
          else reject(new ApiError(`${what}: ${exit.message}`, 500, exit.reason));
        };
        const run = async () => {
          const { stream: out } = stdout;
          const words = [...command];
          const exec = new Exec(config);
          const main = container ?? '';
          const opened: Socket = await exec.exec(
            namespace,
            pod,
            main,
            words,
            out,
            stderr.stream,
            null,
            false,
            ended,
          );
          socket = opened;
          // Too late: the caller was told that the time is over.
          if (isOver) return opened.terminate();
          opened.on('error', () => end(null));
          opened.on('close', () => end(null));
        };
        run().catch((error: unknown) => reject(refusedSocket(what, error)));
      });
    } finally {
      isOver = true;
      clearTimeout(timer);
      socket?.terminate();
    }
  };
}

/** The exit code, or why the program could not be run at all. */
export function exitOf(value: unknown): number | { reason: string; message: string } {
  const status = Status.safeParse(value);
  if (!status.success) return { reason: 'Malformed', message: 'ended without a status' };
  const { status: word, details, reason = 'Unknown', message = 'no reason given' } = status.data;
  if (word === 'Success') return 0;
  const code = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  if (code !== undefined && /^\d+$/.test(code)) return Number(code);
  return { reason, message: message.replaceAll(/\s+/g, ' ') };
}

function collector(tooMuch: () => void) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      if (bytes > MAX_OUTPUT_BYTES) tooMuch();
      else chunks.push(chunk);
      next();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
