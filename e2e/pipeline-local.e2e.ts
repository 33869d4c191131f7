/**
 * The three programs as processes over a real Kafka and ClickHouse's engine, killed one after the other while clients write. Both stores come
 * from the user's cache, where building the images puts them (docs/images.md); without them these tests are skipped.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../platforms/images/bundle.ts';
import { freePort } from '../platforms/local/ports.ts';
import type { StoredRange } from '../record/contract.ts';
import { cacheFolder, ROOT } from '../record/root.ts';
import { contract } from '../systems/event-pipeline/contract.ts';
import { distinctIdOf, uuidOf } from '../systems/event-pipeline/identity.ts';
import { FULL } from './proofload.ts';

const POINTS = 20;
const USERS = 4;
const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg';

/** The newest folder of the cache with this name and that file in it. */
function cached(name: string, file: string): string | undefined {
  const folders = existsSync(cacheFolder()) ? readdirSync(cacheFolder()) : [];
  return folders
    .filter((folder) => folder.startsWith(`${name}-`))
    .map((folder) => path.join(cacheFolder(), folder))
    .find((folder) => existsSync(path.join(folder, file)));
}

const jars = readdirSync(path.join(ROOT, 'tools')).includes('kafka')
  ? cached('kafka', 'kafka_2.13-4.1.1.jar')
  : undefined;
const java = cached('java', 'bin/java');
const chdb = cached('chdb', 'node_modules/chdb/package.json');
const missing = [
  ...(jars === undefined ? ['Kafka'] : []),
  ...(java === undefined ? ['its Java'] : []),
  ...(chdb === undefined ? ['chdb'] : []),
];

let folder = '';
let ports = { kafka: 0, controller: 0, clickhouse: 0, capture: 0, consumer: 0, query: 0 };
const running = new Map<string, { child: ChildProcess; ended: Promise<unknown> }>();

function start(name: string, command: string, args: string[], env: Record<string, string> = {}): void {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      writeFileSync(path.join(folder, `${name}.log`), said);
    });
  running.set(name, { child, ended: new Promise((resolve) => child.on('close', resolve)) });
}

async function stop(name: string, signal: NodeJS.Signals): Promise<unknown> {
  const known = running.get(name);
  known?.child.kill(signal);
  return known?.ended;
}

function startKafka(): void {
  start('kafka', path.join(java ?? '', 'bin/java'), [
    '-Xmx384m',
    '-XX:+UseSerialGC',
    '-cp',
    `${jars}/*`,
    'kafka.Kafka',
    path.join(folder, 'server.properties'),
  ]);
}

function startClickHouse(): void {
  start('clickhouse', process.execPath, [path.join(folder, 'clickhouse.cjs')], {
    CHDB_FOLDER: chdb ?? '',
    CLICKHOUSE_DATA: path.join(folder, 'clickhouse'),
    CLICKHOUSE_HOST: '127.0.0.1',
    CLICKHOUSE_PORT: String(ports.clickhouse),
  });
}

function startProgram(name: 'capture' | 'consumer' | 'query', env: Record<string, string> = {}): void {
  start(name, process.execPath, [path.join(folder, 'server.cjs'), name], {
    LISTEN: `127.0.0.1:${ports[name]}`,
    ...storeEnv(),
    SHUTDOWN_AT_LEAST_MS: '0',
    SHUTDOWN_TIMEOUT_MS: '500',
    PROOFLOAD_TRUTH_DIR: path.join(folder, 'truth'),
    ...env,
  });
}

function storeEnv(): Record<string, string> {
  return {
    KAFKA_URL: `kafka://127.0.0.1:${ports.kafka}`,
    CLICKHOUSE_URL: `http://127.0.0.1:${ports.clickhouse}`,
  };
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await sleep(50);
}

const isReady = async () =>
  (await request(`http://127.0.0.1:${ports.capture}/ready`).catch(() => null))?.statusCode === 200;

