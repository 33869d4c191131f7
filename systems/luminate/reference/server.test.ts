/** The reference system as processes over a real PostgreSQL: what it promises, and that each defect breaks exactly that. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../platforms/local/ports.ts';
import { startPostgres } from '../../../platforms/local/postgres.ts';
import type { Postgres } from '../../../platforms/local/postgres.ts';
import type { StoredRange } from '../../../record/contract.ts';
import { contract } from '../contract.ts';
import { mintToken } from '../token.ts';
import { DEFECTS } from './defects.ts';

const SECRET = 'test';
const STORE_TIMEOUT_MS = 300;
const folder = mkdtempSync(path.join(os.tmpdir(), 'luminate-test-'));
const program = path.join(folder, 'server.cjs');
const undone: (() => unknown)[] = [];
let postgres: Postgres;
let runs = 0;
let runId = '';

beforeAll(async () => {
  await build({
    entryPoints: [path.join(import.meta.dirname, 'server.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    external: ['pg-native'],
    logLevel: 'error',
  });
  postgres = await startPostgres({
    runId: `luminate-test-${process.pid}`,
    evidenceDir: folder,
    undo: { intent: () => 0, acted: () => undefined, done: () => undefined },
    signal: new AbortController().signal,
    onLost: (why) => {
      throw new Error(why);
    },
  });
}, 60_000);
afterAll(async () => {
  await postgres.remove();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  for (const undo of undone.splice(0).toReversed()) await undo();
});

interface Pod {
  url: string;
  child: ChildProcess;
  exited: Promise<number | NodeJS.Signals | null>;
  output(): string;
}

function launch(env: Record<string, string>, url = ''): Pod {
  const child = spawn(process.execPath, [program], { env: { ...env }, stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  undone.push(() => {
    child.kill('SIGKILL');
    return exited;
  });
  return { url, child, exited, output: () => output };
}

/** Starts a server of a fresh run; `store` is the port of the store or of a proxy before it. */
async function serve(env: Record<string, string> = {}, store = postgres.port): Promise<Pod> {
  const port = await freePort();
  return launch(
    {
      LISTEN: `127.0.0.1:${port}`,
      LUMINATE_AUTH_JWT_SECRET: SECRET,
      LUMINATE_STORE_URL: postgres.url(store),
      LUMINATE_STORE_TIMEOUT_MS: String(STORE_TIMEOUT_MS),
      LUMINATE_SHUTDOWN_TIMEOUT_MS: '500', // an idle connection of the test's own is not waited for longer
      ...env,
    },
    `http://127.0.0.1:${port}`,
  );
}

async function ready(env: Record<string, string> = {}, store?: number): Promise<Pod> {
  runId = `run-${(runs += 1)}`;
  const pod = await serve(env, store);
  await until(async () => (await health(pod)) === 200);
  return pod;
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await sleep(10);
}

async function health(pod: Pod): Promise<number> {
  const answer = await request(`${pod.url}/api/v1/health`, { reset: true }).catch(() => null);
  await answer?.body.dump();
  return answer?.statusCode ?? 0;
}

/** Connections of one client, kept alive. */
function client(connections = 10): Agent {
  const agent = new Agent({ connections, keepAliveTimeout: 60_000 });
  undone.push(() => agent.destroy());
  return agent;
}

const token = mintToken(SECRET, { tenant_id: 't', org_id: 'o', scopes: ['read', 'write'], exp: 2 ** 33 });
interface Sent {
  status: number;
  closes: boolean;
  body: unknown;
}

