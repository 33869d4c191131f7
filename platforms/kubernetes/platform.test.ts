import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UsageError } from '../../record/model.ts';
import type { Event } from '../../record/model.ts';
import { ROOT } from '../../record/root.ts';
import { CannotRun } from '../platform.ts';
import type { DeployOptions, FaultUse, UndoAction } from '../platform.ts';
import type { KubeObject } from './cluster.ts';
import { ApiError } from './cluster.ts';
import { RUN_LABEL } from './labels.ts';
import { runnerRecipe } from '../images/own.ts';
import { createKubernetesPlatform, RUNNER_IMAGE } from './platform.ts';
import type { KubernetesOptions } from './platform.ts';
import { memoryCluster, obliging, SERVED } from './testing.ts';
import type { MemoryCluster, MemoryOptions } from './testing.ts';

const MANIFESTS = `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Secret
metadata: { name: keys, namespace: shop }
stringData: { jwt-secret: s3cret-value, store-url: "postgres://u:pa55word@store:5432/db" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web, version: v1 } }
    spec:
      containers:
        - name: app
          image: web:1
          ports: [{ name: http, containerPort: 8080 }]
          env:
            - { name: STORE_URL, valueFrom: { secretKeyRef: { name: keys, key: store-url } } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web, namespace: shop }
spec: { maxReplicas: 5, scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web } }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, namespace: shop }
spec: { rules: [] }
`;
const STORE = `apiVersion: apps/v1
kind: Deployment
metadata: { name: store, namespace: shop }
spec:
  selector: { matchLabels: { app: store } }
  template:
    metadata: { labels: { app: store } }
    spec: { containers: [{ name: postgres, image: "store:1" }] }
---
apiVersion: v1
kind: Service
metadata: { name: store, namespace: shop }
spec: { selector: { app: store }, ports: [{ port: 5432 }] }
`;
const CHAOS = `apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: { name: kill, namespace: shop }
spec:
  action: pod-kill
  mode: one
  selector: { namespaces: [shop], labelSelectors: { app: web } }
`;
const DELAY = `apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: { name: slow, namespace: shop }
spec:
  action: delay
  delay: { latency: 100ms }
  mode: all
  duration: 30s
  selector: { namespaces: [shop], labelSelectors: { app: web } }
  target: { mode: all, selector: { namespaces: [shop], labelSelectors: { app: store } } }
`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-kubernetes-'));
  for (const folder of ['manifests', 'reference/manifests', 'chaos', 'evidence'])
    mkdirSync(path.join(dir, folder), { recursive: true });
  writeFileSync(path.join(dir, 'manifests/all.yaml'), MANIFESTS);
  writeFileSync(path.join(dir, 'reference/manifests/store.yaml'), STORE);
  writeFileSync(path.join(dir, 'chaos/kill.yaml'), CHAOS);
  writeFileSync(
    path.join(dir, 'contract.mjs'),
    `export const contract = { containers: ['app'], stores: { STORE_URL: { kind: 'postgres' } } };`,
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const KILL: FaultUse = { name: 'blow', fault: { chaos: 'kill' } };

function setUp(memory: MemoryOptions = {}, over: Partial<KubernetesOptions> = {}) {
  const cluster = memoryCluster({ react: obliging(), ...memory });
  const platform = createKubernetesPlatform({
    attach: false,
    connect: () => Promise.resolve(cluster),
    places: {
      built: (source) => path.resolve(ROOT, source.replace(/\.ts$/, '.mjs')),
      chaosDir: path.join(dir, 'chaos'),
      dial: () => Promise.resolve(true),
    },
    ...over,
  });
  const prepare = (faults: FaultUse[] = []) => platform.prepare({ systemDir: dir, faults });
  return { cluster, platform, prepare };
}

function deployOptions(over: Partial<DeployOptions> = {}) {
  const events: Omit<Event, 'at'>[] = [];
  const journal: { action: UndoAction; done: boolean }[] = [];
  const options: DeployOptions = {
    runId: 'r1',
    systemDir: dir,
    evidenceDir: path.join(dir, 'evidence'),
    emit: (event) => void events.push(event),
    redact: (line) => line,
    undo: {
      intent: (action) => journal.push({ action, done: false }) - 1,
      acted: () => undefined,
      done(id) {
        const entry = journal[id];
        if (entry) entry.done = true;
      },
    },
    nowMs: () => 1,
    signal: new AbortController().signal,
    ...over,
  };
  return { options, events, journal };
}

const withChaos = [...SERVED, { apiVersion: 'chaos-mesh.org/v1alpha1', kind: 'PodChaos', namespaced: true }];
const namespace = (labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', labels },
});