/** Users who write one batch after the other until told to stop. */
function writers(runId: string) {
  const acked: string[] = [];
  let sent = 0;
  const stopping = new AbortController();
  const one = async (vu: number) => {
    for (let n = 1; !stopping.signal.aborted; n += 1) {
      sent += 1;
      const id = { runner: 'load', vu };
      const timestamp = new Date().toISOString();
      const batch = Array.from({ length: POINTS }, (_, point) => ({
        event: 'e',
        distinct_id: distinctIdOf(id),
        uuid: uuidOf({ vu, n, point, points: POINTS }),
        timestamp,
      }));
      const body = JSON.stringify({ project_id: runId, batch });
      const answer = await request(`http://127.0.0.1:${ports.capture}/capture`, {
        method: 'POST',
        body,
      }).catch(() => null);
      await answer?.body.dump();
      if (answer?.statusCode === 202) acked.push(`load ${vu} ${n}`);
      else await sleep(50);
    }
  };
  const all = Promise.all(Array.from({ length: USERS }, (_, index) => one(index + 1)));
  return {
    acked,
    sent: () => sent,
    /** Resolves when this many more were acknowledged. */
    more(count: number) {
      const from = acked.length;
      return until(() => acked.length >= from + count);
    },
    async end() {
      stopping.abort();
      await all;
    },
  };
}

/** Copies of each write that is whole, in the table or among the dead letters; with `wanted` only what has that form. */
async function stored(runId: string, wanted?: StoredRange['form']): Promise<Map<string, number>> {
  const held = new Map<string, number>();
  for await (const range of contract.readBack({ storeEnv: storeEnv(), runId })) {
    const { runner, vu, from, to, copies, form } = range;
    if (wanted === undefined ? form === 'part' : form !== wanted) continue;
    for (let n = from; n <= to; n += 1)
      held.set(`${runner} ${vu} ${n}`, (held.get(`${runner} ${vu} ${n}`) ?? 0) + copies);
  }
  return held;
}

