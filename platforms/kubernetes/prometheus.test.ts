import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Event } from '../../record/model.ts';
import { ROOT } from '../../record/root.ts';
import { CannotRun } from '../platform.ts';
import type { Deployed, KubeObject } from './cluster.ts';
import { RUN_LABEL } from './labels.ts';
import { startPrometheus } from './prometheus.ts';
import type { PrometheusOptions } from './prometheus.ts';
import { PROMETHEUS, RELEASED_IMAGE } from './prometheus-objects.ts';
import { memoryCluster } from './testing.ts';
import type { MemoryCluster } from './testing.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server on a free port that answers every request alike, and what it was asked for. */
async function answering(body: string): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end(body);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, asked };
}

const BUILD = JSON.stringify({ status: 'success', data: { version: '3.14.0' } });
/** Without an address of its own: a test asks nothing but loopback. */
const READY = { conditions: [{ type: 'Ready', status: 'True' }], phase: 'Running' };
const container = (state: unknown, more: object = {}) => ({
  containerStatuses: [{ name: PROMETHEUS, imageID: 'sha256:1', state, ...more }],
});
const GONE_WRONG = { terminated: { exitCode: 1, reason: 'Error' } };
const REFUSED =
  'time=2026-01-01T00:00:00.000Z level=ERROR source=main.go:751 msg="Error loading config" err="rules/a.yaml: 3:11: bad"';

/** A cluster whose kubelet gives every pod this status at once. */
function cluster(status: unknown, port = 1): MemoryCluster {
  const memory = memoryCluster({
    react: (self, type, object) => {
      if (object.kind === 'Pod' && type === 'ADDED') self.put({ ...object, status });
    },
  });
  return {
    ...memory,
    portForward: async (target) => ({ ...(await memory.portForward(target)), port }),
    log: () => Promise.resolve(`${REFUSED}\n`),
  };
}

function options(memory: MemoryCluster, over: Partial<PrometheusOptions> = {}) {
  const events: Omit<Event, 'at'>[] = [];
  const deployed = {
    cluster: memory,
    namespace: 'shop',
    runId: 'r1',
    emit: (event: Omit<Event, 'at'>) => void events.push(event),
    signal: new AbortController().signal,
  } as unknown as Deployed;
  const request = {
    config: 'global:\n  scrape_interval: 1s\nrule_files: [rules/*.yaml]\n',
    rules: { 'a.yaml': 'groups: []\n' },
    scrapeIntervalMs: 1_000,
    flags: ['--query.lookback-delta=20s'],
    binary: () => Promise.reject(new Error('it runs in a pod')),
    receiverUrl: 'http://127.0.0.1:1',
  };
  return {
    events,
    options: {
      request,
      deployed,
      image: 'prometheus:3',
      ownAddress: undefined,
      ...over,
    },
  };
}

const all = (memory: MemoryCluster): KubeObject[] =>
  ['ServiceAccount', 'Role', 'RoleBinding', 'ConfigMap', 'Pod'].flatMap((kind) => memory.all(kind));
const ConfigMap = z.object({ data: z.record(z.string(), z.string()) });
const Config = z.object({
  rule_files: z.array(z.string()),
  scrape_configs: z.array(z.object({ job_name: z.string(), kubernetes_sd_configs: z.array(z.unknown()) })),
  alerting: z
    .object({
      alertmanagers: z.array(
        z.object({ static_configs: z.array(z.object({ targets: z.array(z.string()) })) }),
      ),
    })
    .optional(),
});
const configIn = (memory: MemoryCluster) => {
  const { data } = ConfigMap.parse(memory.all('ConfigMap')[0]);
  return { config: Config.parse(parse(data['prometheus.yml'] ?? '')), data };
};

