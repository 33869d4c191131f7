import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UsageError } from '../../record/model.ts';
import { clockOffset, connectCluster } from './client.ts';
import type { Cluster } from './cluster.ts';
import { openApi } from './client-request.ts';
import { findCredentials } from './client-config.ts';
import { refuse, startMockApi } from './mock-api.ts';
import type { MockApi } from './mock-api.ts';

const POD = { apiVersion: 'v1', kind: 'Pod' };
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'luminate', namespace: 'luminate' };

let dir: string;
let mock: MockApi;
let cluster: Cluster;

beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-client-'));
  mock = await startMockApi();
  cluster = await connectCluster({ kubeconfig: mock.kubeconfig(dir) });
});
afterEach(async () => {
  cluster.close();
  await mock.down();
  rmSync(dir, { recursive: true, force: true });
});

const last = () => mock.requests.at(-1);
const asked = (part: string) => mock.requests.filter((seen) => seen.path.includes(part));

test('knows where it is, and uses the credentials of the kubeconfig', async () => {
  expect(cluster).toMatchObject({
    context: 'mock',
    server: mock.url,
    kubeconfig: path.join(dir, 'mock.kubeconfig'),
  });
  expect(await cluster.version()).toBe('v1.35.8');
  expect(last()?.authorization).toBe('Bearer not-a-secret');
});

test('get gives what the server said, every field and times as text, and null for what is not there', async () => {
  const created = '2026-01-31T10:00:00Z';
  mock.put({
    ...POD,
    metadata: { name: 'a', namespace: 'shop', creationTimestamp: created },
    spec: { fieldOfTheFuture: 1 },
  });
  const pod = await cluster.get({ ...POD, name: 'a', namespace: 'shop' });
  expect(pod).toMatchObject({ metadata: { creationTimestamp: created }, spec: { fieldOfTheFuture: 1 } });
  expect(await cluster.get({ ...POD, name: 'b', namespace: 'shop' })).toBeNull();
});

test('a name stays one part of the path, and an object of a namespace needs one', async () => {
  expect(await cluster.get({ ...POD, name: '../../nodes', namespace: 'shop' })).toBeNull();
  expect(last()?.path).toBe('/api/v1/namespaces/shop/pods/..%2F..%2Fnodes');
  await expect(cluster.remove({ ...POD, name: 'a' })).rejects.toThrow(
    'delete v1 Pod a: a Pod is in a namespace, and none is named',
  );
  await expect(cluster.remove({ ...POD, name: '', namespace: 'shop' })).rejects.toThrow('no name');
});

test('lists go over all pages, with kind in every item, and begin again when a page has expired', async () => {
  for (let i = 0; i < 501; i += 1) mock.put({ ...POD, metadata: { name: `p${i}`, namespace: 'shop' } });
  let expired = 0;
  mock.state.intercept = ({ query }, response) =>
    query['continue'] === '500' && (expired += 1) === 1 && refuse(response, 410, 'Expired', 'too old');
  const pods = await cluster.list(POD, { namespace: 'shop', labelSelector: 'app=x' });
  expect(pods).toHaveLength(501);
  expect(pods[500]).toMatchObject(POD);
  expect(asked('/pods')).toHaveLength(4);
  expect(last()?.query).toMatchObject({ labelSelector: 'app=x', limit: '500', continue: '500' });
  expect(await cluster.list(POD, { namespace: 'empty' })).toEqual([]);
  expect(await cluster.list(POD)).toHaveLength(501);
  expect(last()?.path).toBe('/api/v1/pods');
});

test('apply is a server-side apply of our field manager, forced; as a dry run it changes nothing', async () => {
  const chaos = {
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind: 'NetworkChaos',
    metadata: { name: 'cut', namespace: 'shop' },
    spec: { action: 'partition' },
  };
  await cluster.apply(chaos, { dryRun: true });
  expect(last()).toMatchObject({
    method: 'PATCH',
    path: '/apis/chaos-mesh.org/v1alpha1/namespaces/shop/networkchaos/cut',
    query: { fieldManager: 'proofload', force: 'true', dryRun: 'All' },
    contentType: 'application/apply-patch+yaml',
    body: chaos,
  });
  const ref = { apiVersion: chaos.apiVersion, kind: chaos.kind, ...chaos.metadata };
  expect(await cluster.get(ref)).toBeNull();
  await cluster.apply(chaos);
  expect(last()?.query).toEqual({ fieldManager: 'proofload', force: 'true' });
  expect(await cluster.get(ref)).toMatchObject({ spec: { action: 'partition' } });
});