it('reads the workload from the manifests and changes nothing', async () => {
  const { cluster, platform, prepare } = setUp({ kinds: withChaos });
  expect(await prepare([KILL])).toMatchObject({ workload: { name: 'web', replicas: 3 }, notRun: {} });
  expect(platform.sensitive()).toEqual(expect.arrayContaining(['s3cret-value', 'pa55word']));
  expect(platform.secrets()).toMatchObject({ 'jwt-secret': 's3cret-value' });
  expect(cluster.writes).toEqual([]);
});

it('leaves a delay out where the nodes are known to have no netem, with the reason, and plays it elsewhere', async () => {
  writeFileSync(path.join(dir, 'chaos/slow.yaml'), DELAY);
  const slow: FaultUse = { name: 'slow', fault: { chaos: 'slow' } };
  const withDelay = [
    ...withChaos,
    { apiVersion: 'chaos-mesh.org/v1alpha1', kind: 'NetworkChaos', namespaced: true },
  ];
  const notRun = async (netem: KubernetesOptions['netem']) => {
    const { platform } = setUp({ kinds: withDelay }, { ...(netem !== undefined && { netem }) });
    return (await platform.prepare({ systemDir: dir, faults: [slow, KILL] })).notRun;
  };
  expect(await notRun('absent')).toEqual({
    slow: 'delay needs the kernel module sch_netem on every node, and it is not there',
  });
  expect(await notRun('present')).toEqual({});
  expect(await notRun(undefined)).toEqual({});
});

it.each<[string, MemoryOptions, (cluster: MemoryCluster) => void, string]>([
  [
    'a namespace of somebody else',
    {},
    (cluster) => cluster.put(namespace({})),
    'namespace shop exists in memory and is not from proofload: use --namespace another, or --attach to test what runs there',
  ],
  [
    'the namespace of another run',
    {},
    (cluster) => cluster.put(namespace({ [RUN_LABEL]: 'r0' })),
    'namespace shop in memory belongs to run r0: wait for its end, take it down with "proofload heal"',
  ],
  [
    'a cluster without Chaos Mesh',
    { kinds: SERVED },
    () => undefined,
    'memory does not serve chaos-mesh.org/v1alpha1: install Chaos Mesh',
  ],
  [
    'credentials that may not create Deployments',
    { kinds: withChaos, refuses: ({ verb, resource }) => verb === 'create' && resource === 'deployments' },
    () => undefined,
    'create deployments.apps in shop',
  ],
  [
    'a kind that is not served',
    { kinds: withChaos.filter(({ kind }) => kind !== 'Secret') },
    () => undefined,
    'manifests/all.yaml:5: Secret keys: the cluster does not serve v1 Secret',
  ],
])('refuses %s before anything is changed', async (_, memory, arrange, words) => {
  const { cluster, prepare } = setUp(memory);
  arrange(cluster);
  const before = cluster.writes.length;
  const refused = prepare([KILL]);
  await expect(refused).rejects.toBeInstanceOf(UsageError);
  await expect(refused).rejects.toThrow(words);
  await expect(refused).rejects.not.toThrow('\n');
  expect(cluster.writes).toHaveLength(before);
  expect(cluster.closed).toBe(true);
});

