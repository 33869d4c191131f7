import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../platforms/local/ports.ts';
import { HttpServer, json } from './http.ts';
import type { Asked } from './http.ts';
import { readSettings } from './settings.ts';

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.destroy();
});

async function lab(env: Record<string, string> = {}) {
  const port = await freePort();
  const answered: string[] = [];
  const server = new HttpServer({
    routes: {
      'POST /echo': ({ body, query }: Asked) => json(200, { size: body.length, q: query.get('q') }),
      'GET /broken': () => {
        throw new Error('broken');
      },
    },
    settings: readSettings(
      { LISTEN: `127.0.0.1:${port}`, HOSTNAME: 'pod-1', SHUTDOWN_AT_LEAST_MS: '0', ...env },
      1,
    ),
    log: () => undefined,
    onAnswered: (method, path, status) => answered.push(`${method} ${path} ${status}`),
  });
  await server.listen();
  const dispatcher = new Agent({ connections: 1, keepAliveTimeout: 60_000 });
  agents.push(dispatcher);
  const ask = async (method: 'GET' | 'POST', path: string, body?: Buffer) => {
    const answer = await request(`http://127.0.0.1:${port}${path}`, {
      method,
      body: body ?? null,
      dispatcher,
    });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.json() };
  };
  return { server, ask, answered };
}

describe('the HTTP of the programs', () => {
  it('answers routes and says whose answer it is; all else is 404, a crash 500', async () => {
    const { server, ask, answered } = await lab();
    const { status, headers, body } = await ask('POST', '/echo?q=a%20b', Buffer.from('abc'));
    expect({ status, body }).toEqual({ status: 200, body: { size: 3, q: 'a b' } });
    expect(headers['x-served-by']).toBe('pod-1');
    expect((await ask('GET', '/nowhere')).status).toBe(404);
    expect((await ask('GET', '/broken')).status).toBe(500);
    expect(answered).toEqual(['POST /echo 200', 'GET other 404', 'GET /broken 500']);
    await agents[0]?.destroy();
    await server.drain();
  });

  it('refuses a body of more than 512 KiB', async () => {
    const { server, ask } = await lab();
    expect((await ask('POST', '/echo', Buffer.alloc(512 * 1024))).status).toBe(200);
    expect((await ask('POST', '/echo', Buffer.alloc(512 * 1024 + 1))).status).toBe(400);
    await agents[0]?.destroy();
    await server.drain();
  });

  it('serves on while it drains, and sends clients elsewhere', async () => {
    const { server, ask } = await lab({ SHUTDOWN_TIMEOUT_MS: '20000' });
    expect((await ask('POST', '/echo')).headers['connection']).toBe('keep-alive');
    const drained = server.drain();
    await sleep(50);
    const { status, headers } = await ask('POST', '/echo');
    expect([status, headers['connection']]).toEqual([200, 'close']);
    await drained;
    await expect(ask('POST', '/echo')).rejects.toThrow();
  });
});

describe('settings', () => {
  it.each([
    [{ LISTEN: 'here' }, 'LISTEN'],
    [{ SHUTDOWN_TIMEOUT_MS: '-1' }, 'SHUTDOWN_TIMEOUT_MS'],
    [{ PROOFLOAD_DEFECT: 'none' }, 'PROOFLOAD_DEFECT'],
  ])('of %j are refused', (env, name) => {
    expect(() => readSettings(env, 8_000)).toThrow(name);
  });
});
