import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it, vi } from 'vitest';
import type { Emit } from '../platform.ts';
import type { KubeObject } from './cluster.ts';
import { dial, dialThrough } from './dial.ts';
import { chooseLoadUrl, insideUrl, openPodReach } from './reach.ts';
import { behindService, reachStore, serviceOf, withHost } from './reach-store.ts';
import { readService } from './reach.ts';
import { memoryCluster, slice } from './testing.ts';

const { signal } = new AbortController();
const nowMs = () => 5_000;
const pod = (name: string, over: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: name, namespace: 'shop' },
  status: { phase: 'Running', podIP: '10.1.0.1', conditions: [{ type: 'Ready', status: 'True' }], ...over },
});
function notes() {
  const texts: string[] = [];
  const emit: Emit = (event) => void (event.kind === 'note' && texts.push(event.text));
  return { texts, emit };
}
const answering =
  (...hosts: string[]) =>
  (host: string, port: number) =>
    Promise.resolve(hosts.includes(`${host}:${port}`));

it('reaches pods at their own addresses where one answers', async () => {
  const { texts, emit } = notes();
  const cluster = memoryCluster();
  const reach = await openPodReach(
    { cluster, namespace: 'shop', containerPort: 80, dial: answering('10.1.0.1:80'), emit, nowMs, signal },
    [pod('a')],
  );
  expect(reach.way).toBe('direct');
  expect(reach.url(pod('a'))).toBe('http://10.1.0.1:80');
  expect(reach.url(pod('six', { podIP: 'fd00::1' }))).toBe('http://[fd00::1]:80');
  expect(reach.url({ ...pod('young'), status: { phase: 'Pending' } })).toBeUndefined();
  expect(await reach.connects(pod('a'), 81, 100)).toBe(false);
  expect(texts).toEqual([expect.stringContaining('pods are reached directly')]);
  expect(cluster.forwards).toEqual([]);
});

it('reaches pods through the API server where none answers, and lets go of those that are gone', async () => {
  const { texts, emit } = notes();
  const cluster = memoryCluster();
  const options = { cluster, namespace: 'shop', containerPort: 80, dial: answering(), emit, nowMs, signal };
  const reach = await openPodReach(options, [pod('a'), pod('young', { phase: 'Pending' })]);
  await reach.opened();
  expect(reach.url(pod('a'))).toBe('http://127.0.0.1:40001');
  expect(reach.url(pod('young'))).toBeUndefined();
  expect(texts).toEqual([expect.stringContaining('through the API server')]);
  reach.follow([pod('b')]);
  await reach.opened();
  expect(cluster.forwards).toEqual(['b:80']);
  expect(reach.url(pod('a'))).toBeUndefined();
  await reach.close();
  expect(cluster.forwards).toEqual([]);
});

it('tells a pod that refuses from one that could not be asked, and looks again when the API is back', async () => {
  let state: 'open' | 'refuses' | 'away' = 'open';
  let tell = (_why: string) => {};
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined).resume();
    if (state === 'away') tell('502 Bad Gateway');
    if (state === 'open') socket.end('HTTP/1.1 200 OK\r\n\r\n');
    else socket.resetAndDestroy();
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  const cluster = memoryCluster();
  cluster.portForward = ({ unasked }) => {
    if (unasked !== undefined) tell = unasked;
    return Promise.resolve({ port, close: () => Promise.resolve() });
  };
  const gaps: Parameters<Emit>[0][] = [];
  const reach = await openPodReach(
    {
      cluster,
      namespace: 'shop',
      containerPort: 80,
      dial: answering(),
      emit: (event) => void (event.kind === 'gap' && gaps.push(event)),
      nowMs,
      signal,
    },
    [pod('a')],
  );
  await reach.opened();
  expect(await reach.connects(pod('a'), 80, 1_000)).toBe(true);
  state = 'refuses';
  expect(await reach.connects(pod('a'), 80, 1_000)).toBe(false);
  expect(reach.url(pod('a'))).toBe(`http://127.0.0.1:${port}`);
  expect(gaps).toEqual([]);
  state = 'away';
  expect(await reach.connects(pod('a'), 80, 1_000)).toBeUndefined();
  expect(reach.url(pod('a'))).toBeUndefined();
  state = 'open';
  await vi.waitFor(() => expect(reach.url(pod('a'))).toBe(`http://127.0.0.1:${port}`), { timeout: 4_000 });
  expect(gaps).toEqual([
    { kind: 'gap', what: 'pods reach', fromMs: 4_000, toMs: 5_000, why: '502 Bad Gateway' },
  ]);
  await reach.close();
  await new Promise((resolve) => server.close(resolve));
});

