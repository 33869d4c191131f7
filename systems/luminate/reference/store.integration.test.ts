/** The store over the official PostgreSQL image: the embedded server of the local platform is a build of somebody else's. */
import { existsSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { GenericContainer, Wait } from 'testcontainers';
import { expect, it } from 'vitest';
import { contract } from '../contract.ts';
import { databaseAt } from './databases.ts';
import { Store } from './store.ts';

const SOCKET = '/var/run/docker.sock';

/** Is there a Docker engine that answers? Asked once, at most a second long. */
function dockerAnswers(): Promise<boolean> {
  if (process.env['DOCKER_HOST'] !== undefined) return Promise.resolve(true);
  if (!existsSync(SOCKET)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const ping = http.get({ socketPath: SOCKET, path: '/_ping', timeout: 1_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(false));
  });
}

it.skipIf(!(await dockerAnswers()))(
  'stores a write once on the official postgres:18, and it is read back',
  async () => {
    const container = await new GenericContainer('postgres:18')
      .withEnvironment({ POSTGRES_PASSWORD: 'test' })
      .withExposedPorts(5432)
      .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2))
      .start();
    const url = `postgres://postgres:test@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
    const store = new Store(databaseAt({ url, timeoutMs: 2_000, bodyKeepMs: 300_000 }), () => undefined);
    try {
      while (!store.available) await sleep(20);
      const write = (n: number) =>
        store.write({
          runId: 'r',
          runner: 'a',
          vu: 1,
          n,
          attempt: 0,
          points: 1,
          metrics: [],
          body: Buffer.from('{}'),
        });
      expect(await Promise.all([1, 2, 2, 4].map(write))).toEqual(['stored', 'stored', 'stored', 'stored']);
      const ranges = [];
      for await (const range of contract.readBack({ storeEnv: { LUMINATE_STORE_URL: url }, runId: 'r' }))
        ranges.push([range.from, range.to, range.copies]);
      expect(ranges).toEqual([
        [1, 2, 1],
        [4, 4, 1],
      ]);
    } finally {
      store.close();
      await container.stop();
    }
  },
  180_000,
);
