/** The HTTP API: which request goes where, who may ask, and which answer it gets. */
import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Engine } from './engine.ts';
import type { Change, FlowRow, Flows } from './flows.ts';
import { enter } from './graph.ts';
import { TooBusy } from './group-commit.ts';
import { healthAnswer, type HealthOptions } from './health.ts';
import { cancelInstance, listInstances, readInstance } from './instances.ts';
import { hashOf } from './recovery.ts';
import {
  type Answer,
  json,
  NewEvent,
  NewFlow,
  NewJourney,
  NewVersion,
  problem,
  read,
  Refused,
} from './requests.ts';

/** Longer than any client keeps an idle connection, so that the client is the one to close it. */
const KEEP_ALIVE_MS = 120_000;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_KNOWN_KEYS = 1_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface AppOptions extends HealthOptions {
  flows: Flows;
  engine: Engine;
  podName: string;
  log(text: string): void;
}

export interface App {
  server: http.Server;
  /** From now on every response closes its connection. */
  startDraining(): void;
  openConnections(): number;
}

/** Builds the server; it does not listen yet. */
export function createApp(options: AppOptions): App {
  const { pool, flows, engine, metrics, podName } = options;
  const tenants = new Map<string, string>();
  let draining = false;
  let connections = 0;

  const tenantOf = async ({ headers }: IncomingMessage): Promise<string> => {
    const key = /^Bearer (\S{1,500})$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const known = tenants.get(key);
    if (known !== undefined) return known;
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM tenants WHERE api_key_hash = $1', [
      hashOf(key),
    ]);
    const id = rows[0]?.id;
    if (id === undefined) throw new Refused(problem(401, 'invalid_api_key'));
    if (tenants.size >= MAX_KNOWN_KEYS) tenants.clear();
    tenants.set(key, id);
    return id;
  };
  const flowOf = async (tenantId: string, id: string, fresh = false): Promise<FlowRow> => {
    const flow = UUID.test(id) ? await flows.find(tenantId, id, fresh) : null;
    if (flow === null) throw new Refused(problem(404, 'not_found'));
    return flow;
  };

  const trigger = async (request: IncomingMessage, tenantId: string, flowId: string): Promise<Answer> => {
    const { customer_id: customerId, context } = await read(request, NewJourney, 400);
    // Twice, since what is remembered of the flow may be a second old; the insert says so.
    for (const fresh of [false, true]) {
      const { status, active_version_id: versionId } = await flowOf(tenantId, flowId, fresh);
      if (status !== 'active') throw new Refused(problem(422, 'flow_not_active'));
      if (versionId === null) throw new Refused(problem(422, 'no_active_version'));
      const start = enter(await flows.graph(versionId));
      const id = randomUUID();
      const result = await engine.trigger({ id, tenantId, flowId, versionId, customerId, context, start });
      if (result === 'already_in_flow') return problem(409, result);
      if (result === 'stale') continue;
      metrics.starts.inc();
      return { status: 201, body: `{"instance_id":"${id}"}` };
    }
    return problem(422, 'flow_not_active');
  };

  const sendEvent = async (request: IncomingMessage, tenantId: string): Promise<Answer> => {
    const { customer_id: customerId, event_type: eventType, data } = await read(request, NewEvent, 400);
    const end = metrics.dispatchMs.startTimer();
    const routed = await engine.send({ tenantId, customerId, eventType, data });
    end();
    metrics.events.inc();
    metrics.completions.inc(routed);
    return json(202, { routed });
  };

  const changeFlow = async (tenantId: string, flowId: string, change: Change): Promise<Answer> => {
    const changed = await flows.change(await flowOf(tenantId, flowId, true), change);
    return Array.isArray(changed) ? json(422, { errors: changed }) : json(200, { data: changed });
  };

  const flowRequest = async (
    request: IncomingMessage,
    tenantId: string,
    flowId: string,
    what: string,
  ): Promise<Answer> => {
    if (what === 'trigger') return trigger(request, tenantId, flowId);
    if (what === 'activate' || what === 'pause' || what === 'archive')
      return changeFlow(tenantId, flowId, what);
    if (what !== 'versions') return problem(404, 'not_found');
    const { graph, changelog } = await read(request, NewVersion, 422);
    const flow = await flowOf(tenantId, flowId, true);
    return json(201, { data: await flows.addVersion(flow.id, graph, changelog ?? null) });
  };

  const instanceRequest = async (
    method: string,
    tenantId: string,
    id: string,
    what: string,
  ): Promise<Answer> => {
    const found = UUID.test(id) ? await readInstance(pool, tenantId, id) : null;
    if (found === null) return problem(404, 'not_found');
    if (method === 'GET') return what === 'timeline' ? json(200, { steps: found.steps }) : json(200, found);
    if (what !== 'cancel') return problem(404, 'not_found');
    return (await cancelInstance(pool, tenantId, id))
      ? json(200, { data: { id } })
      : problem(409, 'not_cancellable');
  };

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const { method = '', url = '' } = request;
    const [path = '', query = ''] = url.split('?', 2);
    if (method === 'GET' && path === '/health/drain') {
      // Not yet unready: whoever has not heard of it still sends requests here, and they are served; their connections lead elsewhere.
      draining = true;
      return json(200, { status: 'draining' });
    }
    const health = method === 'GET' ? await healthAnswer(path, options) : null;
    if (health !== null) return health;
    const [, root, version, kind, id, what = '', ...rest] = path.split('/');
    if (root !== 'api' || version !== 'v1' || rest.length > 0) return problem(404, 'not_found');
    const tenantId = await tenantOf(request);
    if (kind === 'events' && method === 'POST' && id === undefined) return sendEvent(request, tenantId);
    if (kind === 'flows' && method === 'POST' && id === undefined) {
      const { name, description } = await read(request, NewFlow, 422);
      return json(201, { data: await flows.create(tenantId, name, description ?? null) });
    }
    if (kind === 'flows' && id !== undefined && method === 'POST')
      return flowRequest(request, tenantId, id, what);
    if (kind === 'flows' && id !== undefined && method === 'GET' && what === 'instances') {
      const asked = new URLSearchParams(query);
      const flow = await flowOf(tenantId, id);
      return json(200, {
        data: await listInstances(pool, flow.id, {
          status: asked.get('status'),
          customerId: asked.get('customer_id'),
        }),
      });
    }
    if (kind === 'instances' && id !== undefined) return instanceRequest(method, tenantId, id, what);
    return problem(404, 'not_found');
  };

  const respond = (request: IncomingMessage, response: ServerResponse, { status, body, type }: Answer) => {
    response.statusCode = status;
    response.setHeader('content-type', type ?? 'application/json');
    response.setHeader('content-length', Buffer.byteLength(body));
    // No part of the contract: whose answer it was.
    response.setHeader('x-served-by', podName);
    // A body that was refused unread would have to be read before the next request: closing is cheaper.
    if (draining || !request.complete) response.setHeader('connection', 'close');
    response.end(body);
  };
  const answerTo = (error: unknown, { method, url }: IncomingMessage): Answer => {
    if (error instanceof Refused) return error.answer;
    if (error instanceof TooBusy) return problem(429, error.message);
    options.log(`${method} ${url}: ${error instanceof Error ? error.message : String(error)}`);
    // The contract's answer when the store fails: whether it happened is not known.
    return problem(url?.startsWith('/health') ? 503 : 500, 'the store did not answer');
  };

  const server = http.createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      const end = metrics.requestMs.startTimer();
      const finish = (result: Answer) => {
        respond(request, response, result);
        end({ path: routeOf(request.url ?? '') });
      };
      answer(request).then(finish, (error: unknown) => finish(answerTo(error, request)));
    },
  );
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', () => (connections -= 1));
  });
  return {
    server,
    startDraining: () => (draining = true),
    openConnections: () => connections,
  };
}

/** The path without what differs from request to request, and nothing that a client makes up. */
function routeOf(url: string): string {
  const [path = ''] = url.split('?', 1);
  const [, root, , kind = '', , what = ''] = path.split('/');
  if (root !== 'api') return /^\/(?:health(?:\/[a-z]+)?|metrics)$/.test(path) ? path : 'other';
  const known = ['flows', 'events', 'instances', 'health'].includes(kind);
  return known && /^[a-z]*$/.test(what) ? `/${kind}/${what}` : 'other';
}
