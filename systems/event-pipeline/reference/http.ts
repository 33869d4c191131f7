/** The HTTP of the three programs: routes, bodies of limited size, whose answer it was, and the way from SIGTERM to the last answer. */
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from './settings.ts';

/** Longer than any client keeps an idle connection, so that the client is the one to close it. */
const KEEP_ALIVE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_BODY_BYTES = 512 * 1024;
const LOOK_EVERY_MS = 20;

export interface Answer {
  status: number;
  body: string;
  type?: string;
  retryAfterS?: number;
}

export interface Asked {
  body: Buffer;
  query: URLSearchParams;
}

/** By `METHOD /path`. */
export type Routes = Readonly<Record<string, (asked: Asked) => Answer | Promise<Answer>>>;

export interface HttpOptions {
  routes: Routes;
  settings: Settings;
  log(text: string): void;
  /** After each answer; `path` is one of the routes', or `other`. */
  onAnswered?(method: string, path: string, status: number, seconds: number): void;
}

export class HttpServer {
  readonly #server: http.Server;
  readonly #options: HttpOptions;
  readonly #paths: ReadonlySet<string>;
  #connections = 0;
  #draining = false;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#paths = new Set(Object.keys(options.routes).map((route) => route.slice(route.indexOf(' ') + 1)));
    this.#server = http.createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on('connection', (socket) => {
      this.#connections += 1;
      socket.on('close', () => (this.#connections -= 1));
    });
  }

  /** Rejects when the address cannot be had. */
  listen(): Promise<void> {
    const { host, port } = this.#options.settings;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, 1_024, () => {
        this.#options.log(`listening on ${host}:${port}`);
        resolve();
      });
    });
  }

  /**
   * Goes on serving while every response asks its client to come back on another connection, which leads to another pod; stops accepting
   * when no connection is left, but not at once, since others may not have heard yet, or after the time limit.
   */
  async drain(): Promise<void> {
    const { shutdownAtLeastMs, shutdownTimeoutMs } = this.#options.settings;
    const beganMs = performance.now();
    this.#draining = true;
    for (;;) {
      const passedMs = performance.now() - beganMs;
      if (passedMs >= shutdownTimeoutMs) break;
      if (passedMs >= shutdownAtLeastMs && this.#connections === 0) break;
      await sleep(LOOK_EVERY_MS);
    }
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve()); // closes idle connections and waits for the others' answers
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const beganMs = performance.now();
    const { method = '', url = '/' } = request;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const answer = await this.#answer(request, method, path, mark < 0 ? '' : url.slice(mark + 1));
    if (answer === null) return; // the client went away
    this.#respond(request, response, answer);
    const seconds = (performance.now() - beganMs) / 1_000;
    const known = this.#paths.has(path) ? path : 'other';
    this.#options.onAnswered?.(method, known, answer.status, seconds);
  }

  async #answer(
    request: IncomingMessage,
    method: string,
    path: string,
    query: string,
  ): Promise<Answer | null> {
    const route = this.#options.routes[`${method} ${path}`];
    if (route === undefined) return problem(404, `no ${method} ${path}`);
    try {
      const body = await readBody(request);
      if (body === null) return null;
      if (body === 'too large') return problem(400, `the body is larger than ${MAX_BODY_BYTES} bytes`);
      return await route({ body, query: new URLSearchParams(query) });
    } catch (error) {
      this.#options.log(`${method} ${path}: ${error instanceof Error ? error.stack : String(error)}`);
      return problem(500, 'internal error');
    }
  }

  #respond(request: IncomingMessage, response: ServerResponse, { status, body, type, retryAfterS }: Answer) {
    const headers = [
      'content-type',
      type ?? 'application/json',
      'content-length',
      String(Buffer.byteLength(body)),
      // No part of the guide's contract: whose answer it was.
      'x-served-by',
      this.#options.settings.podName,
    ];
    if (retryAfterS !== undefined) headers.push('retry-after', String(retryAfterS));
    // A body that was refused unread would have to be read before the next request: closing is cheaper.
    if (this.#draining || !request.complete) headers.push('connection', 'close');
    response.writeHead(status, headers); // one after the other costs more
    response.end(body);
  }
}

export function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value) };
}

export function problem(status: number, detail: string): Answer {
  return json(status, { detail });
}

function readBody(request: IncomingMessage): Promise<Buffer | 'too large' | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return Promise.resolve('too large');
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_BODY_BYTES) {
        chunks.length = 0;
        resolve('too large');
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks)));
    request.on('error', () => resolve(null));
    request.on('close', () => resolve(null));
  });
}
