/**
 * How pods are reached from where the harness runs: by their own addresses where the network leads there (on a node, in a pod, over
 * a VPN), else through the API server. Decided once, with a connection, and said in the history.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CannotRun } from '../platform.ts';
import type { Emit } from '../platform.ts';
import { z } from 'zod';
import type { Cluster, KubeObject } from './cluster.ts';
import { dialThrough } from './dial.ts';
import type { Dial } from './dial.ts';
import { isReady, isTerminating, readPod } from './pod-shape.ts';

/** Long for a network of one site, short beside a deployment. */
const REACHED_WITHIN_MS = 1_000;

export interface PodReach {
  readonly way: 'direct' | 'port-forward';
  /** `http://host:port` of a pod alone; undefined while it has none, and while the API server does not carry connections to it. */
  url(pod: KubeObject): string | undefined;
  /** False when refused or silent for `timeoutMs`; undefined when the pod could not be asked, which says nothing of it. */
  connects(pod: KubeObject, port: number, timeoutMs: number): Promise<boolean | undefined>;
  /** The pods have changed: ways through the API server are opened and closed. */
  follow(pods: readonly KubeObject[]): void;
  /** Resolves when no way is being opened any more. */
  opened(): Promise<void>;
  close(): Promise<void>;
}

interface Way {
  port: number;
  close(): Promise<void>;
}

interface Entry {
  uid: string;
  way: Promise<Way>;
  open: Way | undefined;
  /** Connections that the API server did not carry to the pod, so far. */
  unasked: number;
  /** Set while the last word was such a one: since when on the run's clock, and why. */
  blind: { fromMs: number; why: string } | undefined;
}

/** How long a way that led nowhere is left alone before it is tried again. */
const TRY_AGAIN_MS = 1_000;

export interface PodReachOptions {
  cluster: Cluster;
  namespace: string;
  containerPort: number;
  dial: Dial;
  emit: Emit;
  nowMs: () => number;
  signal: AbortSignal;
}

/** Tries the address of one Ready pod. `pods` must hold one. */
export async function openPodReach(options: PodReachOptions, pods: readonly KubeObject[]): Promise<PodReach> {
  const ready = pods.map(readPod).find((pod) => isReady(pod) && pod.status.podIP !== undefined);
  if (ready === undefined) throw new CannotRun('no pod is Ready, so there is nothing to reach');
  const { podIP = '' } = ready.status;
  const { containerPort, dial, emit } = options;
  const direct = await dial(podIP, containerPort, REACHED_WITHIN_MS);
  emit({
    kind: 'note',
    text: direct
      ? `pods are reached directly, at their own addresses (${ready.metadata.name} at ${podIP}:${containerPort})`
      : `pods are reached through the API server (port-forward): ${podIP}:${containerPort} did not answer from here within ${REACHED_WITHIN_MS / 1_000} s. A port-forward enters the pod behind its network, so it does not see what the network does`,
  });
  const reach = direct ? directReach(options) : forwardReach(options);
  reach.follow(pods);
  return reach;
}

