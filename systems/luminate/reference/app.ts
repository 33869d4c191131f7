/** The HTTP API: who may ask what, and which answer it gets. */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readToken } from '../token.ts';
import type { Claims } from '../token.ts';
import { readBody } from './body.ts';
import type { Config } from './config.ts';
import type { Row } from './database.ts';
import { databaseAt } from './databases.ts';
import { TenantLimit } from './limits.ts';
import { createMetrics } from './metrics.ts';
import { countOf, readQuery } from './query.ts';
import { Store } from './store.ts';
import { checkBatch } from './validate.ts';
import type { CheckedBatch } from './validate.ts';
import { createWriter } from './writer.ts';

/** Defect ready-too-early: from its start. */
const EARLY_S = 6;

/** Longer than any client keeps an idle connection, so that the client is the one to close it. */
const KEEP_ALIVE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_QUERIES = 10;
const MAX_KNOWN_TOKENS = 1_000;

export interface App {
  server: http.Server;
  /** From now on every response closes its connection. */
  startDraining(): void;
  openConnections(): number;
  /** Connections that are open stay so. For a defect, like the next one. */
  stopListening(): void;
  stopAnswering(): void;
  /** Everything acknowledged is stored, or given up by a defect; then the store's connections are closed. */
  close(): Promise<void>;
}

interface Answer {
  status: number;
  body: string;
  type?: string;
}

/** Builds the server; it does not listen yet, but looks for its store at once. */
export function createApp(config: Config, log: (text: string) => void): App {
  const database = databaseAt({
    url: config.storeUrl,
    timeoutMs: config.storeTimeoutMs,
    bodyKeepMs: config.bodyKeepMs,
  });
  const store = new Store(database, log);
  const writer = createWriter(store, config.defect);
  const metrics = createMetrics(config.defect);
  const limit = new TenantLimit(config.tenantMetricsPerS);
  const known = new Map<string, Claims>();
  const bootId = randomUUID();
  let served = 0;
  let queries = 0;
  let draining = false;
  let deaf = false;
  let sawStore = false;

  const authorize = (request: IncomingMessage, scope: string): Claims | Answer => {
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const claims = known.get(token) ?? readToken(config.jwtSecret, token);
    if (claims === null || claims.exp * 1_000 <= Date.now())
      return problem(401, 'a valid bearer token is required');
    if (known.size >= MAX_KNOWN_TOKENS) known.clear();
    known.set(token, claims); // a signature costs more than the rest of the check
    return claims.scopes.includes(scope) ? claims : problem(403, `the token lacks the scope "${scope}"`);
  };

  const rowOf = ({ identity, runId, metrics: taken }: CheckedBatch, body: Buffer): Row => ({
    ...(identity ?? { runner: bootId, vu: 0, n: (served += 1) }),
    runId,
    attempt: 0,
    points: taken.length,
    metrics: taken,
    body,
  });

  const write = async (request: IncomingMessage): Promise<Answer | null> => {
    const claims = authorize(request, 'write');
    if ('status' in claims) return claims;
    const body = await readBody(request);
    if (body === null) return null;
    if (config.defect === 'ready-too-early' && process.uptime() < EARLY_S) return problem(503, 'not yet');
    if (!Buffer.isBuffer(body)) return problem(body.status, body.error);
    const batch = checkBatch(parse(body), Date.now());
    if (typeof batch === 'string') return problem(400, batch);
    const rejected = batch.errors.length;
    if (batch.accepted === 0) return json(400, { accepted: 0, rejected, errors: batch.errors });
    if (!limit.admits(claims.tenant_id, batch.accepted, performance.now())) {
      metrics.limited.inc();
      return problem(429, `more than ${config.tenantMetricsPerS} metrics/s for this tenant`);
    }
    const result = await writer.write(rowOf(batch, body));
    if (result === 'unavailable') return problem(503, 'the store is not available');
    if (result === 'busy') return problem(429, 'too many writes are waiting');
    if (result === 'failed') return problem(500, 'internal error');
    if (rejected > 0) return json(207, { accepted: batch.accepted, rejected, errors: batch.errors });
    return { status: 200, body: `{"accepted":${batch.accepted},"rejected":0,"errors":[]}` };
  };

  const query = async (request: IncomingMessage): Promise<Answer | null> => {
    const claims = authorize(request, 'read');
    if ('status' in claims) return claims;
    const body = await readBody(request);
    if (body === null) return null;
    if (!Buffer.isBuffer(body)) return problem(body.status, body.error);
    const wanted = readQuery(parse(body));
    if (typeof wanted === 'string') return problem(400, wanted);
    if (queries >= MAX_QUERIES) {
      metrics.limited.inc();
      return problem(429, `more than ${MAX_QUERIES} queries at once`);
    }
    queries += 1;
    const end = metrics.queryLatency.startTimer();
    try {
      return json(200, await countOf(wanted.runId, database));
    } catch (error) {
      return problem(503, `the store did not answer: ${error instanceof Error ? error.message : 'unknown'}`);
    } finally {
      end();
      queries -= 1;
    }
  };

  const health = (): Answer => {
    sawStore ||= store.available;
    const healthy = store.available || (config.defect === 'ready-without-store' && sawStore);
    return json(healthy ? 200 : 503, {
      status: healthy ? 'healthy' : 'unhealthy',
      version: 'reference',
      uptimeSeconds: Math.round(process.uptime()),
      storage: { backend: database.kind, status: healthy ? 'up' : 'down' },
    });
  };

  const answer = async (request: IncomingMessage): Promise<Answer | null> => {
    const route = `${request.method} ${request.url?.split('?', 1)[0]}`;
    if (route === 'POST /api/v1/write') {
      const result = await write(request);
      if (result !== null) metrics.writes.inc({ status: result.status });
      return result;
    }
    if (route === 'POST /api/v1/query') {
      const result = await query(request);
      if (result !== null) metrics.queries.inc({ status: result.status });
      return result;
    }
    if (route === 'GET /api/v1/health') return health();
    if (route === 'GET /metrics')
      return { status: 200, body: await metrics.registry.metrics(), type: metrics.registry.contentType };
    return problem(404, `no ${route}`);
  };

  const respond = (request: IncomingMessage, response: ServerResponse, { status, body, type }: Answer) => {
    response.statusCode = status;
    response.setHeader('content-type', type ?? 'application/json');
    response.setHeader('content-length', Buffer.byteLength(body));
    // No part of the guide's contract: whose answer it was.
    if (config.podName !== undefined) response.setHeader('x-served-by', config.podName);
    // A body that was refused unread would have to be read before the next request: closing is cheaper.
    if (draining || !request.complete) response.setHeader('connection', 'close');
    response.end(body);
  };

  const server = http.createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      if (deaf) return;
      answer(request).then(
        (result) => result && respond(request, response, result),
        (error: unknown) => {
          log(`${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}`);
          respond(request, response, problem(500, 'internal error'));
        },
      );
    },
  );
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', () => (connections -= 1));
  });

  return {
    server,
    startDraining() {
      draining = config.defect !== 'never-closes-keep-alive';
      writer.terminate();
    },
    openConnections: () => connections,
    // http.Server's own close would close idle connections, too.
    stopListening: () => void net.Server.prototype.close.call(server),
    stopAnswering() {
      deaf = true;
    },
    async close() {
      await writer.settled();
      store.close();
    },
  };
}

function json(status: number, value: unknown): Answer {
  return { status, body: JSON.stringify(value) };
}

function problem(status: number, error: string): Answer {
  return json(status, { error });
}

/** Undefined for what is no JSON. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
