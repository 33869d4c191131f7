/**
 * The engine of ClickHouse in this process: `chdb`, which is not a dependency of Proofload but lies in a folder of its own
 * (tools/clickhouse). One statement after the other, each on a connection of its own, so that what one sets no other sees.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Exception } from './exception.ts';
import type { Asked } from './request.ts';

const MAX_RESULT_BYTES = 64 * 1024 * 1024;
const LOCK_LIMIT_MS = 20_000;
const LOCK_PAUSE_MS = 250;
/**
 * A server of one processor answers the same; a load test's machine has others to serve, too. So merges have a bandwidth, bytes/s: at 65,000
 * events/s on two cores their bursts take 0.4 to 0.8 of a core with it, and 0.8 to 1.1 at full speed.
 */
const ARGUMENTS = [
  '--max_threads=1',
  '--max_insert_threads=1',
  '--async_load_databases=0',
  '--async_insert=0',
  '--max_merges_bandwidth_for_server=5000000',
  // In a container its pages in the file cache count as taken: after some hundred MB of inserts the engine would believe itself out of memory and
  // give every freed page back at once (70,000 page faults a second, half of its processor time; 4,500 without).
  '--memory_worker_dynamic_hard_limit=0',
  '--output_format_json_quote_64bit_integers=0',
  `--max_result_bytes=${MAX_RESULT_BYTES}`,
];

interface Connection {
  queryAsync(sql: string, options?: { format: string }): Promise<{ bytes(): Uint8Array; text(): string }>;
  close(): void;
}
type Session = new (dataPath: string, options: { connectionArgs: string[] }) => Connection;

export interface Engine {
  /** Of ClickHouse. */
  version: string;
  /** Rejects with what the engine says, or with an Exception. */
  run(asked: Asked): Promise<Uint8Array>;
  close(): void;
}

/** `chdbFolder` has a node_modules with chdb, `scratch` should be memory: data of an insert goes through a file there. */
export async function openEngine(options: {
  chdbFolder: string;
  dataPath: string;
  scratch: string;
}): Promise<Engine> {
  const load = createRequire(path.join(path.resolve(options.chdbFolder), 'package.json'));
  const Session = sessionOf(load('chdb'));
  const connect = () => new Session(options.dataPath, { connectionArgs: ARGUMENTS });
  // The engine runs as long as one connection is open.
  const first = await patiently(connect);
  // Named after the data, which is locked by now: what a killed server left is thrown away.
  const name = createHash('sha256').update(path.resolve(options.dataPath)).digest('hex').slice(0, 12);
  const folder = path.join(options.scratch, `proofload-clickhouse-${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  const file = path.join(folder, 'data');
  const version = (await first.queryAsync('SELECT version()', { format: 'TabSeparated' })).text().trim();
  return {
    version,
    async run(asked) {
      const connection = connect();
      try {
        return await runOn(connection, asked, file);
      } finally {
        connection.close();
        rmSync(file, { force: true });
      }
    },
    close() {
      first.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server that was killed a moment ago may still hold the lock of its data; the engine says so on stderr, not in its error. */
async function patiently(connect: () => Connection): Promise<Connection> {
  const endMs = performance.now() + LOCK_LIMIT_MS;
  for (;;) {
    try {
      return connect();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await pause(LOCK_PAUSE_MS);
    }
  }
}

async function runOn(
  connection: Connection,
  { statement, database, settings, format }: Asked,
  file: string,
): Promise<Uint8Array> {
  if (database !== null && database !== '') await connection.queryAsync(`USE ${quoted(database, '`')}`);
  for (const [name, value] of settings) await connection.queryAsync(`SET ${name} = ${quoted(value, "'")}`);
  if (statement.kind === 'data') {
    writeFileSync(file, statement.data, { mode: 0o600 });
    const sql = `${statement.into} FROM INFILE ${quoted(file, "'")} ${statement.how}`;
    return (await connection.queryAsync(sql)).bytes();
  }
  return (await connection.queryAsync(statement.sql, { format })).bytes();
}

function quoted(text: string, quote: string): string {
  if (text.includes('\0')) throw new Exception(62, 'SYNTAX_ERROR', 'A name or a value holds a zero byte');
  return quote + text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`) + quote;
}

function sessionOf(module: unknown): Session {
  const session: unknown = Reflect.get(Object(module), 'Session');
  if (!isSession(session))
    throw new Error('chdb: it exports no Session; tools/clickhouse says which version does');
  return session;
}

function isSession(value: unknown): value is Session {
  return typeof value === 'function';
}
