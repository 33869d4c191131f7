/**
 * How a client talks to Luminate (the guide's public contract, record/contract.ts for what each part is for), and how what its
 * reference system holds is read back from PostgreSQL.
 */
import { Client } from 'pg';
import { request } from 'undici';
import { z } from 'zod';
import { clientSettings } from '../../record/client.ts';
import type { Contract, StoredRange, WriteOutcome } from '../../record/contract.ts';
import { DEFECTS } from './reference/defects.ts';
import { images } from './reference/images.ts';
import { mintToken } from './token.ts';

const STORE_URL = 'LUMINATE_STORE_URL';
const SECRET_KEY = 'jwt-secret';
const TOKEN_LIFE_S = 7 * 24 * 3_600;
const QUERY_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
const READ_TIMEOUT_MS = 120_000;
/** Longest answer that is read, bytes; a whole one has a hundred. */
const MAX_ANSWER = 100_000;
/** Ranges fetched at once; a healthy run has one per virtual user. */
const PAGE = 10_000;

/** Refusals of a whole write, before anything was stored. A 5xx says nothing of the kind. */
const REFUSED = new Set([400, 401, 403, 413, 415, 429]);
const NEVER_SENT = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'ENOTFOUND', 'EHOSTUNREACH']);

const Taken = z.object({ accepted: z.number() });
const Counted = z.object({ results: z.tuple([z.object({ value: z.number() })]) });

export const contract: Contract = {
  loadEnv({ url, runId, secrets }) {
    const { headers, sensitive } = clientSettings(process.env);
    const token = tokenOf(secrets);
    return {
      env: {
        URL: new URL('/api/v1/write', url).href,
        TOKEN: token,
        RUN_ID: runId,
        HEADERS: JSON.stringify(headers),
      },
      sensitive: [token, ...sensitive],
    };
  },

  async probeWrite({ url, runId, secrets, id, timeoutMs }) {
    const dimensions = { run_id: runId, runner: id.runner, vu: String(id.vu), seq: String(id.n) };
    const metrics = [{ name: 'proofload_probe', timestamp: Date.now(), value: 1, dimensions }];
    try {
      const answer = await post(new URL('/api/v1/write', url), secrets, { metrics }, timeoutMs);
      const whole = answer.status === 200 && Taken.safeParse(answer.body).data?.accepted === 1;
      const outcome: WriteOutcome = whole ? 'A' : REFUSED.has(answer.status) ? 'F' : 'U';
      const detail = whole ? 'HTTP 200' : `HTTP ${answer.status} ${JSON.stringify(answer.body) ?? ''}`.trim();
      return { serves: whole, outcome, status: answer.status, detail: detail.slice(0, 200) };
    } catch (error) {
      const outcome = NEVER_SENT.has(codeOf(error)) ? 'F' : 'U';
      const detail = error instanceof Error ? error.message : String(error);
      return { serves: false, outcome, status: 0, detail };
    }
  },

  async *readBack({ storeEnv, runId }) {
    const connectionString = storeEnv[STORE_URL];
    if (connectionString === undefined)
      throw new Error(`luminate: the platform gives no ${STORE_URL}, so what is stored cannot be read back`);
    const client = new Client({
      connectionString,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: READ_TIMEOUT_MS,
    });
    // Without a listener a server that dies while nothing is asked would take the harness with it; a query rejects by itself.
    client.on('error', () => undefined);
    await client.connect();
    try {
      yield* rangesOf(client, runId);
    } finally {
      await client.end();
    }
  },

  async countPoints({ url, runId, secrets }) {
    const query = { queryType: 'aggregate', aggregation: 'count', filters: { run_id: runId } };
    const answer = await post(new URL('/api/v1/query', url), secrets, query, QUERY_TIMEOUT_MS);
    const counted = Counted.safeParse(answer.body);
    if (answer.status === 200 && counted.success) return counted.data.results[0].value;
    throw new Error(
      `luminate: the count of run ${runId} was answered HTTP ${answer.status} ${JSON.stringify(answer.body)}`,
    );
  },

  defects: DEFECTS,

  images,

  containers: ['luminate'],
  stores: { [STORE_URL]: { kind: 'postgres' } },

  local: { containers: { luminate: { entry: 'reference/server.ts' } } },
};