it('deploys in the order in which each object finds what it needs, and takes it down again', async () => {
  const { cluster, platform, prepare } = setUp({ kinds: withChaos });
  await prepare();
  const { options, events, journal } = deployOptions({ defect: 'lossy' });
  await platform.deploy(options);
  expect(cluster.writes.filter((line) => !line.includes('proofload-image'))).toEqual([
    'create Namespace shop',
    'apply Secret keys',
    'apply Service web',
    'apply Service store',
    'apply Deployment store',
    'apply Deployment web',
    'apply HorizontalPodAutoscaler web',
  ]);
  expect(journal).toEqual([
    {
      action: {
        kind: 'cluster',
        what: 'namespace shop of memory',
        context: 'memory',
        server: 'https://127.0.0.1:1',
        namespace: 'shop',
      },
      done: false,
    },
  ]);
  const made = ['Namespace', 'Secret', 'Service', 'Deployment', 'HorizontalPodAutoscaler'].flatMap((kind) =>
    cluster.all(kind),
  );
  for (const { metadata } of made) expect(metadata.labels?.[RUN_LABEL]).toBe('r1');
  const deployment = JSON.stringify(
    cluster.all('Deployment').find(({ metadata }) => metadata.name === 'web'),
  );
  expect(deployment).toContain('{"name":"PROOFLOAD_DEFECT","value":"lossy"}');
  expect(deployment).toContain(
    '"hostnames":["store","store.shop","store.shop.svc","store.shop.svc.cluster.local"]',
  );
  const told = events.map((event) => JSON.stringify(event));
  expect(told.join('\n')).toContain('"object":"Ingress web"');
  expect(told.join('\n')).toContain('the cluster has no DNS');
  expect(told.join('\n')).toContain("the API server's clock is 0 ms ahead, known to 1 ms");
  const lives = events
    .filter((event) => 'pod' in event && event.pod === 'web-0')
    .map((event) => 'state' in event && event.state);
  expect(lives).toEqual(['created', 'started', 'ready']);
  const evidence = readFileSync(path.join(dir, 'evidence/manifests.yaml'), 'utf8');
  const raw = readFileSync(path.join(dir, 'evidence/watch.jsonl'), 'utf8');
  for (const text of [evidence, raw]) expect(text).not.toMatch(/s3cret-value|pa55word/);

  expect(platform.loadUrl()).toBe('http://10.0.0.1:80');
  expect(platform.storeEnv()).toEqual({ STORE_URL: 'postgres://u:pa55word@10.0.0.2:5432/db' });
  expect(platform.pods()).toHaveLength(3);
  expect(platform.pods()[0]).toMatchObject({
    name: 'web-0',
    ready: true,
    terminating: false,
    url: 'http://10.1.0.1:8080',
  });

  await platform.remove();
  await platform.remove();
  // The HPA has the say over its replicas once it is there: they are applied before it, and never again.
  expect(cluster.writes.filter((line) => line === 'apply Deployment web')).toEqual(['apply Deployment web']);
  expect(cluster.all('Namespace')).toEqual([]);
  expect(journal[0]?.done).toBe(true);
  expect(cluster.closed).toBe(true);
});

it('tells once what the HPA is run by, and has pods metrics and the lease on record before it decides', async () => {
  const leases = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespaced: true };
  const metrics = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetrics', namespaced: true };
  const { cluster, platform, prepare } = setUp(
    { kinds: [...withChaos, leases, metrics] },
    { controller: { syncPeriodMs: 5_000 } },
  );
  const lease = { holderIdentity: 'a_1', leaseTransitions: 0 };
  const named = { name: 'kube-controller-manager', namespace: 'kube-system' };
  cluster.put({ ...leases, metadata: named, spec: lease });
  const usage = { timestamp: 't', window: '10s', containers: [] };
  cluster.put({ ...metrics, metadata: { name: 'web-0', namespace: 'shop' }, ...usage });
  await prepare();
  const evidenceDir = mkdtempSync(path.join(dir, 'evidence-'));
  const { options, events } = deployOptions({ evidenceDir });
  await platform.deploy(options);
  await platform.remove();
  const told = events.filter(({ kind }) => kind === 'hpa.controller');
  expect(told).toEqual([
    {
      kind: 'hpa.controller',
      version: '1.35.0',
      parameters: expect.objectContaining({
        syncPeriodMs: { value: 5_000, source: 'platform' },
        tolerance: { value: 0.1, source: 'assumed default' },
      }),
    },
  ]);
  const lines = readFileSync(path.join(evidenceDir, 'watch.jsonl'), 'utf8').trim().split('\n');
  const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
  for (const kind of ['Lease', 'PodMetrics'])
    expect(kinds.indexOf(kind)).toBeLessThan(kinds.indexOf('HorizontalPodAutoscaler'));
  expect(kinds).toContain('Lease');
  expect(kinds).toContain('PodMetrics');
});

