/** How the harness reaches the system's store for the read-back: the URL that the pods have, with a host that leads there from here. */
import { reasonOf } from '../../record/reason.ts';
import type { Emit } from '../platform.ts';
import type { Cluster, KubeObject } from './cluster.ts';
import type { Dial } from './dial.ts';
import { slicesOf } from './endpoint-slice.ts';
import { hostOf, readService } from './reach.ts';
import type { ServiceObject } from './reach.ts';

const REACHED_WITHIN_MS = 1_000;

export interface StoreReach {
  /** Undefined while there is no way. */
  url(): string | undefined;
  /** The endpoints have changed: a way through the API server may need another pod. */
  follow(): void;
  close(): Promise<void>;
}

/** A ready pod behind a port of a Service, and the pod's own port. */
export function behindService(
  slices: readonly KubeObject[],
  service: ServiceObject,
  port: number,
): { pod: string; port: number } | undefined {
  const portName = service.spec.ports.find((each) => each.port === port)?.name ?? '';
  for (const { ports, ready } of slicesOf(slices, service.metadata.name)) {
    const own = ports.find(({ name }) => name === portName);
    const [pod] = ready;
    if (own !== undefined && pod !== undefined) return { pod, port: own.port };
  }
  return undefined;
}

/** `service`, `service.namespace`, `service.namespace.svc`...; undefined for a host that is no name of a Service. */
export function serviceOf(host: string, namespace: string): { name: string; namespace: string } | undefined {
  const [name = '', inside = namespace, svc = 'svc'] = host.split('.');
  return /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) && svc === 'svc' ? { name, namespace: inside } : undefined;
}

/** A URL with another host; its secrets stay where they were. */
export function withHost(text: string, host: string, port: number): string {
  const url = new URL(text);
  url.hostname = hostOf(host);
  url.port = String(port);
  return url.href;
}

/** Where a URL names none. */
const DEFAULT_PORTS: Record<string, number> = {
  'postgres:': 5_432,
  'postgresql:': 5_432,
  'http:': 80,
  'kafka:': 9_092,
};

/** `url` is the one the pods have. A host that is no Service of the cluster is left alone: it may well be reached from here. */
export async function reachStore(options: {
  cluster: Cluster;
  namespace: string;
  url: string;
  /** EndpointSlices of the namespace as last heard of. */
  slices: () => readonly KubeObject[];
  dial: Dial;
  emit: Emit;
}): Promise<StoreReach> {
  const { cluster, url, slices, dial, emit } = options;
  const asItIs = { url: () => url, follow: () => undefined, close: () => Promise.resolve() };
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const named = parsed && serviceOf(parsed.hostname, options.namespace);
  if (parsed === undefined || named === undefined) return asItIs;
  const found = await cluster.get({ apiVersion: 'v1', kind: 'Service', ...named });
  if (found === null) return asItIs;
  const service = readService(found);
  const port = parsed.port === '' ? DEFAULT_PORTS[parsed.protocol] : Number(parsed.port);
  if (port === undefined) return asItIs;
  const { clusterIP } = service.spec;
  if (clusterIP !== undefined && clusterIP !== 'None' && (await dial(clusterIP, port, REACHED_WITHIN_MS))) {
    const direct = withHost(url, clusterIP, port);
    return { ...asItIs, url: () => direct };
  }
  emit({
    kind: 'note',
    text: `the store (Service ${named.name}) is read back through the API server (port-forward): its address does not answer from here`,
  });

  let way: { pod: string; port: number; close(): Promise<void> } | undefined;
  let busy: Promise<void> = Promise.resolve();
  let closed = false;
  const inOther = named.namespace !== options.namespace;
  const renew = async () => {
    const there = inOther
      ? await cluster.list(
          { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
          { namespace: named.namespace },
        )
      : slices();
    const target = behindService(there, service, port);
    if (closed || target?.pod === way?.pod) return;
    const old = way;
    way = undefined;
    await old?.close();
    if (target === undefined) return;
    const made = await cluster.portForward({ namespace: named.namespace, ...target });
    if (closed) await made.close();
    else way = { pod: target.pod, port: made.port, close: () => made.close() };
  };
  const follow = () => {
    busy = busy.then(renew).catch((error: unknown) => {
      const why = reasonOf(error);
      emit({ kind: 'note', text: `no way to the store: ${why}` });
    });
  };
  follow();
  await busy;
  return {
    url: () => (way === undefined ? undefined : withHost(url, '127.0.0.1', way.port)),
    follow,
    async close() {
      closed = true;
      await busy;
      await way?.close();
    },
  };
}
