import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findCredentials } from './client-config.ts';
import { createDiscovery } from './client-discovery.ts';
import { createObjects } from './client-objects.ts';
import { openApi } from './client-request.ts';
import type { Api } from './client-request.ts';
import { watchSource } from './client-watch.ts';
import type { KubeObject, Watched } from './cluster.ts';
import { refuse, startMockApi } from './mock-api.ts';
import type { MockApi } from './mock-api.ts';
import { startReflector } from './reflector.ts';
import type { ReflectorTimes } from './reflector.ts';

const POD = { apiVersion: 'v1', kind: 'Pod' };
const TIMES: ReflectorTimes = { watchMs: 500, inactivityMs: 700, backOffMs: [20, 60], gapMs: 40 };

let dir: string;
let mock: MockApi;
let api: Api;
let watched: Watched | undefined;
let told: string[];
let gaps: { fromMs: number; toMs: number; why: string }[];

beforeEach(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-reflector-'));
  mock = await startMockApi();
  const credentials = findCredentials({ kubeconfig: mock.kubeconfig(dir) }, {});
  api = openApi(credentials.config, credentials.server);
  told = [];
  gaps = [];
  watched = undefined;
});
afterEach(async () => {
  watched?.stop();
  api.close();
  await mock.down();
  rmSync(dir, { recursive: true, force: true });
});

function pod(name: string, more: Record<string, unknown> = {}): KubeObject {
  return { ...POD, metadata: { name, namespace: 'shop' }, ...more };
}

function start(options: { signal?: AbortSignal; times?: Partial<ReflectorTimes> } = {}): Watched {
  const source = watchSource(api, createObjects(api, createDiscovery(api)), POD, { namespace: 'shop' });
  watched = startReflector(
    source,
    {
      changed: (type, { metadata }, relisted) =>
        told.push(`${type} ${metadata.name}${relisted ? ' relisted' : ''}`),
      gap: (fromMs, toMs, why) => {
        gaps.push({ fromMs, toMs, why });
        told.push('gap');
      },
    },
    { nowMs: () => performance.now(), ...options, times: { ...TIMES, ...options.times } },
  );
  return watched;
}

const names = () => watched?.objects().map(({ metadata }) => metadata.name) ?? [];
const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 4_000, interval: 5 });
const watching = () => until(() => mock.watches.size === 1);
const watchRequests = () => mock.requests.filter(({ query }) => query['watch'] === 'true');
const listRequests = () => mock.requests.filter(({ query }) => query['limit'] !== undefined);

test('lists first, then follows the watch from the version of the list', async () => {
  mock.put(pod('a'));
  mock.put({ ...pod('elsewhere'), metadata: { name: 'elsewhere', namespace: 'other' } });
  expect(start().objects()).toEqual([]);
  await watched?.synced;
  expect(names()).toEqual(['a']);
  expect(watched?.objects()[0]).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
  await watching();
  expect(watchRequests()[0]?.query).toEqual({
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '1',
    resourceVersion: '102',
  });
  mock.put(pod('b'));
  mock.put(pod('a', { changed: true }));
  mock.drop({ ...POD, name: 'b', namespace: 'shop' });
  await until(() => told.length === 4);
  expect(told).toEqual(['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED b']);
  expect(names()).toEqual(['a']);
  expect(gaps).toEqual([]);
});

test('a watch that the server closes is resumed from the last version, without list and without gap', async () => {
  await start({ times: { gapMs: 500 } }).synced;
  await watching();
  mock.put(pod('a'));
  mock.bookmark();
  await until(() => told.length === 1);
  mock.endWatches('close');
  mock.put(pod('missed-meanwhile'));
  await until(() => told.length === 2);
  expect(told).toEqual(['ADDED a', 'ADDED missed-meanwhile']);
  expect(listRequests()).toHaveLength(1);
  expect(watchRequests()[1]?.query['resourceVersion']).toBe('101');
});

test('a bookmark moves the version on, so that a resume does not begin at a forgotten one', async () => {
  await start().synced;
  await watching();
  mock.state.version = 500;
  mock.bookmark();
  await new Promise((resolve) => setTimeout(resolve, 20));
  mock.endWatches('close');
  await until(() => watchRequests().length === 2);
  expect(watchRequests()[1]?.query['resourceVersion']).toBe('500');
});