it('moves everything into another namespace', async () => {
  const { cluster, platform, prepare } = setUp({ kinds: withChaos }, { namespace: 'shop-7' });
  cluster.put(namespace({}));
  await prepare([KILL]);
  await platform.deploy(deployOptions().options);
  expect(cluster.all('Deployment').map(({ metadata }) => metadata.namespace)).toEqual(['shop-7', 'shop-7']);
  const lines = await platform.preview?.([], 'everything');
  expect(lines?.[0]).toMatch(/^context memory \(.*\), namespace shop-7$/);
  expect(lines?.[1]).toMatch(/^create Namespace shop-7 \(.*all\.yaml:1; the API would take it\)$/);
  await platform.remove();
  expect(cluster.all('Namespace').map(({ metadata }) => metadata.name)).toEqual(['shop']);
});

it('says what the API refuses with the place of the manifest, and takes down what was made', async () => {
  const refusal = new ApiError(
    'apply apps/v1 Deployment shop/web: 422 Invalid: spec.replicas: too many',
    422,
    'Invalid',
  );
  const admit = ({ kind, metadata }: KubeObject) => {
    if (kind === 'Deployment' && metadata.name === 'web') throw refusal;
  };
  const { cluster, platform, prepare } = setUp({ admit });
  await prepare();
  const failed = platform.deploy(deployOptions().options);
  await expect(failed).rejects.toBeInstanceOf(CannotRun);
  await expect(failed).rejects.toThrow(
    /manifests\/all\.yaml:\d+: Deployment web: .*invalid: apply .* too many/,
  );
  await platform.remove();
  expect(cluster.all('Namespace')).toEqual([]);
});

it('says why a workload does not come up, with the end of its log', async () => {
  const crash = { exitCode: 7, reason: 'Error', finishedAt: '2026-01-01T00:00:00Z' };
  const good = obliging();
  const react: NonNullable<MemoryOptions['react']> = (cluster, type, object) => {
    if (object.kind !== 'Deployment' || object.metadata.name !== 'web') return good(cluster, type, object);
    if (type === 'ADDED')
      cluster.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web-x', namespace: 'shop', labels: { app: 'web' } },
        status: {
          phase: 'Running',
          containerStatuses: [
            { name: 'app', restartCount: 2, state: { terminated: crash }, lastState: { terminated: crash } },
          ],
        },
      });
  };
  const { platform, prepare } = setUp({ react });
  await prepare();
  const failed = platform.deploy(deployOptions().options);
  await expect(failed).rejects.toThrow(
    /Deployment web: container app of pod web-x ended 2 times before it was ready \(Error, code 7\).*its log ends:\nlast words of web-x/s,
  );
});

it('refuses a rolling restart of what stays, and plays it where all is taken down', async () => {
  const restart: FaultUse = { name: 'again', fault: 'rollout-restart' };
  const attached = setUp({ kinds: withChaos }, { attach: true });
  await expect(attached.prepare([restart])).rejects.toThrow(UsageError);
  await expect(attached.prepare([restart])).rejects.toThrow(
    'disturbance again: a rolling restart cannot be taken back; leave it out to test a system that stays (--attach)',
  );
  expect(await setUp({ kinds: withChaos }).prepare([restart])).toMatchObject({ notRun: {} });
});

