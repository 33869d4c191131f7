/**
 * A namespace on the bare cluster with the event pipeline's stores and pods that stand for those who use them, for tests of faults alone: no
 * load, no system, but the faults' own code against real pods and a real Chaos Mesh.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { disturb } from '../harness/disturb.ts';
import { randomFrom } from '../harness/random.ts';
import { CONTEXT, KUBECONFIG, NODE_A } from '../platforms/bare/layout.ts';
import { connectCluster } from '../platforms/kubernetes/client.ts';
import type { Deployed, KubeObject } from '../platforms/kubernetes/cluster.ts';
import { prepareFault } from '../platforms/kubernetes/faults.ts';
import { moveChaos } from '../platforms/kubernetes/rewrite.ts';
import { readYaml } from '../platforms/manifests/located.ts';
import type { Event, EventOf } from '../record/model.ts';
import { ROOT } from '../record/root.ts';
import { RunWriter } from '../record/writer.ts';
import { down, kubectl, up } from './bare.ts';

/** Where the chaos files aim. */
const AIMED_AT = 'event-pipeline';
const RUN = 'field';
const SLOT_MS = 30_000;

interface Played {
  /** Kinds of events, of proofs what was seen. */
  story: string[];
  /** What the proof said when it first saw that. */
  proofs: Partial<Record<EventOf<'fault.proof'>['saw'], string>>;
  intent: EventOf<'fault.intent'> | undefined;
  failed: string | undefined;
}

export interface Field {
  /** Plays a file of `chaos/` (`change` replaces words in it) from intent to proven end; `meanwhile` is told of every event. */
  play(
    chaos: string,
    options: {
      forMs?: number;
      change?: (text: string) => string;
      meanwhile?: (event: Event) => void;
    },
  ): Promise<Played>;
  /** Names of the chaos objects in it, and of pods whose network still carries rules. */
  left(): Promise<string>;
  /** And the cluster with it. */
  remove(): Promise<void>;
}

/** Brings the cluster up (with PROOFLOAD_KEEP=1 it takes the one that is there) and resolves when all pods are Ready. */
export async function openField(namespace: string): Promise<Field> {
  if (process.env['PROOFLOAD_KEEP'] !== '1') await up('--system', 'event-pipeline');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'field-e2e-'));
  const items = [...storesIn(namespace), client('capture-api', 8_000, 2), client('consumer', 9_090, 1)];
  const file = path.join(folder, 'objects.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubectl('create', 'namespace', namespace);
  await kubectl('apply', '-n', namespace, '-f', file);
  for (const what of [
    'deployment/capture-api',
    'deployment/consumer',
    'statefulset/event-kafka',
    'statefulset/event-clickhouse',
  ])
    await kubectl('rollout', 'status', what, '-n', namespace, '--timeout=120s');

  const cluster = await connectCluster({ kubeconfig: KUBECONFIG, context: CONTEXT });
  const ending = new AbortController();
  const pods = cluster.watch(
    { apiVersion: 'v1', kind: 'Pod' },
    { namespace },
    { changed: () => undefined, gap: () => undefined },
  );
  await pods.synced;
  const nowMs = () => performance.now();
  const deployed: Omit<Deployed, 'emit'> = {
    cluster,
    runId: RUN,
    namespace,
    deployment: 'capture-api',
    labels: { app: 'capture-api' },
    replicas: 2,
    containerPort: 8_000,
    pods: () => pods.objects(),
    nodes: () => [],
    deploymentNow: () => undefined,
    connects: connectsFromNode,
    undo: { intent: () => 1, acted: () => undefined, done: () => undefined },
    nowMs,
    signal: ending.signal,
    attached: true,
  };
  return {
    async play(chaos, { forMs, change = (text) => text, meanwhile }) {
      const text = readFileSync(path.join(ROOT, 'chaos', `${chaos}.yaml`), 'utf8');
      const changed = path.join(folder, `${chaos}.yaml`);
      writeFileSync(changed, change(text));
      const [object] = readYaml(changed);
      if (object === undefined) throw new Error(`chaos/${chaos}.yaml is empty`);
      const events: Event[] = [];
      const writer = new RunWriter(mkdtempSync(path.join(folder, 'run-')), nowMs);
      writer.observe((event) => events.push(event));
      if (meanwhile) writer.observe(meanwhile);
      await disturb({
        planned: {
          name: chaos,
          fault: { chaos },
          atMs: 0,
          slotMs: SLOT_MS,
          ...(forMs !== undefined && { forMs }),
        },
        platform: {
          fault: (planned, random) =>
            prepareFault(
              { ...deployed, emit: writer.emit },
              planned,
              moveChaos(object, { from: AIMED_AT, to: namespace }),
              random,
            ),
        },
        writer,
        random: randomFrom(1),
        nowMs,
        signal: ending.signal,
      });
      writer.close();
      return played(events);
    },
    async left() {
      const chaos = await kubectl('get', 'podchaos,networkchaos,stresschaos', '-n', namespace, '-o', 'name');
      const rules = '{range .items[?(@.spec.iptables)]}{.metadata.name}{"\\n"}{end}';
      const dirty = await kubectl('get', 'podnetworkchaos', '-n', namespace, '-o', `jsonpath=${rules}`);
      return [chaos, dirty].filter(Boolean).join('\n');
    },
    async remove() {
      ending.abort();
      pods.stop();
      cluster.close();
      await kubectl('delete', 'namespace', namespace, '--timeout=100s');
      await down();
      rmSync(folder, { recursive: true });
    },
  };
}

function played(events: readonly Event[]): Played {
  const first = <K extends Event['kind']>(kind: K) =>
    events.find((event): event is EventOf<K> => event.kind === kind);
  return {
    story: events.map((event) => (event.kind === 'fault.proof' ? event.saw : event.kind)),
    proofs: Object.fromEntries(
      events
        .flatMap((event) => (event.kind === 'fault.proof' ? [[event.saw, event.detail]] : []))
        .toReversed(), // of several the first stays
    ),
    intent: first('fault.intent'),
    failed: first('fault.failed')?.why,
  };
}

/** The pod network begins on a node. */
async function connectsFromNode(pod: KubeObject, port: number, timeoutMs: number): Promise<boolean> {
  const { podIP = '' } = (pod['status'] ?? {}) as { podIP?: string };
  const connect = [
    'timeout',
    String(timeoutMs / 1_000),
    'bash',
    '-c',
    ': < "/dev/tcp/$0/$1"',
    podIP,
    String(port),
  ];
  const entered = [`--net=/run/netns/${NODE_A.netns}`, ...connect];
  return promisify(execFile)('nsenter', entered, { cwd: '/' }).then(
    () => true,
    () => false,
  );
}

function storesIn(namespace: string): unknown[] {
  const file = path.join(ROOT, 'systems/event-pipeline/reference/manifests/stores.yaml');
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    const object = document.toJS() as { metadata: object };
    return { ...object, metadata: { ...object.metadata, namespace } };
  });
}

/** Pods that listen, and have what a proof needs. */
function client(app: string, port: number, replicas: number): unknown {
  const container = {
    name: app,
    image: 'proofload-kafka:4',
    command: ['busybox', 'httpd', '-f', '-p', String(port), '-h', '/tmp'],
    ports: [{ containerPort: port }],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: app },
    spec: {
      replicas,
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels: { app } },
        spec: { terminationGracePeriodSeconds: 1, containers: [container] },
      },
    },
  };
}