test('a cut connection: what was missed is replayed, and the stretch without it is told', async () => {
  await start().synced;
  await watching();
  mock.put(pod('a'));
  await until(() => told.length === 1);
  await mock.down();
  await new Promise((resolve) => setTimeout(resolve, 80));
  mock.put(pod('b'));
  await mock.up();
  await until(() => told.includes('ADDED b'));
  expect(told).toEqual(['ADDED a', 'gap', 'ADDED b']);
  expect(gaps[0]?.why).toMatch(/terminated|closed|aborted|reset/);
  expect((gaps[0]?.toMs ?? 0) - (gaps[0]?.fromMs ?? 0)).toBeGreaterThanOrEqual(75);
  expect(listRequests()).toHaveLength(1);
});

test('410 in the stream: listed anew, what is gone is DELETED, what is unchanged is not told again', async () => {
  for (const name of ['gone', 'same', 'changed', 'reborn']) mock.put(pod(name));
  await start().synced;
  await watching();
  told.length = 0;
  mock.unseen(() => {
    mock.drop({ ...POD, name: 'gone', namespace: 'shop' });
    mock.put(pod('changed', { now: 'different' }));
    mock.drop({ ...POD, name: 'reborn', namespace: 'shop' });
    mock.put(pod('reborn'));
    mock.put(pod('new'));
    mock.compact();
  });
  mock.endWatches({ code: 410, reason: 'Expired' });
  await until(() => told.includes('ADDED new relisted'));
  expect(told[0]).toBe('gap');
  expect(told.slice(1).toSorted()).toEqual([
    'ADDED new relisted',
    'ADDED reborn relisted',
    'DELETED gone relisted',
    'DELETED reborn relisted',
    'MODIFIED changed relisted',
  ]);
  expect(names().toSorted()).toEqual(['changed', 'new', 'reborn', 'same']);
  expect(gaps[0]?.why).toContain('410 Expired');
});

test('410 as the answer to a watch: listed anew', async () => {
  mock.put(pod('a'));
  await start().synced;
  await watching();
  mock.unseen(() => {
    mock.put(pod('b'));
    mock.compact();
  });
  mock.endWatches('close');
  await until(() => told.includes('ADDED b relisted'));
  expect(listRequests()).toHaveLength(2);
  expect(told).toEqual(['ADDED a', 'gap', 'ADDED b relisted']);
});

test('a server that accepts and never answers is given up after the time of silence', async () => {
  await start({ times: { watchMs: 50, inactivityMs: 80 } }).synced;
  await watching();
  mock.state.intercept = ({ query }) => query['watch'] === 'true';
  mock.endWatches('close');
  await until(() => watchRequests().length >= 3);
  mock.state.intercept = undefined;
  mock.put(pod('a'));
  await until(() => told.includes('ADDED a'));
  expect(gaps.some(({ why, fromMs, toMs }) => why.includes('silent for 80 ms') || toMs - fromMs > 80)).toBe(
    true,
  );
});

test('a connection that falls silent after it was open is a gap from the last word on', async () => {
  await start({ times: { watchMs: 50, inactivityMs: 100 } }).synced;
  await watching();
  mock.put(pod('last-word'));
  await until(() => told.length === 1);
  const heardMs = performance.now();
  await until(() => gaps.length === 1);
  expect(gaps[0]?.why).toBe('the watch was silent for 100 ms');
  expect(gaps[0]?.fromMs).toBeLessThanOrEqual(heardMs);
  expect((gaps[0]?.toMs ?? 0) - (gaps[0]?.fromMs ?? 0)).toBeGreaterThanOrEqual(100);
});

test('a server that closes each watch at once is not asked in a tight loop', async () => {
  mock.state.intercept = ({ query }, response) => {
    if (query['watch'] !== 'true') return false;
    response.writeHead(200);
    response.end();
    return true;
  };
  await start().synced;
  const fromMs = performance.now();
  await until(() => watchRequests().length >= 8);
  // One at once, then after at least 10, 20, 30, 30, ... ms.
  expect(performance.now() - fromMs).toBeGreaterThan(100);
});

