/**
 * What the reference system holds of a run, straight from its store: which journeys and events are there, and what has become of each. The
 * database does the work (runs of consecutive numbers, "gaps and islands": the number minus its rank stays the same), so that what travels is
 * as small as the number of holes. Each reading is one statement, so it sees one state.
 */
import { Client } from 'pg';
import type { StateRange, StoredRange } from '../../record/contract.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const READ_TIMEOUT_MS = 180_000;
/** Ranges fetched at once; a healthy run has one for each virtual user and state. */
const PAGE = 10_000;

/** A customer of a journey, or the mark that an event carries: `<run>/<runner>/<vu>/<n>`. */
const OURS = `mark ~ ('^' || $1 || '/[a-z0-9-]+/[0-9]{1,9}/[0-9]{1,10}$')`;

/** An event moves every journey of its customer that waits for it, each once: how often it completed a step of the one that it did most often. */
const EVENTS = `
  SELECT mark, max(copies) AS copies FROM (
    SELECT output->>'proofload' AS mark, instance_id, count(*) AS copies FROM execution_steps
    WHERE output IS NOT NULL AND status = 'completed' GROUP BY 1, 2
  ) AS steps WHERE ${OURS} GROUP BY mark`;

const STORED = `
  SELECT mark, copies::text AS value FROM (
    SELECT customer_id AS mark, count(*) AS copies FROM flow_instances GROUP BY customer_id) AS journeys WHERE ${OURS}
  UNION ALL
  SELECT mark, copies::text FROM (${EVENTS}) AS events`;

/**
 * A journey has come through its wait when there is a second step of the wait, and a step after it (the exit of the graph in contract.ts).
 * Whatever does not fit together is `inconsistent`.
 */
const STATES = `
  SELECT mark, CASE
      WHEN count(*) > 1 THEN 'started-twice'
      WHEN bool_or(exit_reason = 'server_crashed') THEN 'failed-by-recovery'
      WHEN bool_or(exit_reason = 'stale_timeout') THEN 'stale'
      WHEN bool_or(exit_reason = 'cancelled') THEN 'cancelled'
      WHEN bool_or(status = 'failed') THEN 'failed'
      WHEN max(waited) > 1 OR max(ended) > 1 THEN 'completed-twice'
      WHEN bool_or(timed_out) THEN 'timed-out'
      WHEN bool_or(status = 'completed') AND max(waited) = 1 AND max(ended) = 1 THEN 'completed'
      WHEN bool_or(status = 'waiting') AND max(waited) IS NULL THEN 'waiting'
      ELSE 'inconsistent' END AS value
  FROM (
    SELECT customer_id AS mark, status, exit_reason, waited, ended, timed_out FROM flow_instances AS i LEFT JOIN (
      SELECT instance_id, count(*) FILTER (WHERE node_type = 'wait_for_event') AS waited,
             count(*) FILTER (WHERE node_type = 'exit') AS ended, bool_or(output ? 'timed_out') AS timed_out
      FROM execution_steps
      WHERE status = 'completed' AND node_type IN ('wait_for_event', 'exit') GROUP BY instance_id
    ) AS s ON s.instance_id = i.id
  ) AS journeys WHERE ${OURS} GROUP BY mark
  UNION ALL
  SELECT mark, CASE WHEN copies = 1 THEN 'moved' ELSE 'moved-twice' END FROM (${EVENTS}) AS events`;

/** Every journey and every event that is there, with the number of instances of its customer, or of its steps in one. */
export async function* readStored(databaseUrl: string, runId: string): AsyncIterable<StoredRange> {
  for await (const { value, ...range } of ranges(databaseUrl, STORED, runId))
    yield { ...range, copies: Number(value) };
}

/** What has become of each: exactly one state. */
export async function* readStates(databaseUrl: string, runId: string): AsyncIterable<StateRange> {
  for await (const { value, ...range } of ranges(databaseUrl, STATES, runId))
    yield { ...range, state: value };
}

interface ValueRange {
  runner: string;
  vu: number;
  from: number;
  to: number;
  value: string;
}

/** `marks` gives (mark, value); what is yielded are ranges of consecutive numbers with one value. */
async function* ranges(databaseUrl: string, marks: string, runId: string): AsyncIterable<ValueRange> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: READ_TIMEOUT_MS,
  });
  // Without a listener a server that dies while nothing is asked would take the harness with it; a query rejects by itself.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('BEGIN READ ONLY');
    await client.query("SET LOCAL work_mem = '256MB'");
    const text = `
      DECLARE ranges NO SCROLL CURSOR FOR
      SELECT runner, vu, min(n) AS first, max(n) AS last, value FROM (
        SELECT runner, vu, n, value, n - row_number() OVER (PARTITION BY runner, vu, value ORDER BY n) AS island
        FROM (SELECT split_part(mark, '/', 2) AS runner, split_part(mark, '/', 3)::int AS vu,
                     split_part(mark, '/', 4)::bigint AS n, value FROM (${marks}) AS valued) AS numbered
      ) AS ranked GROUP BY runner, vu, value, island ORDER BY runner, vu, min(n)`;
    await client.query(text, [runId]);
    for (;;) {
      const { rows } = await client.query<{
        runner: string;
        vu: number;
        first: string;
        last: string;
        value: string;
      }>(`FETCH ${PAGE} FROM ranges`);
      for (const { runner, vu, first, last, value } of rows)
        yield { runner, vu, from: Number(first), to: Number(last), value };
      if (rows.length < PAGE) return;
    }
  } finally {
    await client.end();
  }
}
