/**
 * A ClickHouse engine behind the HTTP interface of a ClickHouse server, for clusters that no registry reaches. It says what it is in
 * every answer (`x-proofload-engine`); what only a server can do it refuses (docs/images.md). Environment: CHDB_FOLDER,
 * CLICKHOUSE_DATA; optional CLICKHOUSE_HOST (0.0.0.0), CLICKHOUSE_PORT (8123; 0 = any, it is printed), CLICKHOUSE_SCRATCH (/dev/shm).
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { STAND_IN_HEADER } from '../../../record/stand-in.ts';
import { type Engine, openEngine } from './engine.ts';
import { answerOf, Exception } from './exception.ts';
import { readRequest } from './request.ts';

/** Requests that wait for their turn, each with its body in memory. */
const MAX_WAITING = 100;
const ABORTED = 236;
const REQUEST_TIMEOUT_MS = 120_000;

const PING = /^\/(ping|replicas_status)\/?$/;
const state = { waiting: 0, ending: false };
/** The end of the last statement: the engine is asked one at a time. */
let last: Promise<unknown> = Promise.resolve();

async function answer(engine: Engine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader(STAND_IN_HEADER, `chdb ${engine.version}`);
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  if (request.method === 'GET' && PING.test(path)) return void response.end('Ok.\n');
  try {
    if (request.method !== 'GET' && request.method !== 'POST')
      throw new Exception(48, 'NOT_IMPLEMENTED', `HTTP method ${request.method ?? ''} is not taken here`);
    if (state.waiting >= MAX_WAITING)
      throw new Exception(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', `${state.waiting} requests wait already`);
    await run(engine, request, response);
  } catch (error) {
    const { code, status, body } = answerOf(error, engine.version);
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, {
      'content-type': 'text/plain; charset=UTF-8',
      'x-clickhouse-exception-code': String(code),
      // What was not read of the body would be taken for the next request.
      ...(!request.complete && { connection: 'close' }),
    });
    response.end(body);
    // The engine does not recover from this one.
    if (code === ABORTED) process.exit(1);
  }
}

async function run(engine: Engine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  state.waiting += 1;
  try {
    const asked = await readRequest(request);
    const turn = last.then(() => {
      // Nobody is told that it is done: it is not begun.
      if (state.ending || response.destroyed) return null;
      return engine.run(asked);
    });
    last = turn.catch(() => undefined);
    const result = await turn;
    if (result === null) return void response.destroy();
    const format = (asked.statement.kind === 'sql' ? asked.statement.format : null) ?? asked.format;
    response.writeHead(200, {
      'content-type': format.startsWith('JSON')
        ? 'application/json; charset=UTF-8'
        : 'text/plain; charset=UTF-8',
      'x-clickhouse-format': format,
      'x-clickhouse-query-id': asked.queryId ?? randomUUID(),
    });
    response.end(result);
  } finally {
    state.waiting -= 1;
  }
}

function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`clickhouse: ${name} is not set`);
  return value;
}

async function main(): Promise<void> {
  const dataPath = needed('CLICKHOUSE_DATA');
  mkdirSync(dataPath, { recursive: true });
  const engine = await openEngine({
    chdbFolder: needed('CHDB_FOLDER'),
    dataPath,
    scratch: process.env['CLICKHOUSE_SCRATCH'] ?? '/dev/shm',
  });
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(engine, request, response);
  });
  /** What runs ends and is answered, what waits is cut, then the engine closes its data. */
  const close = async (): Promise<void> => {
    if (state.ending) return;
    state.ending = true;
    server.close();
    await last;
    engine.close();
    // The answer of the last statement is still on its way out.
    setImmediate(() => process.exit(0));
  };
  const end = () => void close();
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  const host = process.env['CLICKHOUSE_HOST'] ?? '0.0.0.0';
  server.listen(Number(process.env['CLICKHOUSE_PORT'] ?? 8123), host, () => {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : address;
    process.stdout.write(
      `clickhouse: chdb, engine ${engine.version}, data in ${dataPath}, port ${port ?? '?'}\n`,
    );
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`clickhouse: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
