/**
 * One request to the API server: authenticated, bounded in time and size, sent again where that is harmless, and with
 * refusals as `ApiError` of one line.
 *
 * The object classes of the client library are not used for this: they turn times into Date objects, drop the fields
 * their release does not know (evidence has to be what the server said), write paths in lower case, set no timeout,
 * and open a new TLS connection for every call. What stays theirs is the kubeconfig: certificates, tokens, exec plugins, proxies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpMethod, RequestContext } from '@kubernetes/client-node';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { ApiError } from './cluster.ts';

const TIMEOUT_MS = 10_000;
/** A list of 500 objects is below this, whatever is in them (etcd takes 1.5 MiB an object, most have kilobytes). */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_MESSAGE_CHARS = 500;
const MAX_RETRIES = 4;
const FIRST_RETRY_MS = 200;

export interface Call {
  /** Verb and object for messages: `patch apps/v1 Deployment luminate/luminate`. */
  what: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Encoded; begins with `/`. */
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  /** Of `body`; application/json when absent. */
  contentType?: string;
  /** Harmless to send again when no answer came or the server failed (5xx). */
  repeatable?: boolean;
  /** 429 is the answer, not a request to wait. */
  keep429?: boolean;
  /** For everything, retries included. 10 s when absent. */
  timeoutMs?: number;
}

export interface Answer {
  body: unknown;
  /** Date header. */
  date: string | undefined;
  /** This machine's wall clock, milliseconds since the epoch, when the answering attempt was sent. */
  sentWallMs: number;
}