test('errors of the server, also for long, end with a list or a resume and a gap that covers them', async () => {
  await start().synced;
  await watching();
  mock.put(pod('a'));
  // That the server has begun its answer says nothing of who asked: the last word it heard does.
  await until(() => told.includes('ADDED a'));
  mock.state.intercept = (_seen, response) => refuse(response, 503, 'ServiceUnavailable', 'starting');
  const fromMs = performance.now();
  mock.endWatches('cut');
  await until(() => watchRequests().length >= 6);
  mock.put(pod('b'));
  const toMs = performance.now();
  mock.state.intercept = undefined;
  await until(() => told.includes('ADDED b'));
  expect(gaps).toHaveLength(1);
  expect(gaps[0]?.fromMs).toBeLessThanOrEqual(fromMs);
  expect(gaps[0]?.toMs).toBeGreaterThanOrEqual(toMs);
});

test('a list that fails for a while after 410 is asked again for ever', async () => {
  mock.put(pod('a'));
  await start().synced;
  await watching();
  let refused = 0;
  // A refusal that the request itself does not repeat, and that would be final before the first list.
  mock.state.intercept = ({ query }, response) =>
    query['limit'] !== undefined && (refused += 1) <= 7 && refuse(response, 403, 'Forbidden', 'not now');
  mock.unseen(() => {
    mock.drop({ ...POD, name: 'a', namespace: 'shop' });
    mock.put(pod('b'));
    mock.compact();
  });
  mock.endWatches({ code: 410, reason: 'Expired' });
  await until(() => names().includes('b'));
  expect(refused).toBe(8);
  expect(told).toEqual(['ADDED a', 'gap', 'DELETED a relisted', 'ADDED b relisted']);
});

test('an API server that is away before the first list is waited for; what is refused is not', async () => {
  await mock.down();
  start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(told).toEqual([]);
  await mock.up();
  await watched?.synced;
  // Before the first list nothing was promised.
  expect(gaps).toEqual([]);
  watched?.stop();

  mock.state.intercept = ({ query }, response) =>
    query['limit'] !== undefined && refuse(response, 403, 'Forbidden', 'pods is forbidden');
  await expect(start().synced).rejects.toMatchObject({
    name: 'ApiError',
    status: 403,
    message: 'list v1 Pod shop: 403 Forbidden: pods is forbidden',
  });
});

test('nothing is told after stop, but for the gap that still lasts', async () => {
  await start().synced;
  await watching();
  mock.put(pod('a'));
  await until(() => told.length === 1);
  await mock.down();
  await new Promise((resolve) => setTimeout(resolve, 60));
  watched?.stop();
  watched?.stop();
  expect(told).toEqual(['ADDED a', 'gap']);
  await mock.up();
  mock.put(pod('b'));
  const asked = mock.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(told).toEqual(['ADDED a', 'gap']);
  expect(mock.requests.length).toBe(asked);
});

test('a handler may stop its own watch in the middle of a list', async () => {
  for (const name of ['a', 'b', 'c']) mock.put(pod(name));
  const source = watchSource(api, createObjects(api, createDiscovery(api)), POD, { namespace: 'shop' });
  const seen: string[] = [];
  const own = startReflector(
    source,
    {
      changed: (_type, { metadata }) => {
        seen.push(metadata.name);
        own.stop();
      },
      gap: () => seen.push('gap'),
    },
    { nowMs: () => performance.now(), times: TIMES },
  );
  await expect(own.synced).rejects.toMatchObject({ name: 'AbortError' });
  expect(seen).toEqual(['a']);
});

test('an aborted signal ends what waits for its first list, and spares what has it', async () => {
  const abort = new AbortController();
  mock.put(pod('a'));
  await start({ signal: abort.signal }).synced;
  const first = watched;
  await watching();
  mock.state.intercept = ({ query }) => query['limit'] !== undefined;
  const second = start({ signal: abort.signal });
  await until(() => listRequests().length === 2);
  abort.abort();
  await expect(second.synced).rejects.toMatchObject({ name: 'AbortError' });
  mock.put(pod('b'));
  await until(() => first?.objects().length === 2);
  await expect(start({ signal: abort.signal }).synced).rejects.toMatchObject({ name: 'AbortError' });
  first?.stop();
});

test('what is not an event breaks the watch instead of being passed over', async () => {
  await start().synced;
  await watching();
  mock.state.intercept = ({ query }) => query['watch'] === 'true';
  for (const { response } of mock.watches) response.write('{"type":"ADDED","object":{"spec":1}}\n');
  await until(() => watchRequests().length === 2);
  watched?.stop();
  mock.state.intercept = undefined;
  expect(gaps.every(({ why }) => why.includes('not what it should be'))).toBe(true);
});