const service = (spec: Record<string, unknown>, status: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports: [{ name: 'http', port: 80, nodePort: 30_080 }], ...spec },
  status,
});
const node: KubeObject = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n' },
  status: {
    addresses: [
      { type: 'Hostname', address: 'n' },
      { type: 'InternalIP', address: '172.18.0.2' },
    ],
  },
};

it('sends the load to the first address of the Service that answers', async () => {
  const choose = (hosts: string[], given?: string) =>
    chooseLoadUrl({
      patienceMs: 0,
      given,
      service: service({ clusterIP: '10.0.0.9' }, { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } }),
      port: 80,
      nodes: [node],
      dial: answering(...hosts),
    });
  expect(await choose(['10.0.0.9:80', '192.0.2.7:80'])).toBe('http://10.0.0.9:80');
  expect(await choose(['192.0.2.7:80', '172.18.0.2:30080'])).toBe('http://192.0.2.7:80');
  expect(await choose(['172.18.0.2:30080'])).toBe('http://172.18.0.2:30080');
  expect(await choose([], 'https://given')).toBe('https://given');
  await expect(choose([])).rejects.toThrow(
    /tried 10\.0\.0\.9:80, 192\.0\.2\.7:80, 172\.18\.0\.2:30080\): give its address with --load-url, .* --runners/,
  );
});

it("sends load from inside to the Service's own address, whether it answers here or not", () => {
  expect(insideUrl(undefined, service({ clusterIP: '10.0.0.9' }), 80)).toBe('http://10.0.0.9:80');
  expect(insideUrl(undefined, service({ clusterIP: 'fd00::9' }), 80)).toBe('http://[fd00::9]:80');
  expect(insideUrl('http://given', service({ clusterIP: 'None' }), 80)).toBe('http://given');
  expect(() => insideUrl(undefined, service({ clusterIP: 'None' }), 80)).toThrow(
    'Service web has no address in the cluster (clusterIP None): say with --load-url',
  );
});

it('knows which hosts of a URL are Services, and puts another in their place', () => {
  expect(serviceOf('store', 'shop')).toEqual({ name: 'store', namespace: 'shop' });
  expect(serviceOf('store.else.svc.cluster.local', 'shop')).toEqual({ name: 'store', namespace: 'else' });
  expect(serviceOf('10.1.2.3', 'shop')).toBeUndefined();
  expect(serviceOf('db.example.com', 'shop')).toBeUndefined();
  expect(withHost('postgres://u:p%40w@store:5432/db?a=1', '127.0.0.1', 4711)).toBe(
    'postgres://u:p%40w@127.0.0.1:4711/db?a=1',
  );
});

it('finds a ready pod behind a Service, by the name of its port', () => {
  const web = readService(service({}));
  expect(behindService([slice('other', 'shop', ['x']), slice('web', 'shop', ['a', 'b'])], web, 80)).toEqual({
    pod: 'a',
    port: 8080,
  });
  expect(behindService([slice('web', 'shop', [])], web, 80)).toBeUndefined();
  expect(behindService([slice('web', 'shop', ['a'])], web, 81)).toBeUndefined();
});

it('reads the store back at its own address, or through another pod when the first is gone', async () => {
  const { emit, texts } = notes();
  const cluster = memoryCluster();
  cluster.put(service({ clusterIP: '10.0.0.9' }));
  let slices = [slice('web', 'shop', ['a'])];
  const url = 'postgres://u:p@web:80/db';
  const options = { cluster, namespace: 'shop', url, slices: () => slices, emit };
  const direct = await reachStore({ ...options, dial: answering('10.0.0.9:80') });
  expect(direct.url()).toBe('postgres://u:p@10.0.0.9:80/db');

  const through = await reachStore({ ...options, dial: answering() });
  expect(through.url()).toBe('postgres://u:p@127.0.0.1:40001/db');
  expect(texts).toEqual([expect.stringContaining('port-forward')]);
  slices = [slice('web', 'shop', ['b'])];
  through.follow();
  await through.close();
  expect(cluster.forwards).toEqual([]);

  const foreign = await reachStore({
    ...options,
    url: 'postgres://u:p@db.example.com/db',
    dial: answering(),
  });
  expect(foreign.url()).toBe('postgres://u:p@db.example.com/db');
});

it('tells an open port from a closed one, and a forward with something behind it from one without', async () => {
  const server = http.createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await dial('127.0.0.1', port, 1_000)).toBe(true);
  expect(await dialThrough('127.0.0.1', port, 1_000)).toBe(true);
  server.removeAllListeners('connection');
  server.on('connection', (socket) => socket.destroy());
  expect(await dialThrough('127.0.0.1', port, 1_000)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await dial('127.0.0.1', port, 1_000)).toBe(false);
});