async function post(body: unknown): Promise<number> {
  const answer = await request(`http://127.0.0.1:${ports.capture}/capture`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  await answer.body.dump();
  return answer.statusCode;
}

const absent = missing.length > 0 ? `: no ${missing.join(', ')} in the cache` : '';
const why = FULL ? absent : ': part of make e2e-full';

describe.skipIf(why !== '')(`over real stores${why}`, () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'event-pipeline-'));
    mkdirSync(path.join(folder, 'truth'));
    const names = Object.keys(ports) as (keyof typeof ports)[];
    for (const name of names) ports = { ...ports, [name]: await freePort() };
    writeFileSync(
      path.join(folder, 'server.cjs'),
      await bundleProgram(path.join(ROOT, 'systems/event-pipeline/reference/server.ts')),
    );
    writeFileSync(
      path.join(folder, 'clickhouse.cjs'),
      await bundleProgram(path.join(ROOT, 'platforms/stores/clickhouse/server.ts')),
    );
    writeFileSync(path.join(folder, 'server.properties'), kafkaProperties());
    const format = ['format', '--standalone', '-t', CLUSTER_ID, '-c', path.join(folder, 'server.properties')];
    start('format', path.join(java ?? '', 'bin/java'), [
      '-cp',
      `${jars}/*`,
      'kafka.tools.StorageTool',
      ...format,
    ]);
    expect(await running.get('format')?.ended).toBe(0);
    running.delete('format');
    startKafka();
    startClickHouse();
    startProgram('capture');
    startProgram('consumer');
    startProgram('query');
    await until(isReady);
  }, 180_000);

  afterAll(async () => {
    for (const name of running.keys()) await stop(name, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps every acknowledged event while each of its parts is killed', { timeout: 240_000 }, async () => {
    const load = writers('killed');
    await load.more(200);
    for (const [name, again] of [
      ['consumer', () => startProgram('consumer')],
      ['clickhouse', startClickHouse],
      ['capture', () => startProgram('capture')],
      ['kafka', startKafka],
    ] as const) {
      await stop(name, 'SIGKILL');
      again();
      await load.more(200);
    }
    await load.end();
    const held = await eventually(() => stored('killed'));
    expect(load.acked.filter((id) => !held.has(id))).toEqual([]);
    expect(held.size).toBeLessThanOrEqual(load.sent());
    // What is in the table is what the query API tells, each event of each copy.
    const days = 'date_from=2020-01-01&date_to=2090-01-01';
    const answer = await request(
      `http://127.0.0.1:${ports.query}/api/trends?project_id=killed&event=e&${days}`,
    );
    const { series } = (await answer.body.json()) as { series: number[] };
    const events = series.reduce((total, count) => total + count, 0);
    expect(events).toBeGreaterThanOrEqual(held.size * POINTS);
  });

  it(
    'counts as kept what can never be stored and lies among the dead letters',
    { timeout: 60_000 },
    async () => {
      const id = { runner: 'load', vu: 1 };
      const event = (n: number, point: number, timestamp: string) => ({
        event: 'e',
        distinct_id: distinctIdOf(id),
        uuid: uuidOf({ vu: 1, n, point, points: 2 }),
        timestamp,
      });
      const good = '2026-11-21T10:00:00Z';
      expect(await post({ project_id: 'dead', batch: [event(1, 0, good), event(1, 1, 'yesterday')] })).toBe(
        202,
      );
      expect(await post({ project_id: 'dead', batch: [event(2, 0, good)] })).toBe(202); // one of two
      expect(await post({ project_id: 'dead', batch: [event(3, 0, good), event(3, 1, good)] })).toBe(202);
      expect([...(await eventually(() => stored('dead'))).keys()].sort()).toEqual(['load 1 1', 'load 1 3']);
      expect([...(await stored('dead', 'dead')).keys()]).toEqual(['load 1 1']);
      expect([...(await stored('dead', 'part')).keys()].sort()).toEqual(['load 1 1', 'load 1 2']);
    },
  );

  it(
    'tells whole writes from parts, one copy from two, and ours from a stranger’s',
    { timeout: 60_000 },
    async () => {
      const event = (n: number, point: number) => ({
        event: 'e',
        distinct_id: distinctIdOf({ runner: 'load', vu: 7 }),
        uuid: uuidOf({ vu: 7, n, point, points: 3 }),
      });
      const write = (n: number, points = [0, 1, 2]) =>
        post({ project_id: 'sorts', batch: points.map((point) => event(n, point)) });
      for (const n of [1, 2, 3, 4, 6]) expect(await write(n)).toBe(202);
      await write(2); // again
      await write(3, [1]); // one of its events again
      await write(5, [0, 2]); // never whole
      await write(8, [0, 0, 2]); // as many as a whole one, and none
      expect(await post({ project_id: 'sorts', event: 'e', distinct_id: 'stranger' })).toBe(202);
      expect(Object.fromEntries(await eventually(() => stored('sorts')))).toEqual({
        'load 7 1': 1,
        'load 7 2': 2,
        'load 7 3': 2,
        'load 7 4': 1,
        'load 7 6': 1,
        'foreign 1 1': 1,
      });
      expect([...(await stored('sorts', 'part')).keys()].sort()).toEqual(['load 7 5', 'load 7 8']);
      expect((await stored('nothing')).size).toBe(0);
    },
  );

  it('drops on SIGTERM, with the defect, exactly what the truth log says', { timeout: 60_000 }, async () => {
    await stop('capture', 'SIGTERM');
    startProgram('capture', {
      PROOFLOAD_DEFECT: 'drop-on-sigterm',
      SHUTDOWN_AT_LEAST_MS: '300',
      HOSTNAME: 'dropping',
    });
    await until(isReady);
    const load = writers('dropped');
    await load.more(50);
    await stop('capture', 'SIGTERM');
    await load.end();
    startProgram('capture');
    const held = await eventually(() => stored('dropped'));
    const lost = load.acked.filter((id) => !held.has(id));
    const [file = ''] = readdirSync(path.join(folder, 'truth')).filter((each) => each.startsWith('dropping'));
    const truth = readFileSync(path.join(folder, 'truth', file), 'utf8')
      .trim()
      .split('\n');
    expect(lost.length).toBeGreaterThan(0);
    expect(truth.filter((id) => load.acked.includes(id)).sort()).toEqual(lost.sort());
  });
});

/** The stores may still be on their way back. */
async function eventually<T>(read: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left -= 1) {
    try {
      return await read();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(500);
    }
  }
}

function kafkaProperties(): string {
  return `process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:${ports.kafka},CONTROLLER://127.0.0.1:${ports.controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${ports.kafka}
controller.quorum.bootstrap.servers=127.0.0.1:${ports.controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${path.join(folder, 'kafka')}
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
`;
}
