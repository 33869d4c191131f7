/** For tests: an API server of one process on plain HTTP, that keeps objects, serves watches, and misbehaves on request. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import type { KubeObject, ObjectRef } from './cluster.ts';

/** What a request was, for a test to look at. */
export interface Seen {
  method: string;
  path: string;
  query: Record<string, string>;
  contentType: string | undefined;
  authorization: string | undefined;
  body: unknown;
}
/** Answers a request itself and returns true, or leaves it to the server. */
export type Intercept = (seen: Seen, response: ServerResponse) => boolean;

const KINDS: Record<string, { name: string; kind: string; namespaced: boolean }[]> = {
  v1: [
    { name: 'pods', kind: 'Pod', namespaced: true },
    { name: 'configmaps', kind: 'ConfigMap', namespaced: true },
    { name: 'nodes', kind: 'Node', namespaced: false },
  ],
  'apps/v1': [{ name: 'deployments', kind: 'Deployment', namespaced: true }],
  'chaos-mesh.org/v1alpha1': [{ name: 'networkchaos', kind: 'NetworkChaos', namespaced: true }],
};

interface WatchEvent {
  version: number;
  type: string;
  collection: string;
  object: KubeObject;
}

/** A refusal in the API's words. */
export function refuse(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  more: { details?: unknown; headers?: Record<string, string> } = {},
): true {
  response.writeHead(code, { 'content-type': 'application/json', ...more.headers });
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code };
  response.end(JSON.stringify({ ...status, details: more.details }));
  return true;
}