test('create goes to the collection, and says when it is there already', async () => {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 'shop' } };
  expect(await cluster.create(map)).toMatchObject(map);
  expect(last()).toMatchObject({ method: 'POST', path: '/api/v1/namespaces/shop/configmaps' });
  await expect(cluster.create(map)).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
});

test('patch is a JSON merge patch, also of a subresource; null removes', async () => {
  mock.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: { unschedulable: true } });
  const node = { apiVersion: 'v1', kind: 'Node', name: 'n' };
  const patched = await cluster.patch(node, { spec: { unschedulable: null } });
  expect(last()?.contentType).toBe('application/merge-patch+json');
  expect(patched['spec']).toEqual({});
  mock.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'luminate', namespace: 'luminate' },
  });
  expect(await cluster.patch(DEPLOYMENT, { spec: { replicas: 0 } }, 'scale')).toMatchObject({
    kind: 'Scale',
  });
  expect(last()?.path).toBe('/apis/apps/v1/namespaces/luminate/deployments/luminate/scale');
});

test('a refusal is one line with verb, object and reason, and is not repeated', async () => {
  mock.state.intercept = ({ method }, response) =>
    method === 'PATCH' && refuse(response, 403, 'Forbidden', 'deployments.apps is\n  forbidden');
  await expect(cluster.patch(DEPLOYMENT, {})).rejects.toMatchObject({
    name: 'ApiError',
    status: 403,
    reason: 'Forbidden',
    message: 'patch apps/v1 Deployment luminate/luminate: 403 Forbidden: deployments.apps is forbidden',
  });
  expect(mock.requests.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  mock.state.intercept = (_seen, response) => {
    response.writeHead(502).end('<html>bad gateway</html>');
    return true;
  };
  await expect(cluster.patch(DEPLOYMENT, {})).rejects.toThrow(
    'patch apps/v1 Deployment luminate/luminate: 502 Unknown: <html>bad gateway</html>',
  );
});

test('a kind that is not served is said so, until it is', async () => {
  const ref = { apiVersion: 'example.com/v1', kind: 'Thing', name: 'x' };
  expect(await cluster.serves(ref)).toBe(false);
  expect(await cluster.serves(POD)).toBe(true);
  expect(await cluster.serves({ ...POD, kind: 'Pot' })).toBe(false);
  await expect(cluster.get(ref)).rejects.toMatchObject({
    reason: 'KindNotServed',
    message: 'get example.com/v1 Thing x: the cluster does not serve example.com/v1 Thing',
  });
  expect(await cluster.remove(ref)).toBe('absent');
  mock.state.intercept = ({ path: asks }, response) => {
    if (asks !== '/apis/example.com/v1') return false;
    response.end(
      JSON.stringify({ resources: [{ name: 'things', kind: 'Thing', namespaced: false, verbs: [] }] }),
    );
    return true;
  };
  expect(await cluster.serves(ref)).toBe(true);
});

test('remove: accepted, absent, with grace and only for the uid it was meant for', async () => {
  const { metadata } = mock.put({ ...POD, metadata: { name: 'a', namespace: 'shop' } });
  const uid = metadata.uid ?? '';
  const ref = { ...POD, name: 'a', namespace: 'shop' };
  expect(await cluster.remove(ref, { graceSeconds: 0, uid })).toBe('accepted');
  expect(last()?.body).toMatchObject({
    propagationPolicy: 'Background',
    gracePeriodSeconds: 0,
    preconditions: { uid },
  });
  expect(await cluster.remove(ref)).toBe('absent');
});

test('an eviction that a disruption budget refuses is an answer, given at once', async () => {
  mock.put({ ...POD, metadata: { name: 'a', namespace: 'shop' } });
  const words = "Cannot evict pod as it would violate the pod's disruption budget.";
  mock.state.intercept = ({ path: asks }, response) =>
    asks.endsWith('/eviction') &&
    refuse(response, 429, 'TooManyRequests', words, { details: { retryAfterSeconds: 10 } });
  expect(await cluster.evict('shop', 'a')).toEqual({
    result: 'refused',
    message: `evict v1 Pod shop/a: 429 TooManyRequests: ${words}`,
  });
  expect(asked('/eviction')).toHaveLength(1);
  expect(last()?.body).toMatchObject({ apiVersion: 'policy/v1', kind: 'Eviction' });
  mock.state.intercept = undefined;
  expect((await cluster.evict('shop', 'a')).result).toBe('accepted');
  expect((await cluster.evict('shop', 'a')).result).toBe('absent');
});

test('reads are sent again after 5xx, a cut connection and 429; changes only after 429', async () => {
  mock.put({ ...POD, metadata: { name: 'a', namespace: 'shop' } });
  const ref = { ...POD, name: 'a', namespace: 'shop' };
  await cluster.serves(POD);
  const answers = ['error', 'cut', 'later'];
  mock.state.intercept = (_seen, response) => {
    const answer = answers.shift();
    if (answer === 'error') return refuse(response, 500, 'InternalError', 'etcd');
    if (answer === 'cut') response.destroy();
    if (answer === 'later')
      return refuse(response, 429, 'TooManyRequests', 'later', { headers: { 'retry-after': '0' } });
    return answer === 'cut';
  };
  expect(await cluster.get(ref)).toMatchObject(POD);
  answers.push('later');
  await cluster.patch(ref, {});
  answers.push('error');
  await expect(cluster.patch(ref, {})).rejects.toMatchObject({ status: 500 });
  answers.push('cut');
  await expect(cluster.patch(ref, {})).rejects.toMatchObject({ status: 0, reason: 'NoAnswer' });
  expect(answers).toEqual([]);
});

test('a server that does not answer is left after the time of the call', async () => {
  const { config, server } = findCredentials({ kubeconfig: mock.kubeconfig(dir) }, {});
  const api = openApi(config, server);
  mock.state.intercept = () => true;
  await expect(
    api.json({ what: 'get x', method: 'GET', path: '/version', repeatable: true, timeoutMs: 60 }),
  ).rejects.toMatchObject({ message: `get x: no answer from ${server} within 60 ms`, reason: 'Timeout' });
  const hanging = api.json({ what: 'get x', method: 'GET', path: '/version', repeatable: true });
  await vi.waitFor(() => expect(asked('/version').length).toBe(3));
  api.close();
  await expect(hanging).rejects.toMatchObject({ reason: 'Closed' });
});

test('an answer that is not what it should be is an error, not a crash later', async () => {
  await cluster.serves(POD);
  for (const [body, why] of [
    ['no JSON', 'the answer is not JSON'],
    ['{"items":[{"spec":1}],"metadata":{}}', 'the answer is not what it should be, at metadata'],
    ['{"items":{}}', 'the answer is not what it should be, at metadata'],
  ] as const) {
    mock.state.intercept = (_seen, response) => {
      response.end(body);
      return true;
    };
    await expect(cluster.list(POD, { namespace: 'shop' })).rejects.toThrow(`list v1 Pod shop: ${why}`);
  }
});

test('may asks the server about these credentials', async () => {
  mock.state.intercept = ({ path: asks, body }, response) => {
    if (!asks.endsWith('/selfsubjectaccessreviews')) return false;
    const allowed = JSON.stringify(body).includes('"verb":"get"');
    response.end(JSON.stringify({ status: { allowed } }));
    return true;
  };
  const access = { group: 'apps', resource: 'deployments', subresource: 'scale', namespace: 'shop' };
  expect(await cluster.may({ verb: 'get', ...access })).toBe(true);
  expect(last()?.body).toMatchObject({ spec: { resourceAttributes: { verb: 'get', ...access } } });
  expect(await cluster.may({ verb: 'patch', ...access })).toBe(false);
});

test('deletable kinds, without subresources; a group that does not answer is named', async () => {
  mock.state.intercept = ({ path: asks }, response) =>
    asks === '/apis/chaos-mesh.org/v1alpha1' &&
    refuse(response, 503, 'ServiceUnavailable', 'no endpoints', { headers: { 'retry-after': '0' } });
  const { kinds, unknown } = await cluster.deletableKinds();
  expect(kinds.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`)).toEqual([
    'v1 Pod',
    'v1 ConfigMap',
    'v1 Node',
    'apps/v1 Deployment',
  ]);
  expect(kinds[2]).toMatchObject({ namespaced: false });
  expect(unknown).toEqual(['chaos-mesh.org/v1alpha1']);
});

test('the offset of the clock lies within its bound, whatever the fraction of the second', async () => {
  for (const trueOffsetMs of [-5_000, 0, 999, 86_400_000]) {
    const { offsetMs, boundMs } = await clockOffset(() => {
      const serverMs = Date.now() + trueOffsetMs;
      const date = new Date(Math.floor(serverMs / 1_000) * 1_000).toUTCString();
      return Promise.resolve({ body: {}, date, sentWallMs: Date.now() });
    });
    expect(Math.abs(offsetMs - trueOffsetMs)).toBeLessThanOrEqual(boundMs + 5);
    expect(boundMs).toBeLessThanOrEqual(1_000);
  }
  await expect(
    clockOffset(() => Promise.resolve({ body: {}, date: undefined, sentWallMs: 0 })),
  ).rejects.toThrow('no Date');
});

test('a server that is not there or refuses is said before anything is done', async () => {
  const kubeconfig = mock.kubeconfig(dir);
  mock.state.intercept = (_seen, response) => refuse(response, 401, 'Unauthorized', 'Unauthorized');
  await expect(connectCluster({ kubeconfig })).rejects.toThrow(
    new UsageError(
      `context mock: ${mock.url} refuses these credentials: get version: 401 Unauthorized: Unauthorized; renew them, or choose another --context`,
    ),
  );
  mock.state.intercept = (_seen, response) => refuse(response, 403, 'Forbidden', 'not for you');
  (await connectCluster({ kubeconfig })).close();
  mock.state.intercept = () => true;
  const abort = new AbortController();
  const connecting = connectCluster({ kubeconfig, signal: abort.signal });
  setTimeout(() => abort.abort(), 20);
  await expect(connecting).rejects.toMatchObject({ name: 'AbortError' });
  await mock.down();
  await expect(connectCluster({ kubeconfig })).rejects.toThrow(
    /^context mock: cannot reach the cluster: get version: no answer from http:\S+: .*ECONNREFUSED.*; bring it up, or choose another with --context$/,
  );
});

test('a program in a container: refused as an ApiError, a silent server is left in time', async () => {
  mock.state.intercept = (seen, response) => refuse(response, 403, 'Forbidden', seen.path);
  const target = { namespace: 'shop', pod: 'a' };
  await expect(cluster.exec(target, ['true'], { timeoutMs: 2_000 })).rejects.toMatchObject({
    name: 'ApiError',
    status: 403,
  });
  await expect(
    cluster.exec({ namespace: 'shop/../x', pod: 'a' }, ['true'], { timeoutMs: 1 }),
  ).rejects.toThrow('"shop/../x" cannot be a name');
  const silent = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const file = path.join(dir, 'silent');
  const { port } = silent.address() as AddressInfo;
  writeFileSync(
    file,
    JSON.stringify({
      clusters: [
        { name: 's', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 's', user: {} }],
      contexts: [{ name: 's', context: { cluster: 's', user: 's' } }],
      'current-context': 's',
    }),
  );
  const { config } = findCredentials({ kubeconfig: file }, {});
  const { execIn } = await import('./client-exec.ts');
  await expect(execIn(config)(target, ['true'], { timeoutMs: 50 })).rejects.toThrow(
    'exec true in v1 Pod shop/a: not done within 50 ms',
  );
  silent.close();
});

test('what is forwarded to a pod that cannot be reached is reset, and close leaves nothing', async () => {
  const { createConnection } = await import('node:net');
  const forwarded = await cluster.portForward({ namespace: 'shop', pod: 'a', port: 80 });
  const socket = createConnection(forwarded.port, '127.0.0.1');
  await new Promise((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', resolve);
  });
  await forwarded.close();
  await forwarded.close();
});
