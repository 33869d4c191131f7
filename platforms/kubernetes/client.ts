/** The door to a cluster, opened with a kubeconfig. */
import { z } from 'zod';
import { UsageError } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import { ApiError } from './cluster.ts';
import type { Access, Cluster, KindRef, KubeObject, Selection, Watched, WatchHandlers } from './cluster.ts';
import { findCredentials } from './client-config.ts';
import { createDiscovery } from './client-discovery.ts';
import { execIn } from './client-exec.ts';
import { forwardTo } from './client-forward.ts';
import { createLogs } from './client-log.ts';
import { createObjects } from './client-objects.ts';
import { openApi, parsed } from './client-request.ts';
import type { Answer, Api } from './client-request.ts';
import { watchSource } from './client-watch.ts';
import { startReflector } from './reflector.ts';

export interface ConnectOptions {
  /** As the flag of kubectl; KUBECONFIG, ~/.kube/config or the pod's service account when absent. */
  kubeconfig?: string;
  /** The kubeconfig's current one when absent. */
  context?: string;
  /** Ends the connecting, and watches that have not synced; what was connected stays, so that it can be used to clean up. */
  signal?: AbortSignal;
  /** The run's clock, for the gaps of watches, milliseconds. This process's own monotonic clock when absent. */
  nowMs?: () => number;
}

const Version = z.object({ gitVersion: z.string() });
const Review = z.object({ status: z.object({ allowed: z.boolean() }) });
const CLOCK_SAMPLES = 3;

/**
 * Asks the server for its version, so that what cannot work is known before anything else is done.
 * Throws UsageError of one line: no such kubeconfig or context, no answer, credentials refused. AbortError after `signal`.
 */
export async function connectCluster(options: ConnectOptions = {}): Promise<Cluster> {
  const { signal, nowMs = () => performance.now() } = options;
  const { config, context, server, kubeconfig } = findCredentials(options, process.env);
  const api = openApi(config, server);
  await greet(api, context, server, signal);

  const discovery = createDiscovery(api);
  const objects = createObjects(api, discovery);
  const forward = forwardTo(config);
  const open = new Set<{ close(): void | Promise<void> }>();
  return {
    context,
    server,
    kubeconfig,
    async version() {
      return parsed('get version', Version, (await readVersion(api)).body).gitVersion;
    },
    clockOffsetMs: () => clockOffset(() => readVersion(api)),
    get: objects.get,
    list: objects.list,
    apply: objects.apply,
    create: objects.create,
    patch: objects.patch,
    remove: objects.remove,
    evict: objects.evict,
    exec: execIn(config),
    ...createLogs(api, objects),
    async portForward(target) {
      const made = await forward(target);
      open.add(made);
      return {
        port: made.port,
        async close() {
          open.delete(made);
          await made.close();
        },
      };
    },
    watch<T extends KubeObject>(kind: KindRef, selection: Selection, handlers: WatchHandlers<T>): Watched<T> {
      const source = watchSource<T>(api, objects, kind, selection);
      const watched = startReflector<T>(source, handlers, { nowMs, signal });
      const entry = { close: () => watched.stop() };
      open.add(entry);
      return {
        ...watched,
        stop() {
          open.delete(entry);
          watched.stop();
        },
      };
    },
    may: (access) => may(api, access),
    async serves(kind) {
      return (await discovery.find(kind)) !== undefined;
    },
    deletableKinds: () => discovery.deletable(),
    close() {
      for (const one of open) void one.close();
      open.clear();
      api.close();
    },
  };
}

function readVersion(api: Api, repeatable = true): Promise<Answer> {
  return api.json({ what: 'get version', method: 'GET', path: '/version', repeatable });
}

async function greet(
  api: Api,
  context: string,
  server: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const onAbort = () => api.close();
  signal?.throwIfAborted();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    // Once: whoever named a cluster that is not there wants to know it now.
    await readVersion(api, false);
  } catch (error) {
    signal?.throwIfAborted();
    // It answered, and that is what was asked: some clusters keep their version to themselves.
    if (error instanceof ApiError && error.status === 403) return;
    api.close();
    const why = reasonOf(error);
    throw new UsageError(
      error instanceof ApiError && error.status === 401
        ? `context ${context}: ${server} refuses these credentials: ${why}; renew them, or choose another --context`
        : `context ${context}: cannot reach the cluster: ${why}; bring it up, or choose another with --context`,
      { cause: error },
    );
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function may(api: Api, access: Access): Promise<boolean> {
  const { verb, group, resource, subresource, namespace } = access;
  const what = `review access ${verb} ${resource}`;
  const { body } = await api.json({
    what,
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
    },
    repeatable: true,
  });
  return parsed(what, Review, body).status.allowed;
}

/**
 * The server wrote second D of its clock at some moment between sending (s) and receiving (r) here, so its offset lies in
 * [D - r, D + 1 s - s]. Several such intervals hold at once; the answer is the middle of what they have in common.
 */
export async function clockOffset(
  ask: () => Promise<Answer>,
): Promise<{ offsetMs: number; boundMs: number }> {
  let low = -Infinity;
  let high = Infinity;
  for (let i = 0; i < CLOCK_SAMPLES; i += 1) {
    const { date, sentWallMs } = await ask();
    const receivedWallMs = Date.now();
    const serverMs = Date.parse(date ?? '');
    if (Number.isNaN(serverMs)) throw new ApiError('get version: the answer has no Date', 0, 'Malformed');
    low = Math.max(low, serverMs - receivedWallMs);
    high = Math.min(high, serverMs + 1_000 - sentWallMs);
  }
  if (low > high) throw new ApiError('get version: a clock was set while it was read', 0, 'ClockChanged');
  return { offsetMs: (low + high) / 2, boundMs: (high - low) / 2 };
}