async function post(
  pod: Pod,
  body: string | Buffer,
  options: { headers?: Record<string, string>; agent?: Agent; route?: string } = {},
): Promise<Sent> {
  const answer = await request(`${pod.url}/api/v1/${options.route ?? 'write'}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...options.headers },
    body,
    dispatcher: options.agent ?? shared,
  });
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    closes: answer.headers['connection'] === 'close',
    body: JSON.parse(text) as unknown,
  };
}
const shared = new Agent();
afterAll(() => shared.destroy());

/** Write `n` of virtual user `vu`. */
function batch(n: number, { vu = 1, points = 2 } = {}): string {
  const metric = { name: 'm', timestamp: Date.now(), value: 1 };
  const first = { run_id: runId, runner: 'main', vu: String(vu), seq: String(n).padStart(12, '0') };
  return JSON.stringify({
    metrics: Array.from({ length: points }, (_, i) => ({
      ...metric,
      dimensions: i === 0 ? first : { run_id: runId },
    })),
  });
}

async function stored(): Promise<StoredRange[]> {
  const ranges = [];
  const storeEnv = { LUMINATE_STORE_URL: postgres.url() };
  for await (const range of contract.readBack({ storeEnv, runId })) ranges.push(range);
  return ranges;
}

/** Writes as fast as answers come until told to stop or refused; remembers what was acknowledged. */
function writers(pod: Pod, count: number) {
  const acked: string[] = [];
  const others: number[] = [];
  let closed = 0;
  const stop = new AbortController();
  const agent = client(count);
  const one = async (vu: number) => {
    for (let n = 1; !stop.signal.aborted; n += 1) {
      const sent = await post(pod, batch(n, { vu }), { agent }).catch(() => null);
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
    acked,
    others,
    closed: () => closed,
    end: async () => {
      stop.abort();
      await all;
    },
    all,
  };
}

async function missing(acked: readonly string[]): Promise<string[]> {
  const held = new Set<string>();
  for (const { vu, from, to } of await stored()) for (let n = from; n <= to; n += 1) held.add(`${vu}:${n}`);
  return acked.filter((id) => !held.has(id));
}

/** A way to the store that can be cut: connections stay, bytes do not flow. */
async function way(): Promise<{ port: number; cut(on: boolean): void }> {
  const sockets = new Set<net.Socket>();
  let isCut = false;
  const server = net.createServer((one) => {
    const other = net.connect(postgres.port, '127.0.0.1');
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undone.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    cut(on) {
      isCut = on;
      for (const socket of sockets) {
        if (on) socket.pause();
        else socket.resume();
      }
    },
  };
}

describe('the contract', () => {
  it('lets three processes start at once on an empty store', async () => {
    const pods = await Promise.all([ready(), ready(), ready()]);
    for (const pod of pods) expect((await post(pod, batch(1))).status).toBe(200);
    expect(await stored()).toEqual([{ runner: 'main', vu: 1, from: 1, to: 1, copies: 1 }]);
  });

  it('stores a write once, whichever way and however often it comes', async () => {
    const pod = await ready();
    const whole = { status: 200, body: { accepted: 2, rejected: 0, errors: [] } };
    expect(await post(pod, batch(1))).toMatchObject(whole);
    expect(await post(pod, batch(1))).toMatchObject(whole);
    const zipped = await post(pod, gzipSync(batch(2)), { headers: { 'content-encoding': 'gzip' } });
    expect(zipped).toMatchObject({ ...whole, closes: false });
    await post(pod, batch(4));
    expect(await stored()).toEqual([
      { runner: 'main', vu: 1, from: 1, to: 2, copies: 1 },
      { runner: 'main', vu: 1, from: 4, to: 4, copies: 1 },
    ]);
    const secrets = { 'jwt-secret': SECRET };
    expect(await contract.countPoints({ url: pod.url, runId, secrets })).toBe(6);
    expect(
      await contract.probeWrite({
        url: pod.url,
        runId,
        secrets,
        id: { runner: 'p', vu: 1, n: 1 },
        timeoutMs: 5_000,
      }),
    ).toMatchObject({ serves: true, outcome: 'A' });
    expect(await stored()).toContainEqual({ runner: 'p', vu: 1, from: 1, to: 1, copies: 1 });
  });

  it('refuses what it must, in the words of the contract', async () => {
    const pod = await ready();
    const expired = mintToken(SECRET, { tenant_id: 't', org_id: 'o', scopes: ['write'], exp: 1 });
    const reader = mintToken(SECRET, { tenant_id: 't', org_id: 'o', scopes: ['read'], exp: 2 ** 33 });
    const forged = mintToken('guess', { tenant_id: 't', org_id: 'o', scopes: ['write'], exp: 2 ** 33 });
    const status = async (body: string | Buffer, headers: Record<string, string> = {}, route = 'write') =>
      (await post(pod, body, { headers, route })).status;
    const good = JSON.parse(batch(1, { points: 1 })) as { metrics: object[] };
    const bad = { ...good.metrics[0], value: 'x' };
    expect(await status(batch(1), { authorization: '' })).toBe(401);
    for (const wrong of [expired, forged, 'x'])
      expect(await status(batch(1), { authorization: `Bearer ${wrong}` })).toBe(401);
    expect(await status(batch(1), { authorization: `Bearer ${reader}` })).toBe(403);
    expect(await status('{')).toBe(400);
    expect(await status(JSON.stringify({ metrics: [bad] }))).toBe(400);
    expect(await status('x', { 'content-encoding': 'gzip' })).toBe(400);
    expect(await status('x', { 'content-encoding': 'br' })).toBe(415);
    expect(await status(gzipSync(Buffer.alloc(11_000_000, 32)), { 'content-encoding': 'gzip' })).toBe(413);
    expect(await status(batch(1), {}, 'elsewhere')).toBe(404);
    expect(await status('{"queryType":"range"}', {}, 'query')).toBe(400);
    expect(await stored()).toEqual([]);
    const partial = await post(pod, JSON.stringify({ metrics: [...good.metrics, bad] }));
    expect(partial).toMatchObject({
      status: 207,
      body: { accepted: 1, rejected: 1, errors: [{ index: 1 }] },
    });
    expect(
      (await post(pod, JSON.stringify({ metrics: [{ ...good.metrics[0], dimensions: {} }] }))).status,
    ).toBe(200);
    const metrics = await (await request(`${pod.url}/metrics`)).body.text();
    expect(metrics).toContain('luminate_write_requests_total{status="401"} 4');
    for (const name of ['query_requests_total', 'query_latency_seconds_count', 'rate_limit_exceeded_total'])
      expect(metrics).toContain(`luminate_${name}`);
  });

  it('holds a tenant to its limit where there is one', async () => {
    const pod = await ready({ LUMINATE_TENANT_METRICS_PER_S: '5' });
    expect((await post(pod, batch(1, { points: 10 }))).status).toBe(200);
    expect((await post(pod, batch(2, { points: 10 }))).status).toBe(429);
  });

  it('refuses a body that is too large without reading it', async () => {
    const pod = await ready();
    const socket = net.connect(Number(new URL(pod.url).port), '127.0.0.1');
    undone.push(() => socket.destroy());
    socket.write(
      `POST /api/v1/write HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 99999999\r\n\r\n{`,
    );
    const answer = await new Promise((resolve) => {
      socket.once('data', (chunk) => resolve(chunk.toString()));
    });
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*connection: close/);
  });
});

describe('what was acknowledged is stored', () => {
  it('after a SIGKILL under load', async () => {
    const pod = await ready();
    const load = writers(pod, 20);
    await until(() => load.acked.length >= 300);
    pod.child.kill('SIGKILL');
    await load.all;
    expect(load.others).toEqual([]);
    expect(await missing(load.acked)).toEqual([]);
  });

  it('after a SIGTERM under load, which no client notices', async () => {
    const pod = await ready({ LUMINATE_SHUTDOWN_TIMEOUT_MS: '20000' });
    const load = writers(pod, 20);
    await until(() => load.acked.length >= 300);
    pod.child.kill('SIGTERM');
    await load.all;
    expect(await pod.exited).toBe(0);
    expect(load.closed()).toBe(20);
    expect(load.others).toEqual([]);
    expect(await missing(load.acked)).toEqual([]);
  });

  it('after the store was killed and came back', async () => {
    const pod = await ready();
    const load = writers(pod, 5);
    await until(() => load.acked.length >= 50);
    await postgres.restart();
    await until(async () => (await health(pod)) === 200);
    const before = load.acked.length;
    await until(() => load.acked.length >= before + 50);
    await load.end();
    expect(await missing(load.acked)).toEqual([]);
  });
});

describe('while the store is cut off', () => {
  it('says so at once, and serves again when it is back', async () => {
    const store = await way();
    const pod = await ready({}, store.port);
    expect((await post(pod, batch(1))).status).toBe(200);
    store.cut(true);
    expect((await post(pod, batch(2))).status).toBe(503); // after the time limit of a statement
    expect(await health(pod)).toBe(503);
    expect((await post(pod, batch(3))).status).toBe(503);
    expect(pod.output()).toContain('suspected');
    store.cut(false);
    await until(async () => (await health(pod)) === 200);
    expect((await post(pod, batch(4))).status).toBe(200);
    expect(await missing(['1:1', '1:4'])).toEqual([]);
  });

  it('notices without any write', async () => {
    const store = await way();
    const pod = await ready({}, store.port);
    store.cut(true);
    await until(async () => (await health(pod)) === 503);
    store.cut(false);
    await until(async () => (await health(pod)) === 200);
  });

  it('starts, unhealthy, and ends cleanly when told to', async () => {
    const store = await way();
    store.cut(true);
    const pod = await serve({}, store.port);
    await until(async () => (await health(pod)) === 503);
    expect((await post(pod, batch(1))).status).toBe(503);
    pod.child.kill('SIGTERM');
    expect(await pod.exited).toBe(0);
  });
});

describe('defects', () => {
  it('ack-before-store loses what it acknowledged when it is killed', async () => {
    const pod = await ready({ PROOFLOAD_DEFECT: 'ack-before-store' });
    expect((await post(pod, batch(1))).status).toBe(200);
    pod.child.kill('SIGKILL');
    await pod.exited;
    expect(await missing(['1:1'])).toEqual(['1:1']);
  });

  it('ack-before-store loses nothing by SIGTERM or by a cut', async () => {
    const store = await way();
    const pod = await ready({ PROOFLOAD_DEFECT: 'ack-before-store' }, store.port);
    store.cut(true);
    expect((await post(pod, batch(1))).status).toBe(200);
    await until(async () => (await health(pod)) === 503);
    expect((await post(pod, batch(2))).status).toBe(503);
    store.cut(false);
    await until(async () => (await health(pod)) === 200);
    expect((await post(pod, batch(3))).status).toBe(200);
    pod.child.kill('SIGTERM');
    expect(await pod.exited).toBe(0);
    expect(await missing(['1:1', '1:3'])).toEqual([]);
  });

  it('drop-on-sigterm answers 200 to the last and stores nothing of it', async () => {
    const pod = await ready({ PROOFLOAD_DEFECT: 'drop-on-sigterm' });
    const agent = client();
    expect(await post(pod, batch(1), { agent })).toMatchObject({ status: 200, closes: false });
    pod.child.kill('SIGTERM');
    await until(() => pod.output().includes('SIGTERM received'));
    expect(await post(pod, batch(2), { agent })).toMatchObject({ status: 200, closes: true });
    expect(await pod.exited).toBe(0);
    expect(await missing(['1:1', '1:2'])).toEqual(['1:2']);
  });

  it('ignore-sigterm goes on until it is killed', async () => {
    const pod = await ready({ PROOFLOAD_DEFECT: 'ignore-sigterm' });
    pod.child.kill('SIGTERM');
    await until(() => pod.output().includes('SIGTERM received'));
    expect(await post(pod, batch(1))).toMatchObject({ status: 200, closes: false });
    pod.child.kill('SIGKILL');
    expect(await pod.exited).toBe('SIGKILL');
    expect(await missing(['1:1'])).toEqual([]);
  });

  it('ready-without-store is healthy without its store, and only says so', async () => {
    const store = await way();
    const pod = await ready({ PROOFLOAD_DEFECT: 'ready-without-store' }, store.port);
    store.cut(true);
    expect((await post(pod, batch(1))).status).toBe(503);
    expect(await health(pod)).toBe(200);
  });

  it('error-after-store answers one write in a thousand 500, and its retry is stored twice', async () => {
    const pod = await ready({ PROOFLOAD_DEFECT: 'error-after-store' });
    const agent = client();
    const failed: number[] = [];
    for (let n = 1; n <= 1_000; n += 50) {
      const group = Array.from({ length: 50 }, (_, i) => n + i);
      await Promise.all(
        group.map(async (one) => {
          if ((await post(pod, batch(one), { agent })).status === 500) failed.push(one);
        }),
      );
    }
    expect(failed).toHaveLength(1);
    const again = failed[0] ?? 0;
    expect((await post(pod, batch(again), { agent })).status).toBe(200);
    const ranges = await stored();
    expect(ranges.filter(({ copies }) => copies !== 1)).toEqual([
      { runner: 'main', vu: 1, from: again, to: again, copies: 2 },
    ]);
    const secrets = { 'jwt-secret': SECRET };
    expect(await contract.countPoints({ url: pod.url, runId, secrets })).toBe(2_000);
  });

  it('none by an unknown name', async () => {
    const pod = await serve({ PROOFLOAD_DEFECT: 'ack-after-store' });
    expect(await pod.exited).toBe(2);
    expect(pod.output()).toContain(Object.keys(DEFECTS).join(', '));
  });
});

it('says why it cannot listen', async () => {
  const first = await ready();
  const second = await serve({ LISTEN: first.url.replace('http://', '') });
  expect(await second.exited).toBe(1);
  expect(second.output()).toContain('EADDRINUSE');
});

it('leaves no log of the store that shows a broken statement', () => {
  const log = readFileSync(path.join(folder, 'store.log'), 'utf8');
  expect(log.split('\n').filter((line) => /ERROR|deadlock/.test(line))).toEqual([]);
});
