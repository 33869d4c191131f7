/** For tests: a cluster in memory that makes the pods of a load, with k6's REST API on real ports and a log each. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { ApiError, type Cluster, type KubeObject, type ObjectRef, type WatchHandlers } from '../cluster.ts';
import { CONTAINER } from './job.ts';

const Patch = z.object({
  data: z.object({
    attributes: z.object({ paused: z.boolean().optional(), stopped: z.boolean().optional() }),
  }),
});

type Tell = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => void;

/** One runner's pod, played by a test. */
export class FakeRunner {
  readonly index: number;
  readonly pod: string;
  /** What its k6 was asked over REST. */
  readonly asked: string[] = [];
  onRelease: () => void = () => undefined;
  onStop: () => void = () => this.end(103);
  /** Lines that the follower gets; `cluster.log` has them all. */
  readonly lines: string[] = [];
  status = 4;
  paused = true;
  server: Server | undefined;
  readonly #tell: Tell;
  readonly #labels: Record<string, string>;
  #onLine: ((line: string) => void) | undefined;
  #logEnded: (() => void) | undefined;
  #state: Record<string, unknown> = { waiting: { reason: 'ContainerCreating' } };
  #isReady = false;
  isGone = false;

  constructor(index: number, labels: Record<string, string>, tell: Tell) {
    this.index = index;
    this.pod = `${labels['proofload.dev/load'] ?? ''}-${index}-abcde`;
    this.#labels = labels;
    this.#tell = tell;
  }

  object(): KubeObject {
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: this.pod, uid: `uid-${this.pod}`, labels: this.#labels },
      status: {
        conditions: [{ type: 'Ready', status: this.#isReady ? 'True' : 'False' }],
        containerStatuses: [{ name: CONTAINER, state: this.#state }],
      },
    };
  }

  waits(reason: string, message: string): void {
    this.#state = { waiting: { reason, message } };
    this.#tell('MODIFIED', this.object());
  }

  ready(): void {
    this.#state = { running: {} };
    this.#isReady = true;
    this.#tell('MODIFIED', this.object());
  }

  /** `lost`: only in the log, a follower's connection is broken then. */
  say(line: string, lost = false): void {
    this.lines.push(line);
    if (!lost) this.#onLine?.(line);
  }

  /** Tells the follower once more what it has heard. */
  repeat(): void {
    for (const line of this.lines) this.#onLine?.(line);
  }

  end(exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): void {
    this.#state = { terminated: { exitCode, reason } };
    this.#isReady = false;
    this.#logEnded?.();
    this.#tell('MODIFIED', this.object());
  }

  vanish(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#logEnded?.();
    this.#tell('DELETED', this.object());
  }

  follow(onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
    for (const line of this.lines) onLine(line);
    this.#onLine = onLine;
    if (this.isGone || 'terminated' in this.#state) return Promise.resolve();
    return new Promise((resolve) => {
      this.#logEnded = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

export interface FakeCluster {
  cluster: Cluster;
  objects: KubeObject[];
  removed: ObjectRef[];
  runners: FakeRunner[];
  forwards: { opened: number; closed: number };
}

/** `play` is asked for each pod as it is made. `kinds` are those served beyond the built-in ones; `refuse` = kinds that cannot be made. */
export function fakeCluster(options: {
  play: (runner: FakeRunner) => void;
  kinds?: string[];
  refuse?: string[];
  log?: boolean;
}): FakeCluster {
  const objects: KubeObject[] = [];
  const removed: ObjectRef[] = [];
  const runners: FakeRunner[] = [];
  const forwards = { opened: 0, closed: 0 };
  const watchers = new Set<Tell>();
  const tell: Tell = (type, object) => {
    for (const watcher of watchers) watcher(type, object);
  };
  const none = () => Promise.reject(new ApiError('not played', 0, 'NotPlayed'));
  const cluster: Cluster = {
    context: 'fake',
    server: 'https://127.0.0.1:1',
    kubeconfig: undefined,
    version: none,
    clockOffsetMs: none,
    get: none,
    list: none,
    apply: none,
    patch: none,
    evict: none,
    exec: none,
    may: none,
    deletableKinds: none,
    close: () => undefined,
    serves: ({ kind }) => Promise.resolve(options.kinds?.includes(kind) ?? false),
    create(object) {
      const { kind, metadata } = object;
      if (options.refuse?.includes(kind))
        return Promise.reject(new ApiError(`create ${kind} ${metadata.name}: 403`, 403, 'Forbidden'));
      objects.push(object);
      if (kind === 'Job' || kind === 'TestRun') queueMicrotask(() => startPods(object));
      return Promise.resolve({ ...object, metadata: { ...metadata, uid: `uid-${kind}` } });
    },
    remove(ref) {
      removed.push(ref);
      if (ref.kind === 'Job' || ref.kind === 'TestRun')
        setImmediate(() => {
          for (const runner of runners) runner.vanish();
        });
      return Promise.resolve('accepted');
    },
    watch<T extends KubeObject>(_kind: unknown, _selection: unknown, handlers: WatchHandlers<T>) {
      // No more is read of it than a pod's own schema finds.
      const watcher: Tell = (type, object) => handlers.changed(type, object as T, false);
      watchers.add(watcher);
      return {
        objects: () => [],
        synced: Promise.resolve(),
        stop: () => void watchers.delete(watcher),
      };
    },
    followLog: ({ pod }, onLine, signal) => named(pod).follow(onLine, signal),
    log: ({ pod }) =>
      named(pod).isGone || options.log === false
        ? Promise.reject(new ApiError('404', 404, 'NotFound'))
        : Promise.resolve(`${named(pod).lines.join('\n')}\n`),
    async portForward({ pod }) {
      const runner = named(pod);
      const server = (runner.server ??= await serve(runner));
      forwards.opened += 1;
      const address = server.address() as AddressInfo;
      return {
        port: address.port,
        close: async () => {
          forwards.closed += 1;
          server.closeAllConnections();
          if (server.listening) await once(server.close(), 'close');
        },
      };
    },
  };
  const named = (pod: string) => {
    const runner = runners.find((one) => one.pod === pod);
    if (runner === undefined) throw new Error(`no pod ${pod}`);
    return runner;
  };
  function startPods({ kind, metadata, spec }: KubeObject): void {
    const { parallelism } = z.object({ parallelism: z.number() }).parse(spec);
    for (let index = 0; index < parallelism; index += 1) {
      const own =
        kind === 'Job'
          ? { 'batch.kubernetes.io/job-completion-index': String(index) }
          : { 'batch.kubernetes.io/job-name': `${metadata.name}-${index + 1}` };
      const runner = new FakeRunner(index, { ...metadata.labels, ...own }, tell);
      runners.push(runner);
      tell('ADDED', runner.object());
      options.play(runner);
    }
  }
  return { cluster, objects, removed, runners, forwards };
}

async function serve(runner: FakeRunner): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (request.method === 'PATCH') {
        const { paused, stopped } = Patch.parse(JSON.parse(body)).data.attributes;
        runner.asked.push(stopped ? 'stop' : 'release');
        if (paused === false) {
          runner.paused = false;
          setImmediate(() => runner.onRelease());
        }
        if (stopped) setImmediate(() => runner.onStop());
      } else runner.asked.push('status');
      const attributes = { status: runner.status, paused: runner.paused, stopped: false };
      response.end(JSON.stringify({ data: { type: 'status', id: 'default', attributes } }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