function tokenOf(secrets: Record<string, string>): string {
  const { token } = clientSettings(process.env);
  if (token !== undefined) return token;
  const secret = secrets[SECRET_KEY];
  if (secret === undefined || secret === '')
    throw new Error(`luminate: no key "${SECRET_KEY}" in the manifests' Secrets; add it to luminate-secrets`);
  return mintToken(secret, {
    tenant_id: 'proofload',
    org_id: 'proofload',
    scopes: ['read', 'write'],
    exp: Math.floor(Date.now() / 1_000) + TOKEN_LIFE_S,
  });
}

/** Rejects when there is no whole answer in time. On a connection of its own, since the pod behind it may be another one next time. */
async function post(
  url: URL,
  secrets: Record<string, string>,
  payload: unknown,
  timeoutMs: number,
): Promise<{ status: number; body: unknown }> {
  const response = await request(url, {
    method: 'POST',
    headers: {
      ...clientSettings(process.env).headers,
      'content-type': 'application/json',
      authorization: `Bearer ${tokenOf(secrets)}`,
    },
    body: JSON.stringify(payload),
    reset: true,
    signal: AbortSignal.timeout(timeoutMs),
  });
  let text = '';
  for await (const chunk of response.body) {
    text += String(chunk);
    if (text.length > MAX_ANSWER) throw new Error(`an answer of more than ${MAX_ANSWER} bytes`);
  }
  return { status: response.statusCode, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 200);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/**
 * Most virtual users have one range: as many different numbers as rows, and no hole from the lowest to the highest. That takes an aggregate in
 * the order of the key (a million rows: 1 s, where ranges of all of them took 24 s). Of the others, runs of consecutive numbers ("gaps and
 * islands"): within one run the number minus its rank stays the same. The database does the work, so what travels is as small as the number of
 * holes, and one statement sees one state.
 */
const RANGES = `
  DECLARE ranges NO SCROLL CURSOR FOR
  WITH users AS (
    SELECT runner, vu, min(n) AS first, max(n) AS last,
           count(*) = count(DISTINCT n) AND count(*) = max(n) - min(n) + 1 AS even
    FROM luminate_batch WHERE run_id = $1 GROUP BY runner, vu)
  SELECT runner, vu, first, last, 1::bigint AS copies FROM users WHERE even
  UNION ALL
  SELECT runner, vu, min(n), max(n), copies FROM (
    SELECT runner, vu, n, copies,
           n - row_number() OVER (PARTITION BY runner, vu, copies ORDER BY n) AS island
    FROM (SELECT runner, vu, n, count(*) AS copies FROM luminate_batch
          WHERE run_id = $1 AND (runner, vu) IN (SELECT runner, vu FROM users WHERE NOT even)
          GROUP BY runner, vu, n) AS writes
  ) AS ranked
  GROUP BY runner, vu, copies, island
  ORDER BY runner, vu, first`;

interface RangeRow {
  runner: string;
  vu: number;
  first: string;
  last: string;
  copies: string;
}

async function* rangesOf(client: Client, runId: string): AsyncIterable<StoredRange> {
  await client.query('BEGIN READ ONLY');
  await client.query("SET LOCAL work_mem = '256MB'");
  // Groups by way of the key's order, which ranks need anyway: half the time where every virtual user has holes.
  await client.query('SET LOCAL enable_hashagg = off');
  await client.query(RANGES, [runId]);
  for (;;) {
    const { rows } = await client.query<RangeRow>(`FETCH ${PAGE} FROM ranges`);
    for (const { runner, vu, first, last, copies } of rows)
      yield { runner, vu, from: Number(first), to: Number(last), copies: Number(copies) };
    if (rows.length < PAGE) return;
  }
}