it('makes labelled objects, watches the namespace alone, answers through a forward, and takes all of it away', async () => {
  const { port, asked } = await answering(BUILD);
  const memory = cluster(READY, port);
  const started = await startPrometheus(options(memory).options);
  expect(started).toMatchObject({ url: `http://127.0.0.1:${port}`, notifies: false, version: '3.14.0' });
  expect(asked).toEqual(['GET /api/v1/status/buildinfo']);
  const made = all(memory);
  expect(made).toHaveLength(5);
  for (const { metadata } of made) {
    expect(metadata).toMatchObject({ name: PROMETHEUS, namespace: 'shop' });
    expect(metadata.labels?.[RUN_LABEL]).toBe('r1');
    expect(Object.keys(metadata.labels ?? {}).every((key) => key.startsWith('proofload.dev/'))).toBe(true);
  }
  const { config, data } = configIn(memory);
  expect(config.scrape_configs).toEqual([
    { job_name: 'pods', kubernetes_sd_configs: [{ role: 'pod', namespaces: { names: ['shop'] } }] },
  ]);
  expect(config.alerting).toBeUndefined();
  expect(data['a.yaml']).toBe('groups: []\n');
  expect(JSON.stringify(memory.all('Pod'))).toContain('--query.lookback-delta=20s');
  expect(memory.forwards).toEqual([`${PROMETHEUS}:9090`]);
  expect(started.ended()).toBeNull();
  await Promise.all([started.stop(), started.stop()]);
  expect(all(memory)).toEqual([]);
  expect(memory.forwards).toEqual([]);
  expect(memory.writes.slice(-5).map((write) => write.split(' ')[1])).toEqual([
    'Pod',
    'ConfigMap',
    'RoleBinding',
    'Role',
    'ServiceAccount',
  ]);
});

it('tells a pod that is gone from a container that comes back', async () => {
  const { port } = await answering(BUILD);
  const memory = cluster(READY, port);
  const started = await startPrometheus(options(memory).options);
  const [pod] = memory.all('Pod');
  if (pod === undefined) throw new Error('no pod');
  memory.put({ ...pod, status: { phase: 'Running', ...container({ running: {} }, { restartCount: 1 }) } });
  expect(started.ended()).toBeNull();
  memory.put({ ...pod, status: { phase: 'Failed', reason: 'Evicted', message: 'no memory was left' } });
  expect(started.ended()).toBe(`its pod ${PROMETHEUS} failed: Evicted no memory was left`);
  const { name, namespace = '' } = pod.metadata;
  memory.drop({ apiVersion: 'v1', kind: 'Pod', name, namespace });
  expect(started.ended()).toBe(`its pod ${PROMETHEUS} was deleted`);
  await started.stop();
});

it.each([
  ['ends at once', container(GONE_WRONG), REFUSED],
  [
    'ended and waits to be started again',
    container({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: GONE_WRONG, restartCount: 1 }),
    REFUSED,
  ],
  [
    'has no image',
    container({ waiting: { reason: 'ErrImagePull', message: 'no such host' } }, { imageID: '' }),
    'its image cannot be pulled: ErrImagePull: no such host',
  ],
])('says why, and leaves nothing, when it %s', async (_title, status, words) => {
  const memory = cluster(status);
  const failure: unknown = await startPrometheus(options(memory).options).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CannotRun);
  expect(String(failure)).toContain(words);
  expect(all(memory)).toEqual([]);
});

it('leaves alone what somebody else has under that name', async () => {
  const memory = cluster(READY);
  const metadata = { name: PROMETHEUS, namespace: 'shop' };
  memory.put({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata });
  await expect(startPrometheus(options(memory).options)).rejects.toThrow(
    /^Prometheus in namespace shop: .*AlreadyExists/,
  );
  expect(all(memory).map(({ kind }) => kind)).toEqual(['Role']);
});

it('ends with the run', async () => {
  const memory = cluster({ phase: 'Pending' });
  const { options: given } = options(memory);
  const interrupt = new AbortController();
  const starting = startPrometheus({ ...given, deployed: { ...given.deployed, signal: interrupt.signal } });
  await expect.poll(() => memory.all('Pod')).toHaveLength(1);
  interrupt.abort();
  await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
  expect(all(memory)).toEqual([]);
});

it('lets notifications through to the receiver, where pods have a way to it, until it is stopped', async () => {
  const { port } = await answering(BUILD);
  const receiver = await answering('{}');
  const memory = cluster(READY, port);
  const { options: given } = options(memory, { ownAddress: '127.0.0.1' });
  const request = { ...given.request, receiverUrl: `http://127.0.0.1:${receiver.port}` };
  const started = await startPrometheus({ ...given, request });
  expect(started.notifies).toBe(true);
  const [target] = configIn(memory).config.alerting?.alertmanagers[0]?.static_configs[0]?.targets ?? [];
  const url = `http://${target}/api/v2/alerts`;
  expect((await fetch(url, { method: 'POST', body: '[]' })).status).toBe(200);
  expect(receiver.asked).toEqual(['POST /api/v2/alerts']);
  await started.stop();
  await expect(fetch(url)).rejects.toThrow();
});

it('runs the image that kind has already', () => {
  const addOn = readFileSync(path.join(ROOT, 'platforms/addons/prometheus.yaml'), 'utf8');
  expect(addOn).toContain(`image: ${RELEASED_IMAGE}\n`);
});
