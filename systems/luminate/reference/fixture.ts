/** For tests: the server as processes of its own, a client, and a way to the store that can be cut. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { Agent, request } from 'undici';
import type { StoredRange } from '../../../record/contract.ts';
import { contract } from '../contract.ts';
import { mintToken } from '../token.ts';

export const SECRET = 'test';
const STORE_TIMEOUT_MS = 300;
export const TOKEN = mintToken(SECRET, {
  tenant_id: 't',
  org_id: 'o',
  scopes: ['read', 'write'],
  exp: 2 ** 33,
});

export interface Pod {
  url: string;
  child: ChildProcess;
  exited: Promise<number | NodeJS.Signals | null>;
  /** What it has printed so far. */
  output(): string;
}

interface Sent {
  status: number;
  closes: boolean;
  body: unknown;
}

/** Bundles the server into one file of the folder, so that a test runs what the sources say now. */
async function bundleServer(folder: string): Promise<string> {
  const outfile = path.join(folder, 'server.cjs');
  await build({
    entryPoints: [path.join(import.meta.dirname, 'server.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    external: ['pg-native'],
    logLevel: 'error',
  });
  return outfile;
}

export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await sleep(10);
}

/** Status of the pod's health, 0 when nobody answers. */
export async function health(pod: Pod): Promise<number> {
  const answer = await request(`${pod.url}/api/v1/health`, { reset: true }).catch(() => null);
  await answer?.body.dump();
  return answer?.statusCode ?? 0;
}

export async function post(
  pod: Pod,
  body: string | Buffer,
  options: { headers?: Record<string, string>; agent?: Agent; route?: string } = {},
): Promise<Sent> {
  const answer = await request(`${pod.url}/api/v1/${options.route ?? 'write'}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, ...options.headers },
    body,
    ...(options.agent && { dispatcher: options.agent }),
  });
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    closes: answer.headers['connection'] === 'close',
    body: JSON.parse(text) as unknown,
  };
}

/** The store of one test file. */
interface Store {
  port: number;
  url(port?: number): string;
  restart(): Promise<void>;
  remove(): Promise<void>;
}

/** Of platforms/local, which tests may import and this folder may not: they hand it in. */
interface Tools {
  startStore(options: {
    runId: string;
    evidenceDir: string;
    undo: { intent(): number; acted(): void; done(): void };
    signal: AbortSignal;
    onLost(why: string): void;
  }): Promise<Store>;
  freePort(): Promise<number>;
}

/** One test file's store and processes. */
export class Lab {
  /** Of its own, with the store's log; there from `open` on. */
  folder = '';
  readonly #tools: Tools;
  readonly #undo: (() => unknown)[] = [];
  #program = '';
  #open: Store | undefined;
  #runs = 0;
  /** Of the test under way: each `ready` begins a new one. */
  runId = '';

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  get store(): Store {
    if (this.#open === undefined) throw new Error('the lab is not open');
    return this.#open;
  }

  /** Starts the store and bundles the server; takes seconds. */
  async open(): Promise<void> {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'luminate-test-'));
    this.#open = await this.#tools.startStore({
      runId: path.basename(this.folder),
      evidenceDir: this.folder,
      undo: { intent: () => 0, acted: () => undefined, done: () => undefined },
      signal: new AbortController().signal,
      onLost: (why) => {
        throw new Error(why);
      },
    });
    this.#program = await bundleServer(this.folder);
  }

  async close(): Promise<void> {
    await this.#open?.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ends whatever the test has started. */
  async clear(): Promise<void> {
    for (const undo of this.#undo.splice(0).toReversed()) await undo();
  }

  /** Starts a server; `store` is the port of the store or of a way to it. */
  async serve(env: Record<string, string> = {}, store = this.store.port): Promise<Pod> {
    const port = await this.#tools.freePort();
    const child = spawn(process.execPath, [this.#program], {
      env: {
        LISTEN: `127.0.0.1:${port}`,
        LUMINATE_AUTH_JWT_SECRET: SECRET,
        LUMINATE_STORE_URL: this.store.url(store),
        LUMINATE_STORE_TIMEOUT_MS: String(STORE_TIMEOUT_MS),
        LUMINATE_SHUTDOWN_TIMEOUT_MS: '500', // an idle connection of the test's own is not waited for longer
        ...env,
      },
      stdio: 'pipe',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
      child.on('close', (code, signal) => resolve(signal ?? code));
    });
    this.#undo.push(() => {
      child.kill('SIGKILL');
      return exited;
    });
    return { url: `http://127.0.0.1:${port}`, child, exited, output: () => output };
  }

  /** The same for a new run, and waits until it is healthy. */
  async ready(env: Record<string, string> = {}, store?: number): Promise<Pod> {
    this.#runs += 1;
    this.runId = `run-${this.#runs}`;
    const pod = await this.serve(env, store);
    await until(async () => (await health(pod)) === 200);
    return pod;
  }

  /** A client that keeps its connections. */
  client(connections: number): Agent {
    const agent = new Agent({ connections, keepAliveTimeout: 60_000 });
    this.#undo.push(() => agent.destroy());
    return agent;
  }

  /** Write `n` of virtual user `vu`. */
  batch(n: number, { vu = 1, points = 2 } = {}): string {
    const metric = { name: 'm', timestamp: Date.now(), value: 1 };
    const rest = { run_id: this.runId };
    const first = { ...rest, runner: 'main', vu: String(vu), seq: String(n).padStart(12, '0') };
    return JSON.stringify({
      metrics: Array.from({ length: points }, (_, i) => ({ ...metric, dimensions: i === 0 ? first : rest })),
    });
  }

  async stored(pointsPerWrite: ReadonlyMap<string, number> = new Map()): Promise<StoredRange[]> {
    const ranges = [];
    const storeEnv = { LUMINATE_STORE_URL: this.store.url() };
    const { runId } = this;
    for await (const range of contract.readBack({ storeEnv, runId, pointsPerWrite })) ranges.push(range);
    return ranges;
  }

  /** Those of the writes, each `vu:n`, that the store does not hold. */
  async missing(acked: readonly string[]): Promise<string[]> {
    const held = new Set<string>();
    for (const { vu, from, to } of await this.stored())
      for (let n = from; n <= to; n += 1) held.add(`${vu}:${n}`);
    return acked.filter((id) => !held.has(id));
  }

  /** `count` users who write as fast as answers come, until told to stop, to go elsewhere, or refused. */
  writers(pod: Pod, count: number) {
    const acked: string[] = [];
    const others: number[] = [];
    let closed = 0;
    const stop = new AbortController();
    const agent = this.client(count);
    const one = async (vu: number) => {
      for (let n = 1; !stop.signal.aborted; n += 1) {
        const sent = await post(pod, this.batch(n, { vu }), { agent }).catch(() => null);
        if (sent === null) return;
        if (sent.status === 200) acked.push(`${vu}:${n}`);
        else others.push(sent.status);
        if (sent.closes) {
          closed += 1;
          return;
        }
      }
    };
    const all = Promise.all(Array.from({ length: count }, (_, i) => one(i + 1)));
    return {
      /** Each `vu:n`. */
      acked,
      /** Statuses other than 200. */
      others,
      /** Users who were told to go elsewhere. */
      closed: () => closed,
      all,
      end: async () => {
        stop.abort();
        await all;
      },
    };
  }

  /** A way to the store that can be cut: connections stay, bytes do not flow. */
  async way(): Promise<{ port: number; cut(on: boolean): void }> {
    const sockets = new Set<net.Socket>();
    let isCut = false;
    const server = net.createServer((one) => {
      const other = net.connect(this.store.port, '127.0.0.1');
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        sockets.add(from);
        from.on('data', (chunk) => to.write(chunk));
        from.on('close', () => to.destroy());
        from.on('error', () => undefined);
        if (isCut) from.pause();
      }
    });
    const port = await this.#tools.freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.#undo.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return {
      port,
      cut(on) {
        isCut = on;
        for (const socket of sockets) {
          if (on) socket.pause();
          else socket.resume();
        }
      },
    };
  }
}
