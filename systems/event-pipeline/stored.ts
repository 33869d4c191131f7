/** The writes of a run that the table holds. The database does the work, so that what travels is as small as the number of holes. */
import { z } from 'zod';
import type { ClickHouseHttp } from '../../record/clickhouse-http.ts';
import type { StoredRange } from '../../record/contract.ts';
import { EVENTS_TABLE } from './names.ts';

const QUERY_TIMEOUT_MS = 120_000;

/**
 * The halves of a uuid (identity.ts), of which the first is the lower one of the number that ClickHouse makes of it. `tail` says which virtual
 * user and how many events, so with `n` and the user it is one write.
 */
const EVENTS = `(
  SELECT distinct_id,
    toUInt64(bitAnd(reinterpretAsUInt128(uuid), 18446744073709551615)) AS head,
    toUInt64(bitShiftRight(reinterpretAsUInt128(uuid), 64)) AS tail,
    bitAnd(bitShiftRight(head, 12), 15) = 8 AND bitShiftRight(tail, 60) = 8 AS ours,
    bitShiftRight(head, 16) AS n,
    toUInt16(bitAnd(head, 4095)) AS point
  FROM ${EVENTS_TABLE} WHERE project_id = {run:String})`;

const WRITES = `
  SELECT distinct_id, bitAnd(tail, 281474976710655) AS vu, n, bitAnd(bitShiftRight(tail, 48), 4095) AS points,
    uniqExact(point) AS different, count() AS events
  FROM ${EVENTS} WHERE ours
  GROUP BY distinct_id, n, tail`;

/**
 * A write is whole when all its events are there, and there as often as they make up: some events twice is a write twice. Then runs of
 * consecutive numbers ("gaps and islands"): within one run the number minus its rank stays the same.
 */
const RANGES = `
  SELECT distinct_id, vu, min(n), max(n), copies, whole FROM (
    SELECT distinct_id, vu, n, toUInt8(different = points) AS whole,
      if(whole = 1, toUInt32(ceil(events / points)), 1) AS copies,
      toInt64(n) - toInt64(row_number() OVER (PARTITION BY distinct_id, vu, copies, whole ORDER BY n)) AS island
    FROM (${WRITES}))
  GROUP BY distinct_id, vu, copies, whole, island
  ORDER BY distinct_id, vu, min(n)`;

const IN_PART = `
  SELECT distinct_id, bitAnd(tail, 281474976710655) AS vu, n, groupArray(point)
  FROM ${EVENTS} WHERE ours
  GROUP BY distinct_id, n, tail
  HAVING uniqExact(point) < bitAnd(bitShiftRight(tail, 48), 4095)`;

const FOREIGN = `SELECT count() FROM ${EVENTS} WHERE NOT ours`;

const number = z.coerce.number();

/** Whole writes, and those of which a part is there. What no load of ours wrote under the run's name comes as writes of a runner `foreign`. */
export async function* storedRanges(clickhouse: ClickHouseHttp, runId: string): AsyncIterable<StoredRange> {
  const row = z.tuple([z.string(), number, number, number, number, number]);
  const rows = await clickhouse.select(RANGES, row, QUERY_TIMEOUT_MS, { run: runId });
  for (const [distinctId, vu, from, to, copies, whole] of rows) {
    const runner = runnerOf(distinctId, vu) ?? 'foreign';
    yield { runner, vu, from, to, copies, ...(whole === 0 && { form: 'part' }) };
  }
  const [counted] = await clickhouse.select(FOREIGN, z.tuple([number]), QUERY_TIMEOUT_MS, { run: runId });
  const foreign = counted?.[0] ?? 0;
  if (foreign > 0) yield { runner: 'foreign', vu: 1, from: 1, to: foreign, copies: 1 };
}

/** Writes that are not whole: the events that are there. */
export async function* storedInPart(
  clickhouse: ClickHouseHttp,
  runId: string,
): AsyncIterable<{ runner: string; vu: number; n: number; points: number[] }> {
  const row = z.tuple([z.string(), number, number, z.array(number)]);
  for (const [distinctId, vu, n, points] of await clickhouse.select(IN_PART, row, QUERY_TIMEOUT_MS, {
    run: runId,
  })) {
    const runner = runnerOf(distinctId, vu);
    if (runner !== null) yield { runner, vu, n, points };
  }
}

/** Null where it is none of ours, or of another virtual user than the uuid says. */
function runnerOf(distinctId: string, vu: number): string | null {
  const colon = distinctId.lastIndexOf(':');
  return colon > 0 && distinctId.slice(colon + 1) === String(vu) ? distinctId.slice(0, colon) : null;
}
