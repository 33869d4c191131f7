import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { contract } from './contract.ts';
import { readPosted } from './reference/event.ts';

const ID = { runner: 'probe', vu: 2, n: 5 };
const servers: http.Server[] = [];

/** A pod that answers every request this way; null = never. */
async function pod(status: number | null): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body}`);
      if (status !== null) response.writeHead(status).end('{"detail":"x"}');
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

const probe = (url: string, timeoutMs = 2_000) =>
  contract.probeWrite({ url, runId: 'run-1', secrets: {}, id: ID, timeoutMs });

describe('one write through one pod', () => {
  it.each([
    ['acknowledged', 202, 'A', true],
    ['unknown: no success of this contract', 200, 'U', false],
    ['failed: refused as bad', 400, 'F', false],
    ['failed: refused as too many', 429, 'F', false],
    ['unknown: an error may come after the deed', 500, 'U', false],
    ['unknown: the broker may have it', 503, 'U', false],
  ] as const)('is %s', async (_, status, outcome, serves) => {
    const { url, seen } = await pod(status);
    expect(await probe(url)).toMatchObject({ outcome, serves, status });
    const [, path = '', body = ''] = /^POST (\S+) (.*)$/.exec(seen[0] ?? '') ?? [];
    expect(path).toBe('/capture');
    expect(readPosted(JSON.parse(body))).toMatchObject({
      events: [{ project_id: 'run-1', distinct_id: 'probe:2', uuid: '00000000-0005-8000-8001-000000000002' }],
    });
  });

  it('is unknown without an answer, and failed where nobody listens', async () => {
    const { url } = await pod(null);
    expect(await probe(url, 50)).toMatchObject({ outcome: 'U', serves: false, status: 0 });
    servers.splice(0).forEach((server) => {
      server.close();
      server.closeAllConnections();
    });
    expect(await probe(url)).toMatchObject({ outcome: 'F', serves: false, status: 0 });
  });
});

it('tells the load where to post', () => {
  const { env, sensitive } = contract.loadEnv({ url: 'http://10.0.0.1:8000', runId: 'run-1', secrets: {} });
  expect(env).toEqual({ URL: 'http://10.0.0.1:8000/capture', RUN_ID: 'run-1', HEADERS: '{}' });
  expect(sensitive).toEqual([]);
});

it('reads nothing back without the addresses of both stores', () => {
  const storeEnv = { KAFKA_URL: 'kafka://127.0.0.1:9' };
  expect(() => contract.readBack({ storeEnv, runId: 'r' })).toThrow('no CLICKHOUSE_URL');
});
