/** The writes of a run that PostgreSQL holds. */
import { Client } from 'pg';
import type { StoredRange } from '../../record/contract.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const READ_TIMEOUT_MS = 120_000;
/** Ranges fetched at once; a healthy run has one per virtual user. */
const PAGE = 10_000;

/**
 * Most virtual users have one range: as many different numbers as rows, no hole from the lowest to the highest, and one size. That takes an aggregate in
 * the order of the key (a million rows: 1 s, where ranges of all of them took 24 s). Of the others, runs of consecutive numbers ("gaps and
 * islands"): within one run the number minus its rank stays the same. The database does the work, so what travels is as small as the number of
 * holes, and one statement sees one state.
 */
const RANGES = `
  DECLARE ranges NO SCROLL CURSOR FOR
  WITH users AS (
    SELECT runner, vu, min(n) AS first, max(n) AS last, max(points) AS points, min(points) = max(points)
             AND count(*) = count(DISTINCT n) AND count(*) = max(n) - min(n) + 1 AS even
    FROM luminate_batch WHERE run_id = $1 GROUP BY runner, vu)
  SELECT runner, vu, first, last, 1::bigint AS copies, points FROM users WHERE even
  UNION ALL
  SELECT runner, vu, min(n), max(n), copies, points FROM (
    SELECT runner, vu, n, copies, points,
           n - row_number() OVER (PARTITION BY runner, vu, copies, points ORDER BY n) AS island
    FROM (SELECT runner, vu, n, count(*) AS copies, max(points) AS points FROM luminate_batch
          WHERE run_id = $1 AND (runner, vu) IN (SELECT runner, vu FROM users WHERE NOT even)
          GROUP BY runner, vu, n) AS writes
  ) AS ranked
  GROUP BY runner, vu, copies, points, island
  ORDER BY runner, vu, first`;

interface RangeRow {
  runner: string;
  vu: number;
  first: string;
  last: string;
  copies: string;
  /** Of each write, as the server counted them. */
  points: number;
}

/** Throws when they cannot be read whole. `pointsPerWrite`: by runner; with fewer a write is a part. */
export async function* postgresRanges(
  url: string,
  runId: string,
  pointsPerWrite: ReadonlyMap<string, number>,
): AsyncIterable<StoredRange> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: READ_TIMEOUT_MS,
  });
  // Without a listener a server that dies while nothing is asked would take the harness with it; a query rejects by itself.
  client.on('error', () => undefined);
  await client.connect();
  try {
    for await (const { points, ...range } of rangesOf(client, runId)) {
      if (points >= (pointsPerWrite.get(range.runner) ?? 1)) yield range;
      else yield { ...range, copies: 1, form: 'part' };
    }
  } finally {
    await client.end();
  }
}

async function* rangesOf(client: Client, runId: string): AsyncIterable<StoredRange & { points: number }> {
  await client.query('BEGIN READ ONLY');
  await client.query("SET LOCAL work_mem = '256MB'");
  // Groups by way of the key's order, which ranks need anyway: half the time where every virtual user has holes.
  await client.query('SET LOCAL enable_hashagg = off');
  await client.query(RANGES, [runId]);
  for (;;) {
    const { rows } = await client.query<RangeRow>(`FETCH ${PAGE} FROM ranges`);
    for (const { runner, vu, first, last, copies, points } of rows)
      yield { runner, vu, from: Number(first), to: Number(last), copies: Number(copies), points };
    if (rows.length < PAGE) return;
  }
}