it('attaches to what runs: settings from the live object, secrets from the live Secrets, nothing changed', async () => {
  const { cluster, platform, prepare } = setUp({ kinds: withChaos }, { attach: true });
  cluster.put(namespace({}));
  await expect(prepare()).rejects.toThrow('Deployment web is not in namespace shop of memory');

  const first = setUp({ kinds: withChaos }, { attach: true });
  first.cluster.put(namespace({}));
  const data = {
    'jwt-secret': Buffer.from('live-value').toString('base64'),
    'store-url': Buffer.from('postgres://u:livepass@store:5432/db').toString('base64'),
  };
  first.cluster.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'shop' },
    data,
  });
  for (const [name, port] of [
    ['web', 80],
    ['store', 5432],
  ] as const)
    first.cluster.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: { selector: { app: name }, ports: [{ port, targetPort: 8080 }] },
    });
  const labels = { app: 'web' };
  first.cluster.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 77,
          containers: [
            {
              name: 'app',
              env: [{ name: 'STORE_URL', valueFrom: { secretKeyRef: { name: 'keys', key: 'store-url' } } }],
            },
          ],
        },
      },
    },
  });
  expect(await first.prepare([KILL])).toMatchObject({ workload: { replicas: 2, graceMs: 77_000 } });
  expect(first.platform.secrets()['jwt-secret']).toBe('live-value');
  expect(first.platform.sensitive()).toEqual(expect.arrayContaining(['live-value', 'livepass']));
  const planned = { name: 'blow', fault: { chaos: 'kill' }, atMs: 0, slotMs: 1_000 };
  expect(await first.platform.preview?.([planned], 'everything')).toEqual([
    expect.stringMatching(/^context memory \(.*\), namespace shop$/),
    'nothing is created: attached to Deployment shop/web in memory',
    'fault blow: PodChaos pod-kill on 1 of 2 pods of shop/web (50 %), chosen among web-0, web-1',
  ]);
  const { options, events } = deployOptions();
  await first.platform.deploy(options);
  expect(first.platform.storeEnv()).toEqual({ STORE_URL: 'postgres://u:livepass@10.0.0.2:5432/db' });
  expect(events.filter(({ kind }) => kind === 'pod').length).toBeGreaterThan(0);
  await first.platform.remove();
  expect(first.cluster.writes).toEqual([]);
  await platform.remove();
});

const RUNNERS = { count: 2, kind: 'job' } as const;
const JOBS = [...SERVED, { apiVersion: 'batch/v1', kind: 'Job', namespaced: true }];

it('with runners needs no address of the Service that is reached from here', async () => {
  const places = {
    built: (source: string) => path.resolve(ROOT, source.replace(/\.ts$/, '.mjs')),
    chaosDir: path.join(dir, 'chaos'),
    dial: () => Promise.resolve(false),
  };
  const outside = setUp({}, { places });
  await outside.prepare();
  await expect(outside.platform.deploy(deployOptions().options)).rejects.toThrow('--runners');
  await outside.platform.remove();

  const { platform } = setUp({ kinds: JOBS }, { places });
  await platform.prepare({ systemDir: dir, faults: [], runners: RUNNERS });
  await platform.deploy(deployOptions().options);
  expect(platform.loadUrl()).toBe('http://10.0.0.1:80');
  await platform.remove();
});

it('refuses runners that could not be made, before anything is changed', async () => {
  const { cluster, platform } = setUp({
    kinds: JOBS,
    refuses: ({ resource }) => resource === 'jobs',
  });
  const ask = (kind: 'job' | 'testrun') =>
    platform.prepare({ systemDir: dir, faults: [], runners: { count: 2, kind } });
  await expect(ask('job')).rejects.toThrow(/may not .*create,delete jobs\.batch in shop/);
  await expect(ask('testrun')).rejects.toThrow(/serves no TestRun .* use --runner-kind job/);
  expect(cluster.writes).toEqual([]);
});

it('runs the image that is built for runners', () => {
  expect(RUNNER_IMAGE).toBe(runnerRecipe('/k6').name);
});

it('asks for the rights of its own Prometheus only where there is to be one, and shows what it would make', async () => {
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', namespaced: true };
  const kinds = [...SERVED, { ...rbac, kind: 'Role' }, { ...rbac, kind: 'RoleBinding' }];
  const poor = setUp({ kinds, refuses: ({ resource }) => resource.startsWith('role') });
  const prepare = ({ platform }: typeof poor) =>
    platform.prepare({ systemDir: dir, faults: [], prometheus: true });
  await expect(prepare(poor)).rejects.toThrow(
    /may not create,delete roles\.rbac\.authorization\.k8s\.io in shop; create,delete rolebindings/,
  );
  await poor.prepare();
  expect(await poor.platform.preview?.([], 'everything')).not.toContainEqual(expect.stringContaining('Role'));

  const rich = setUp({ kinds });
  await prepare(rich);
  const lines = (await rich.platform.preview?.([], 'everything')) ?? [];
  expect(lines.slice(-5).map((line) => line.split(' (')[0])).toEqual(
    ['ServiceAccount', 'Role', 'RoleBinding', 'ConfigMap', 'Pod'].map(
      (kind) => `create ${kind} shop/proofload-prometheus`,
    ),
  );
  expect([poor, rich].flatMap(({ cluster }) => cluster.writes)).toEqual([]);
  await poor.platform.remove();
  await rich.platform.remove();
});
