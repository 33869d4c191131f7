/** The reference system as processes over a real PostgreSQL: what it promises. */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../platforms/local/ports.ts';
import { startPostgres } from '../../../platforms/local/postgres.ts';
import { contract } from '../contract.ts';
import { mintToken } from '../token.ts';
import { health, Lab, post, SECRET, TOKEN, until } from './fixture.ts';

const lab = new Lab({ startStore: startPostgres, freePort });
beforeAll(() => lab.open(), 60_000);
afterAll(() => lab.close());
afterEach(() => lab.clear());

describe('the contract', () => {
  it('lets three processes start at once on an empty store', async () => {
    const pods = await Promise.all([lab.ready(), lab.ready(), lab.ready()]);
    for (const pod of pods) expect((await post(pod, lab.batch(1))).status).toBe(200);
    expect(await lab.stored()).toEqual([{ runner: 'main', vu: 1, from: 1, to: 1, copies: 1 }]);
  });

  it('stores a write once, whichever way and however often it comes', async () => {
    const pod = await lab.ready();
    const whole = { status: 200, body: { accepted: 2, rejected: 0, errors: [] } };
    expect(await post(pod, lab.batch(1))).toMatchObject(whole);
    expect(await post(pod, lab.batch(1))).toMatchObject(whole);
    const zipped = await post(pod, gzipSync(lab.batch(2)), { headers: { 'content-encoding': 'gzip' } });
    expect(zipped).toMatchObject({ ...whole, closes: false });
    await post(pod, lab.batch(4));
    expect(await lab.stored()).toEqual([
      { runner: 'main', vu: 1, from: 1, to: 2, copies: 1 },
      { runner: 'main', vu: 1, from: 4, to: 4, copies: 1 },
    ]);
    const secrets = { 'jwt-secret': SECRET };
    expect(await contract.countPoints({ url: pod.url, runId: lab.runId, secrets })).toBe(6);
    expect(
      await contract.probeWrite({
        url: pod.url,
        runId: lab.runId,
        secrets,
        id: { runner: 'p', vu: 1, n: 1 },
        timeoutMs: 5_000,
      }),
    ).toMatchObject({ serves: true, outcome: 'A' });
    expect(await lab.stored()).toContainEqual({ runner: 'p', vu: 1, from: 1, to: 1, copies: 1 });
  });

  it('says who answers, where it knows its own name', async () => {
    const servedBy = async (env: Record<string, string>) =>
      (await fetch(`${(await lab.ready(env)).url}/api/v1/health`)).headers.get('x-served-by');
    expect(await servedBy({ HOSTNAME: 'luminate-a' })).toBe('luminate-a');
    expect(await servedBy({})).toBeNull();
  });

  it('refuses what it must, in the words of the contract', async () => {
    const pod = await lab.ready();
    const expired = mintToken(SECRET, { tenant_id: 't', org_id: 'o', scopes: ['write'], exp: 1 });
    const reader = mintToken(SECRET, { tenant_id: 't', org_id: 'o', scopes: ['read'], exp: 2 ** 33 });
    const forged = mintToken('guess', { tenant_id: 't', org_id: 'o', scopes: ['write'], exp: 2 ** 33 });
    const status = async (body: string | Buffer, headers: Record<string, string> = {}, route = 'write') =>
      (await post(pod, body, { headers, route })).status;
    const good = JSON.parse(lab.batch(1, { points: 1 })) as { metrics: object[] };
    const bad = { ...good.metrics[0], value: 'x' };
    expect(await status(lab.batch(1), { authorization: '' })).toBe(401);
    for (const wrong of [expired, forged, 'x'])
      expect(await status(lab.batch(1), { authorization: `Bearer ${wrong}` })).toBe(401);
    expect(await status(lab.batch(1), { authorization: `Bearer ${reader}` })).toBe(403);
    expect(await status('{')).toBe(400);
    expect(await status(JSON.stringify({ metrics: [bad] }))).toBe(400);
    expect(await status('x', { 'content-encoding': 'gzip' })).toBe(400);
    expect(await status('x', { 'content-encoding': 'br' })).toBe(415);
    expect(await status(gzipSync(Buffer.alloc(11_000_000, 32)), { 'content-encoding': 'gzip' })).toBe(413);
    expect(await status(lab.batch(1), {}, 'elsewhere')).toBe(404);
    expect(await status('{"queryType":"range"}', {}, 'query')).toBe(400);
    expect(await lab.stored()).toEqual([]);
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
    const pod = await lab.ready({ LUMINATE_TENANT_METRICS_PER_S: '5' });
    expect((await post(pod, lab.batch(1, { points: 10 }))).status).toBe(200);
    expect((await post(pod, lab.batch(2, { points: 10 }))).status).toBe(429);
  });

  it('refuses a body that is too large without reading it', async () => {
    const pod = await lab.ready();
    const socket = net.connect(Number(new URL(pod.url).port), '127.0.0.1');
    socket.write(
      `POST /api/v1/write HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 99999999\r\n\r\n{`,
    );
    const answer = await new Promise((resolve) => {
      socket.once('data', (chunk) => resolve(chunk.toString()));
    });
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*connection: close/);
    socket.destroy();
  });
});

