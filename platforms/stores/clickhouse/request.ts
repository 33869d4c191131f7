/** From an HTTP request to what the engine is asked: parameters, settings, who asks, and the body within bounds. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Exception } from './exception.ts';
import { readStatement, refuseSetting, type Statement } from './statement.ts';

/** Of a request's body, also when it is unpacked. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface Asked {
  statement: Statement;
  database: string | null;
  /** What a statement without FORMAT is answered in. */
  format: string;
  /** With `param_x`, the value of `{x:Type}`, escaped as in TabSeparated: for the engine that is a setting, too. */
  settings: [name: string, value: string][];
  queryId: string | null;
}

/** Of no effect here whatever their value: answers are whole before they are sent, and are never compressed. */
const HARMLESS = new Set(['enable_http_compression', 'wait_end_of_query', 'buffer_size']);
/** Both come back as headers of the answer. */
const QUERY_ID = /^[\x21-\x7e]{1,100}$/;
const FORMAT = /^\w{1,100}$/;
const REFUSED = new Set([
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'quota_key',
  'role',
  'compress',
  'decompress',
  'stacktrace',
  'client_protocol_version',
]);

/** Throws an Exception for what is refused. */
export async function readRequest(request: IncomingMessage): Promise<Asked> {
  const { searchParams } = new URL(request.url ?? '/', 'http://server');
  refuseUsers(request, searchParams);
  const asked: Omit<Asked, 'statement'> = {
    database: header(request, 'x-clickhouse-database'),
    format: header(request, 'x-clickhouse-format') ?? 'TabSeparated',
    settings: [],
    queryId: null,
  };
  for (const [name, value] of searchParams) take(asked, name, value);
  if (asked.queryId !== null && !QUERY_ID.test(asked.queryId))
    throw new Exception(36, 'BAD_ARGUMENTS', 'query_id: expected 1 to 100 visible ASCII characters');
  if (!FORMAT.test(asked.format))
    throw new Exception(73, 'UNKNOWN_FORMAT', 'The default format is not the name of one');
  // As on a server: GET cannot change anything.
  if (request.method === 'GET') asked.settings.push(['readonly', '2']);
  const body = request.method === 'POST' ? await readBody(request) : Buffer.alloc(0);
  const query = searchParams.get('query') ?? '';
  if (query.trim() === '' && body.length === 0) throw new Exception(62, 'SYNTAX_ERROR', 'Empty query');
  return { ...asked, statement: readStatement(query, body) };
}

function take(asked: Omit<Asked, 'statement'>, name: string, value: string): void {
  if (['query', 'user', 'password'].includes(name) || HARMLESS.has(name)) return;
  if (name === 'database') asked.database = value;
  else if (name === 'default_format') asked.format = value;
  else if (name === 'query_id') asked.queryId = value;
  else if (REFUSED.has(name))
    throw new Exception(
      48,
      'NOT_IMPLEMENTED',
      `${name}: this server has no sessions, roles, quotas and native compression`,
    );
  else if (!/^\w+$/.test(name)) throw new Exception(115, 'UNKNOWN_SETTING', `Unknown setting '${name}'`);
  else {
    refuseSetting(name, value);
    asked.settings.push([name, value]);
  }
}

function header(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

/** There are none: whoever relies on a password must not be told that it was right. */
function refuseUsers(request: IncomingMessage, searchParams: URLSearchParams): void {
  const [, basic = ''] = /^Basic (.*)$/.exec(request.headers.authorization ?? '') ?? [];
  const [user = '', ...password] = Buffer.from(basic, 'base64').toString().split(':');
  const users = [user, searchParams.get('user'), header(request, 'x-clickhouse-user')];
  const passwords = [password.join(':'), searchParams.get('password'), header(request, 'x-clickhouse-key')];
  if (users.some((name) => (name ?? '') !== '' && name !== 'default') || passwords.some(Boolean))
    throw new Exception(
      516,
      'AUTHENTICATION_FAILED',
      'Authentication failed: this server knows the user default without a password, and nobody else',
    );
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = new Exception(
    307,
    'QUERY_IS_TOO_LARGE',
    `The body is longer than ${MAX_BODY_BYTES} bytes`,
  );
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const encoding = header(request, 'content-encoding') ?? 'identity';
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip')
    throw new Exception(48, 'NOT_IMPLEMENTED', `content-encoding ${encoding}: only gzip is unpacked here`);
  try {
    return await promisify(gunzip)(body, { maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    throw new Exception(
      117,
      'INCORRECT_DATA',
      `The body is not gzip of at most ${MAX_BODY_BYTES} bytes (${String(error)})`,
    );
  }
}