export async function startMockApi() {
  const requests: Seen[] = [];
  const objects = new Map<string, KubeObject>();
  const history: WatchEvent[] = [];
  const watches = new Set<{ response: ServerResponse; collection: string }>();
  const sockets = new Set<Socket>();
  const state: { intercept: Intercept | undefined; version: number; oldest: number } = {
    intercept: undefined,
    version: 100,
    oldest: 0,
  };
  const server = createServer((request, response) => void serve(request, response));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  function change(type: string, collection: string, object: KubeObject): KubeObject {
    state.version += 1;
    const key = `${collection}/${object.metadata.name}`;
    const uid = objects.get(key)?.metadata.uid ?? `uid-${state.version}`;
    const metadata = { ...object.metadata, uid, resourceVersion: `${state.version}` };
    const stored: KubeObject = { ...object, metadata };
    if (type === 'DELETED') objects.delete(key);
    else objects.set(key, stored);
    const event = { version: state.version, type, collection, object: stored };
    history.push(event);
    for (const one of watches) if (covers(one.collection, collection)) send(one.response, event);
    return stored;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://mock');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const seen: Seen = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      contentType: request.headers['content-type'],
      authorization: request.headers.authorization,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    requests.push(seen);
    if (state.intercept?.(seen, response) === true) return;
    answer(seen, response);
  }

  function answer(seen: Seen, response: ServerResponse): void {
    const json = (body: unknown, code = 200) => {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (seen.path === '/version') return json({ gitVersion: 'v1.35.8' });
    if (seen.path === '/apis') {
      const groups = Object.keys(KINDS).filter((groupVersion) => groupVersion !== 'v1');
      return json({
        groups: groups.map((groupVersion) => ({
          name: groupVersion.split('/')[0],
          preferredVersion: { groupVersion },
          versions: [{ groupVersion }],
        })),
      });
    }
    const [, prefix = '', names = ''] =
      /^\/((?:api\/v1)|(?:apis\/[^/]+\/[^/]+))(?:\/(.*))?$/.exec(seen.path) ?? [];
    const apiVersion = prefix.replace(/^apis?\//, '');
    const kinds = KINDS[apiVersion];
    if (kinds === undefined) return void refuse(response, 404, 'NotFound', 'no such path');
    if (names === '') {
      const verbs = ['create', 'delete', 'get', 'list', 'patch', 'watch'];
      const status = {
        name: `${kinds[0]?.name}/status`,
        kind: kinds[0]?.kind,
        namespaced: true,
        verbs: ['get'],
      };
      return json({ resources: [...kinds.map((kind) => ({ ...kind, verbs })), status] });
    }
    const parts = names.split('/');
    const inside = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2).join('/') : undefined;
    const [resource = '', name, subresource] = parts;
    const kind = kinds.find((one) => one.name === resource)?.kind ?? '';
    const collection = [prefix, inside, resource].filter((part) => part !== undefined).join('/');
    const body = seen.body as KubeObject;
    if (name === undefined && seen.method === 'POST') {
      if (objects.has(`${collection}/${body.metadata.name}`))
        return void refuse(response, 409, 'AlreadyExists', `${resource} already exists`);
      return json(change('ADDED', collection, body), 201);
    }
    if (name === undefined && seen.query['watch'] === 'true') return watch(seen, collection, response);
    if (name === undefined) {
      const items = [...objects]
        .filter(([key]) => covers(collection, key.slice(0, key.lastIndexOf('/'))))
        .map(([, { apiVersion: _v, kind: _k, ...item }]) => item);
      const from = Number(seen.query['continue'] ?? 0);
      const to = from + Number(seen.query['limit'] ?? items.length);
      return json({
        kind: `${kind}List`,
        metadata: { resourceVersion: `${state.version}`, continue: to < items.length ? `${to}` : '' },
        items: items.slice(from, to),
      });
    }
    const before = objects.get(`${collection}/${name}`);
    if (seen.method === 'PATCH' && seen.contentType === 'application/apply-patch+yaml') {
      if (seen.query['dryRun'] === 'All') return json(body);
      return json(change(before === undefined ? 'ADDED' : 'MODIFIED', collection, body));
    }
    if (before === undefined)
      return void refuse(response, 404, 'NotFound', `${resource} "${name}" not found`);
    if (seen.method === 'GET') return json(before);
    if (seen.method === 'PATCH')
      return json(change('MODIFIED', collection, merged(before, seen.body) as KubeObject));
    if (seen.method === 'DELETE') return json(change('DELETED', collection, before));
    if (subresource === 'eviction') {
      change('DELETED', collection, before);
      return json({ kind: 'Status', status: 'Success' }, 201);
    }
    refuse(response, 405, 'MethodNotAllowed', 'not supported');
  }

  function watch(seen: Seen, collection: string, response: ServerResponse): void {
    const from = Number(seen.query['resourceVersion']);
    if (from < state.oldest)
      return void refuse(response, 410, 'Expired', `too old resource version: ${from} (${state.oldest})`);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const entry = { response, collection };
    watches.add(entry);
    response.on('close', () => watches.delete(entry));
    for (const event of history)
      if (event.version > from && covers(collection, event.collection)) send(response, event);
  }

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    state,
    watches,
    /** Writes a kubeconfig for this server; its path. */
    kubeconfig(dir: string, context = 'mock'): string {
      const file = path.join(dir, `${context}.kubeconfig`);
      const clusters = [
        {
          name: context,
          cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true },
        },
      ];
      const users = [{ name: context, user: { token: 'not-a-secret' } }];
      const contexts = [{ name: context, context: { cluster: context, user: context } }];
      // JSON is YAML.
      writeFileSync(file, JSON.stringify({ clusters, users, contexts, 'current-context': context }));
      return file;
    },
    put(object: KubeObject): KubeObject {
      const collection = collectionOf(object.metadata.namespace, object);
      const had = objects.has(`${collection}/${object.metadata.name}`);
      return change(had ? 'MODIFIED' : 'ADDED', collection, object);
    },
    drop(ref: ObjectRef): void {
      const collection = collectionOf(ref.namespace, ref);
      const before = objects.get(`${collection}/${ref.name}`);
      if (before !== undefined) change('DELETED', collection, before);
    },
    bookmark(): void {
      const metadata = { resourceVersion: `${state.version}` };
      for (const { response } of watches) send(response, { type: 'BOOKMARK', object: { metadata } });
    },
    /** Ends all watches: as a server does, by cutting the connection, or with an event that says why. */
    endWatches(how: 'close' | 'cut' | { code: number; reason: string }): void {
      for (const { response } of watches) {
        if (how === 'cut') response.destroy();
        else {
          if (how !== 'close') send(response, { type: 'ERROR', object: { ...how, message: how.reason } });
          response.end();
        }
      }
      watches.clear();
    },
    /** Changes that open watches are not told of. */
    unseen(changes: () => void): void {
      const open = [...watches];
      watches.clear();
      changes();
      for (const one of open) watches.add(one);
    },
    /** Versions up to now are forgotten: a watch from one of them gets 410. */
    compact(): void {
      state.oldest = state.version + 1;
      state.version += 1;
      history.length = 0;
    },
    /** Nobody listens any more, and every connection is cut. */
    async down(): Promise<void> {
      watches.clear();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async up(): Promise<void> {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
}
export type MockApi = Awaited<ReturnType<typeof startMockApi>>;

function send(response: ServerResponse, { type, object }: { type: string; object: unknown }): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

function collectionOf(namespace: string | undefined, ref: { apiVersion: string; kind: string }): string {
  const name = KINDS[ref.apiVersion]?.find(({ kind }) => kind === ref.kind)?.name;
  if (name === undefined) throw new Error(`the mock does not serve ${ref.apiVersion} ${ref.kind}`);
  const prefix = ref.apiVersion.includes('/') ? `apis/${ref.apiVersion}` : `api/${ref.apiVersion}`;
  return [prefix, namespace === undefined ? undefined : `namespaces/${namespace}`, name]
    .filter((part) => part !== undefined)
    .join('/');
}

/** Whether a collection, of one namespace or of all, holds what is in `other`. */
function covers(collection: string, other: string): boolean {
  return collection === other || collection === other.replace(/\/namespaces\/[^/]+/, '');
}

/** RFC 7386 */
function merged(target: unknown, patch: unknown): unknown {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}