export interface Api {
  /** JSON in, JSON out. Throws ApiError. */
  json(call: Call): Promise<Answer>;
  /** The body as it comes; resolves with the headers, within `timeoutMs`. Never sent twice. Throws ApiError. */
  stream(call: Call, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** Ends every request and connection. */
  close(): void;
}

/** `status` of the API, as far as it says why (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). */
const Refusal = z.object({
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z.object({ retryAfterSeconds: z.number().optional() }).optional(),
});

export function openApi(config: KubeConfig, server: string): Api {
  const closing = new AbortController();
  let pool: Dispatcher | undefined;

  /** Headers of these credentials now: a token may have been renewed. The connections are shared, the library would open new ones. */
  async function authenticate(url: string): Promise<{ headers: Record<string, string>; pool: Dispatcher }> {
    const context = new RequestContext(url, HttpMethod.GET);
    await config.applySecurityAuthentication(context);
    pool ??= context.getDispatcher() ?? new Agent();
    return { headers: context.getHeaders(), pool };
  }

  async function send(call: Call, signal: AbortSignal) {
    const url = new URL(server + call.path);
    for (const [key, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) url.searchParams.set(key, value);
    const { headers, pool: dispatcher } = await unlessAborted(authenticate(url.href), signal);
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    return await request(url, {
      dispatcher,
      method: call.method,
      headers: {
        accept: 'application/json, */*;q=0.8',
        'user-agent': 'proofload',
        ...headers,
        ...(body === null ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      },
      body,
      signal,
      // The caller's signal bounds both.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** One attempt. Throws Refused, or whatever the connection breaks with. */
  async function attempt(call: Call, signal: AbortSignal): Promise<Answer> {
    const sentWallMs = Date.now();
    const response = await send(call, signal);
    const text = await readText(call, response.body);
    const body: unknown = asJson(text);
    if (response.statusCode >= 300) throw refused(call, response.statusCode, body ?? text, response.headers);
    if (body === undefined) throw unusable(call, 'the answer is not JSON');
    return { body, date: single(response.headers.date), sentWallMs };
  }

  /** What the caller gets for it: without an answer (no connection, not in time) the status is 0. */
  function noAnswer(call: Call, error: unknown, timeoutMs: number, timeout: AbortSignal): unknown {
    if (error instanceof Refused) {
      // A renewed client certificate is only used by a new connection.
      if (error.api.status === 401) pool = undefined;
      return error.api;
    }
    if (closing.signal.aborted)
      return new ApiError(`${call.what}: the connection to ${server} was closed`, 0, 'Closed', error);
    if (timeout.aborted)
      return new ApiError(
        `${call.what}: no answer from ${server} within ${timeoutMs} ms`,
        0,
        'Timeout',
        error,
      );
    pool = undefined;
    return new ApiError(`${call.what}: no answer from ${server}: ${causeOf(error)}`, 0, 'NoAnswer', error);
  }

  return {
    async json(call) {
      const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = AbortSignal.any([timeout, closing.signal]);
      const untilMs = performance.now() + timeoutMs;
      for (let retry = 0; ; retry += 1) {
        try {
          return await attempt(call, signal);
        } catch (error) {
          const failure = noAnswer(call, error, timeoutMs, timeout);
          const waitMs = waitBefore(call, error, retry);
          if (signal.aborted || waitMs === null || performance.now() + waitMs >= untilMs) throw failure;
          await sleep(waitMs);
        }
      }
    },
    async stream(call, outer) {
      const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
      const timeout = new AbortController();
      const timer = setTimeout(() => timeout.abort(), timeoutMs);
      try {
        const response = await send(call, AbortSignal.any([timeout.signal, outer, closing.signal]));
        if (response.statusCode === 200) return response.body as AsyncIterable<Buffer>;
        const text = await readText(call, response.body);
        throw refused(call, response.statusCode, asJson(text) ?? text, response.headers);
      } catch (error) {
        if (outer.aborted) throw error;
        throw noAnswer(call, error, timeoutMs, timeout.signal);
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      closing.abort();
      void pool?.destroy().catch(() => undefined);
    },
  };
}

/** The server answered, and the answer is no use. */
class Refused extends Error {
  readonly api: ApiError;
  readonly retryAfterMs: number | undefined;
  constructor(api: ApiError, retryAfterMs: number | undefined) {
    super(api.message);
    this.api = api;
    this.retryAfterMs = retryAfterMs;
  }
}

function refused(call: Call, status: number, body: unknown, headers: Record<string, unknown>): Refused {
  const said = Refusal.safeParse(body).data ?? {};
  const reason = said.reason ?? REASONS[status] ?? 'Unknown';
  const message = oneLine(said.message ?? (typeof body === 'string' ? body : 'no reason given'));
  const retryAfterS = Number(headers['retry-after'] ?? said.details?.retryAfterSeconds ?? Number.NaN);
  return new Refused(
    new ApiError(`${call.what}: ${status} ${reason}: ${message}`, status, reason),
    Number.isFinite(retryAfterS) ? retryAfterS * 1_000 : undefined,
  );
}

function unusable(call: Call, why: string): Refused {
  return new Refused(new ApiError(`${call.what}: ${why}`, 0, 'Malformed'), undefined);
}

/** For an answer without a `status` object, e.g. of a proxy in between. */
const REASONS: Record<number, string> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** Null: not again. Doubling from 200 ms, each between half and whole, so that several clients do not come back at once. */
function waitBefore(call: Call, error: unknown, retry: number): number | null {
  if (retry >= MAX_RETRIES) return null;
  const backOffMs = FIRST_RETRY_MS * 2 ** retry * (0.5 + Math.random() / 2);
  if (!(error instanceof Refused)) return call.repeatable === true ? backOffMs : null;
  // A 429 was not carried out, so any verb may be sent again.
  if (error.api.status === 429) return call.keep429 === true ? null : (error.retryAfterMs ?? backOffMs);
  return error.api.status >= 500 && call.repeatable === true ? (error.retryAfterMs ?? backOffMs) : null;
}

async function readText(call: Call, body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw unusable(call, `the answer is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What was answered, once a schema has looked at it. Throws ApiError (status 0, Malformed). */
export function parsed<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const at = result.error.issues[0]?.path.join('.') ?? '';
  throw new ApiError(
    `${what}: the answer is not what it should be, at ${at || 'its top'}`,
    0,
    'Malformed',
    result.error,
  );
}

/** An exec plugin that hangs must not hang the request. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** `ECONNREFUSED`, `certificate has expired`; of several attempts (IPv6, IPv4) the first. */
export function causeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  if (!(error instanceof Error)) return oneLine(String(error));
  return oneLine(error.message === '' ? error.name : error.message);
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_MESSAGE_CHARS ? `${line.slice(0, MAX_MESSAGE_CHARS)}...` : line;
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
