import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { contract } from './contract.ts';
import { readToken } from './token.ts';

const SECRETS = { 'jwt-secret': 'secret' };
const ID = { runner: 'probe', vu: 2, n: 5 };
const servers: http.Server[] = [];

/** A pod that answers every request this way; null = never. */
async function pod(answer: { status: number; body: string } | null): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ url: request.url ?? '', token: request.headers.authorization ?? '', body });
      if (answer !== null) response.writeHead(answer.status).end(answer.body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
interface Seen {
  url: string;
  token: string;
  body: string;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe('what the load script is told', () => {
  it('is the whole address of a write, a token for a week and the run', () => {
    const { env, sensitive } = contract.loadEnv({
      url: 'http://127.0.0.1:8080',
      runId: 'run-1',
      secrets: SECRETS,
    });
    expect(env).toMatchObject({ URL: 'http://127.0.0.1:8080/api/v1/write', RUN_ID: 'run-1' });
    expect(sensitive).toEqual([env['TOKEN']]);
    const claims = readToken('secret', env['TOKEN'] ?? '');
    expect(claims?.scopes).toContain('write');
    expect((claims?.exp ?? 0) - Date.now() / 1_000).toBeGreaterThan(6 * 24 * 3_600);
  });

  it('cannot be made without the secret', () => {
    expect(() => contract.loadEnv({ url: 'http://127.0.0.1', runId: 'r', secrets: {} })).toThrow(
      'jwt-secret',
    );
  });
});

describe('one write through one pod', () => {
  const taken = '{"accepted":1,"rejected":0,"errors":[]}';
  it.each([
    ['acknowledged: all was taken', 200, taken, 'A', true],
    ['unknown: a 200 that took nothing', 200, '{"accepted":0,"rejected":1,"errors":[]}', 'U', false],
    ['unknown: a 200 that says nothing', 200, 'ok', 'U', false],
    ['unknown: a part was taken', 207, taken, 'U', false],
    ['unknown: accepted is not stored', 202, taken, 'U', false],
    ['failed: refused as bad', 400, '', 'F', false],
    ['failed: refused as too many', 429, '', 'F', false],
    ['unknown: an error may come after the deed', 500, '', 'U', false],
    ['unknown: not available', 503, '{"error":"x"}', 'U', false],
  ] as const)('is %s', async (_, status, body, outcome, serves) => {
    const { url, seen } = await pod({ status, body });
    const result = await contract.probeWrite({
      url,
      runId: 'run-1',
      secrets: SECRETS,
      id: ID,
      timeoutMs: 2_000,
    });
    expect(result).toMatchObject({ outcome, serves, status });
    expect(result.detail).toContain(`HTTP ${status}`);
    expect(seen[0]?.url).toBe('/api/v1/write');
    expect(readToken('secret', seen[0]?.token.replace('Bearer ', '') ?? '')).not.toBeNull();
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      metrics: [{ value: 1, dimensions: { run_id: 'run-1', runner: 'probe', vu: '2', seq: '5' } }],
    });
  });

  it('is unknown when no answer comes in time', async () => {
    const { url } = await pod(null);
    const result = await contract.probeWrite({ url, runId: 'r', secrets: SECRETS, id: ID, timeoutMs: 50 });
    expect(result).toMatchObject({ outcome: 'U', serves: false, status: 0 });
  });

  it('is failed when nobody listens', async () => {
    const { url } = await pod(null);
    const [server] = servers.splice(0);
    await new Promise((resolve) => server?.close(resolve));
    const result = await contract.probeWrite({ url, runId: 'r', secrets: SECRETS, id: ID, timeoutMs: 2_000 });
    expect(result).toMatchObject({ outcome: 'F', serves: false, status: 0 });
  });
});

describe('the second opinion', () => {
  it('is the value of the one result', async () => {
    const { url, seen } = await pod({ status: 200, body: '{"results":[{"value":300,"count":300}]}' });
    expect(await contract.countPoints({ url, runId: 'run-1', secrets: SECRETS })).toBe(300);
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      queryType: 'aggregate',
      aggregation: 'count',
      filters: { run_id: 'run-1' },
    });
  });

  it.each([
    [503, '{"results":[{"value":300}]}'],
    [200, '{"results":[]}'],
    [200, 'no JSON'],
  ])('is refused when the answer is HTTP %i %s', async (status, body) => {
    const { url } = await pod({ status, body });
    await expect(contract.countPoints({ url, runId: 'run-1', secrets: SECRETS })).rejects.toThrow('run-1');
  });
});

it('does not read back from nowhere', async () => {
  const ranges = contract.readBack({ storeEnv: {}, runId: 'r' })[Symbol.asyncIterator]();
  await expect(ranges.next()).rejects.toThrow('LUMINATE_STORE_URL');
});
