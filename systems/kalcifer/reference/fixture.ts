/** For tests: the server as processes of its own over a real PostgreSQL, and a client. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { Pool } from 'pg';
import { request } from 'undici';
import { contract } from '../contract.ts';

const KEY = 'test-key-of-the-tenant';

export interface Pod {
  url: string;
  child: ChildProcess;
  exited: Promise<number | NodeJS.Signals | null>;
}

interface Said {
  status: number;
  closes: boolean;
  body: Record<string, unknown>;
}

/** Of platforms/local, which tests may import and this folder may not: they hand it in. */
interface Tools {
  startPostgres(options: {
    runId: string;
    evidenceDir: string;
    undo: { intent(): number; acted(): void; done(): void };
    signal: AbortSignal;
    onLost(why: string): void;
  }): Promise<{ url(): string; remove(): Promise<void> }>;
  freePort(): Promise<number>;
}

export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await sleep(10);
}

export async function ask(pod: Pod, route: string, payload?: unknown, token = KEY): Promise<Said> {
  const answer = await request(`${pod.url}${route}`, {
    method: payload === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}` },
    ...(payload !== undefined && { body: JSON.stringify(payload) }),
  });
  const text = await answer.body.text();
  const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text };
  return { status: answer.statusCode, closes: answer.headers['connection'] === 'close', body };
}

/** One test file's store and processes; each test has a database of its own. */
export class Lab {
  readonly #tools: Tools;
  readonly #pods: Pod[] = [];
  #store: { url(): string; remove(): Promise<void> } | undefined;
  #program = '';
  #folder = '';
  #database = 0;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  async open(): Promise<void> {
    this.#folder = mkdtempSync(path.join(os.tmpdir(), 'kalcifer-test-'));
    this.#program = path.join(this.#folder, 'server.cjs');
    await build({
      entryPoints: [path.join(import.meta.dirname, 'server.ts')],
      outfile: this.#program,
      bundle: true,
      platform: 'node',
      external: ['pg-native'],
      logLevel: 'error',
    });
    this.#store = await this.#tools.startPostgres({
      runId: path.basename(this.#folder),
      evidenceDir: this.#folder,
      undo: { intent: () => 0, acted: () => undefined, done: () => undefined },
      signal: new AbortController().signal,
      onLost: (why) => {
        throw new Error(why);
      },
    });
  }

  async close(): Promise<void> {
    await this.#store?.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A new database. */
  async begin(): Promise<void> {
    this.#database += 1;
    const pool = new Pool({ connectionString: this.#store?.url() });
    await pool.query(`CREATE DATABASE test_${this.#database}`);
    await pool.end();
    mkdirSync(this.truthDir);
  }

  async end(): Promise<void> {
    for (const { child, exited } of this.#pods.splice(0)) {
      child.kill('SIGKILL');
      await exited;
    }
  }

  get url(): string {
    return new URL(`/test_${this.#database}`, this.#store?.url()).href;
  }

  get truthDir(): string {
    return path.join(this.#folder, `truth-${this.#database}`);
  }

  /** A pod that is ready. */
  async serve(name: string, env: Record<string, string> = {}): Promise<Pod> {
    const port = await this.#tools.freePort();
    const child = spawn(process.execPath, [this.#program], {
      env: {
        LISTEN: `127.0.0.1:${port}`,
        DATABASE_URL: this.url,
        KALCIFER_API_KEY: KEY,
        KALCIFER_SHUTDOWN_TIMEOUT_MS: '500', // an idle connection of the test's own is not waited for longer
        HOSTNAME: name,
        PROOFLOAD_TRUTH_DIR: this.truthDir,
        ...env,
      },
      stdio: 'ignore',
    });
    const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
      child.on('close', (code, signal) => resolve(signal ?? code));
    });
    const pod = { url: `http://127.0.0.1:${port}`, child, exited };
    this.#pods.push(pod);
    await until(async () => (await ask(pod, '/health/ready').catch(() => null))?.status === 200);
    return pod;
  }

  /** An active flow with the graph of the contract, and `timeout` for its wait. */
  async flow(pod: Pod, timeout = '30d'): Promise<string> {
    const { env } = contract.loadEnv({ url: pod.url, runId: 'run', secrets: { 'api-key': KEY } });
    const graph: unknown = JSON.parse((env['GRAPH'] ?? '').replace('30d', timeout));
    const made = await ask(pod, '/api/v1/flows', { name: 'test' });
    const id = (made.body['data'] as { id: string }).id;
    await ask(pod, `/api/v1/flows/${id}/versions`, { graph });
    await ask(pod, `/api/v1/flows/${id}/activate`, {});
    return id;
  }

  /** As the load does it: journey `before/<vu>/<n>`. */
  trigger(pod: Pod, flowId: string, n: number, vu = 1): Promise<Said> {
    return ask(pod, `/api/v1/flows/${flowId}/trigger`, { customer_id: `run/before/${vu}/${n}` });
  }

  /** Event `load/1/<n>` to that journey. */
  event(pod: Pod, n: number): Promise<Said> {
    const data = { proofload: `run/load/1/${n}` };
    return ask(pod, '/api/v1/events', { customer_id: `run/before/1/${n}`, event_type: 'proofload_go', data });
  }

  /** Every write of the run by its state, as `runner/vu:n`. */
  async states(): Promise<Record<string, string[]>> {
    const byState: Record<string, string[]> = {};
    const reading = contract.states?.read({ storeEnv: { DATABASE_URL: this.url }, runId: 'run' }) ?? [];
    for await (const { runner, vu, from, to, state } of reading)
      for (let n = from; n <= to; n += 1) (byState[state] ??= []).push(`${runner}/${vu}:${n}`);
    return byState;
  }

  /** What the defects wrote down, as `runner/vu:n`, each once. */
  truth(ending = ''): string[] {
    const files = readdirSync(this.truthDir).filter(
      (name) => name.endsWith('.kept') === (ending === '.kept'),
    );
    const lines = files.flatMap((name) =>
      readFileSync(path.join(this.truthDir, name), 'utf8').trimEnd().split('\n'),
    );
    return [...new Set(lines.map((line) => line.replace(' ', '/').replace(' ', ':')))].toSorted();
  }
}