function directReach({ containerPort, dial }: PodReachOptions): PodReach {
  const addressOf = (object: KubeObject) => readPod(object).status.podIP;
  return {
    way: 'direct',
    url(pod) {
      const address = addressOf(pod);
      return address === undefined ? undefined : `http://${hostOf(address)}:${containerPort}`;
    },
    connects(pod, port, timeoutMs) {
      const address = addressOf(pod);
      return address === undefined ? Promise.resolve(false) : dial(address, port, timeoutMs);
    },
    follow: () => undefined,
    opened: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function forwardReach({ cluster, namespace, containerPort, emit, nowMs, signal }: PodReachOptions): PodReach {
  /** By uid and port. */
  const ways = new Map<string, Entry>();
  let closed = false;

  const tellBlind = (entry: Entry) => {
    if (entry.blind !== undefined) emit({ kind: 'gap', what: 'pods reach', toMs: nowMs(), ...entry.blind });
    entry.blind = undefined;
  };
  /** Tries a blind way until it leads to the pod again, or is let go. */
  const untilSeen = async (key: string, entry: Entry) => {
    while (ways.get(key) === entry && entry.open !== undefined) {
      await pause(TRY_AGAIN_MS, undefined, { ref: false });
      const before = entry.unasked;
      if (ways.get(key) !== entry) break;
      await dialThrough('127.0.0.1', entry.open.port, REACHED_WITHIN_MS);
      if (entry.unasked === before) break;
    }
    tellBlind(entry);
  };
  const open = (object: KubeObject, port: number): Entry => {
    const { name, uid = '' } = object.metadata;
    const key = `${uid} ${port}`;
    const known = ways.get(key);
    if (known !== undefined) return known;
    const unasked = (why: string) => {
      entry.unasked += 1;
      if (entry.blind !== undefined || ways.get(key) !== entry) return;
      // The look that met it began before.
      entry.blind = { fromMs: Math.max(0, nowMs() - REACHED_WITHIN_MS), why };
      void untilSeen(key, entry);
    };
    const way = cluster.portForward({ namespace, pod: name, port, unasked });
    const entry: Entry = { uid, way, open: undefined, unasked: 0, blind: undefined };
    ways.set(key, entry);
    const settle = async () => {
      try {
        entry.open = await way;
        if (closed || ways.get(key) !== entry) await entry.open.close();
      } catch {
        // A pod that cannot be reached yet is tried again when it changes.
        ways.delete(key);
      }
    };
    void settle();
    return entry;
  };

  return {
    way: 'port-forward',
    url(pod) {
      const entry = ways.get(`${pod.metadata.uid ?? ''} ${containerPort}`);
      if (entry?.open === undefined || entry.blind !== undefined) return undefined;
      return `http://127.0.0.1:${entry.open.port}`;
    },
    async connects(pod, port, timeoutMs) {
      const entry = open(pod, port);
      const before = entry.unasked;
      try {
        const { port: localPort } = await entry.way;
        const answered = await dialThrough('127.0.0.1', localPort, timeoutMs);
        return !answered && entry.unasked > before ? undefined : answered;
      } catch {
        return undefined;
      }
    },
    follow(pods) {
      if (closed || signal.aborted) return;
      const there = new Set(pods.map(({ metadata }) => metadata.uid));
      for (const [key, entry] of ways) {
        if (there.has(entry.uid)) continue;
        ways.delete(key);
        tellBlind(entry);
        void entry.open?.close();
      }
      for (const object of pods) {
        const pod = readPod(object);
        if (pod.status.phase === 'Running' && !isTerminating(pod))
          open(object, containerPort).way.catch(() => undefined);
      }
    },
    async opened() {
      await Promise.allSettled([...ways.values()].map(({ way }) => way));
    },
    async close() {
      closed = true;
      ways.forEach(tellBlind);
      const made = [...ways.values()].flatMap(({ open: way }) => (way === undefined ? [] : [way.close()]));
      ways.clear();
      await Promise.allSettled(made);
    },
  };
}

const ServiceObject = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    clusterIP: z.string().optional(),
    ports: z
      .array(z.object({ port: z.number(), name: z.string().optional(), nodePort: z.number().optional() }))
      .default([]),
  }),
  status: z
    .object({
      loadBalancer: z
        .object({
          ingress: z
            .array(z.object({ ip: z.string().optional(), hostname: z.string().optional() }))
            .nullish(),
        })
        .nullish(),
    })
    .prefault({}),
});
export type ServiceObject = z.infer<typeof ServiceObject>;

export function readService(object: KubeObject): ServiceObject {
  return ServiceObject.parse(object);
}

const NodeAddresses = z.object({
  status: z.object({
    addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
  }),
});

/** Where the load goes: the first address of the Service that accepts a connection from here. Rejects with CannotRun when none does. */
export async function chooseLoadUrl(options: {
  /** `--load-url`; it is taken as it is. */
  given: string | undefined;
  service: KubeObject;
  port: number;
  nodes: readonly KubeObject[];
  dial: Dial;
  /** Where pods answer directly, their Service will, too, once every node has heard of its endpoints: that long is waited, milliseconds. */
  patienceMs: number;
}): Promise<string> {
  if (options.given !== undefined) return options.given;
  const { spec, status, metadata } = readService(options.service);
  const nodePort = spec.ports.find(({ port }) => port === options.port)?.nodePort;
  const candidates: [string, number][] = [];
  if (spec.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None')
    candidates.push([spec.clusterIP, options.port]);
  for (const { ip, hostname } of status.loadBalancer?.ingress ?? []) {
    const host = ip ?? hostname;
    if (host !== undefined) candidates.push([host, options.port]);
  }
  if (nodePort !== undefined)
    for (const node of options.nodes) {
      const addresses = NodeAddresses.safeParse(node).data?.status.addresses ?? [];
      for (const { type, address } of addresses)
        if (type === 'InternalIP' || type === 'ExternalIP') candidates.push([address, nodePort]);
    }
  const endMs = performance.now() + options.patienceMs;
  do {
    for (const [host, port] of candidates)
      if (await options.dial(host, port, REACHED_WITHIN_MS)) return `http://${hostOf(host)}:${port}`;
    // kube-proxy writes its rules once a second at the most; a refusal comes at once.
    if (performance.now() < endMs) await pause(200);
  } while (performance.now() < endMs);
  const tried = candidates.map(([host, port]) => `${host}:${port}`).join(', ');
  throw new CannotRun(
    `Service ${metadata.name} cannot be reached from here (tried ${tried || 'nothing: it has no address'}): give its address with --load-url, or run the load inside the cluster with --runners`,
  );
}

/** Where load from inside the cluster goes: the Service's own address, which need not be reachable from here. Throws CannotRun when it has none. */
export function insideUrl(given: string | undefined, object: KubeObject, port: number): string {
  if (given !== undefined) return given;
  const { spec, metadata } = readService(object);
  if (spec.clusterIP === undefined || spec.clusterIP === '' || spec.clusterIP === 'None')
    throw new CannotRun(
      `Service ${metadata.name} has no address in the cluster (clusterIP ${spec.clusterIP || 'unset'}): say with --load-url where the runners' load goes`,
    );
  return `http://${hostOf(spec.clusterIP)}:${port}`;
}

/** An IPv6 address needs brackets in a URL. */
export function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