describe('what was acknowledged is stored', () => {
  it('after a SIGKILL under load', async () => {
    const pod = await lab.ready();
    const load = lab.writers(pod, 20);
    await until(() => load.acked.length >= 300);
    pod.child.kill('SIGKILL');
    await load.all;
    expect(load.others).toEqual([]);
    expect(await lab.missing(load.acked)).toEqual([]);
  });

  it('after a SIGTERM under load, which no client notices', async () => {
    const pod = await lab.ready({ LUMINATE_SHUTDOWN_TIMEOUT_MS: '20000' });
    const load = lab.writers(pod, 20);
    await until(() => load.acked.length >= 300);
    pod.child.kill('SIGTERM');
    await load.all;
    expect(await pod.exited).toBe(0);
    expect(load.closed()).toBe(20);
    expect(load.others).toEqual([]);
    expect(await lab.missing(load.acked)).toEqual([]);
  });

  it('after the store was killed and came back', async () => {
    const pod = await lab.ready();
    const load = lab.writers(pod, 5);
    await until(() => load.acked.length >= 50);
    await lab.store.restart();
    await until(async () => (await health(pod)) === 200);
    const before = load.acked.length;
    await until(() => load.acked.length >= before + 50);
    await load.end();
    expect(await lab.missing(load.acked)).toEqual([]);
  });
});

describe('while the store is cut off', () => {
  it('says so at once, and serves again when it is back', async () => {
    const store = await lab.way();
    const pod = await lab.ready({}, store.port);
    expect((await post(pod, lab.batch(1))).status).toBe(200);
    store.cut(true);
    expect((await post(pod, lab.batch(2))).status).toBe(503); // after the time limit of a statement
    expect(await health(pod)).toBe(503);
    expect((await post(pod, lab.batch(3))).status).toBe(503);
    expect(pod.output()).toContain('suspected');
    store.cut(false);
    await until(async () => (await health(pod)) === 200);
    expect((await post(pod, lab.batch(4))).status).toBe(200);
    expect(await lab.missing(['1:1', '1:4'])).toEqual([]);
  });

  it('notices without any write', async () => {
    const store = await lab.way();
    const pod = await lab.ready({}, store.port);
    store.cut(true);
    await until(async () => (await health(pod)) === 503);
    store.cut(false);
    await until(async () => (await health(pod)) === 200);
  });

  it('starts, unhealthy, and ends cleanly when told to', async () => {
    const store = await lab.way();
    store.cut(true);
    const pod = await lab.serve({}, store.port);
    await until(async () => (await health(pod)) === 503);
    expect((await post(pod, lab.batch(1))).status).toBe(503);
    pod.child.kill('SIGTERM');
    expect(await pod.exited).toBe(0);
  });
});

it('says why it cannot listen', async () => {
  const first = await lab.ready();
  const second = await lab.serve({ LISTEN: first.url.replace('http://', '') });
  expect(await second.exited).toBe(1);
  expect(second.output()).toContain('EADDRINUSE');
});

it('leaves no log of the store that shows a broken statement', () => {
  const log = readFileSync(path.join(lab.folder, 'store.log'), 'utf8');
  expect(log.split('\n').filter((line) => /ERROR|deadlock/.test(line))).toEqual([]);
});
