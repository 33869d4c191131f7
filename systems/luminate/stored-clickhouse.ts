/** The writes of a run that ClickHouse holds. The database does the work, so that what travels is as small as the number of holes. */
import { z } from 'zod';
import type { StoredRange } from '../../record/contract.ts';
import { TABLE } from './reference/clickhouse.ts';
import { ClickHouseHttp } from '../../record/clickhouse-http.ts';

const READ_TIMEOUT_MS = 120_000;

/**
 * A write is there when all its points are, and as often as they make up: some points twice is a write twice. `whole` is how many different
 * points it has, 0 where its own rows tell of more. In the order of the key one write after the other is looked at (30 million rows: 1.3 s, and
 * little memory). Then runs of consecutive numbers ("gaps and islands"): within one run the number minus its rank stays the same.
 */
const RANGES = `
  SELECT runner, vu, min(n), max(n), copies, whole FROM (
    SELECT runner, vu, n, copies, whole,
      toInt64(n) - toInt64(row_number() OVER (PARTITION BY runner, vu, copies, whole ORDER BY n)) AS island
    FROM (
      SELECT runner, vu, n, toUInt32(uniqExact(point)) AS different,
        if(different < max(points), 0, different) AS whole,
        if(whole = 0, 1, toUInt32(ceil(count() / different))) AS copies
      FROM ${TABLE} WHERE run_id = {run:String}
      GROUP BY runner, vu, n))
  GROUP BY runner, vu, copies, whole, island
  ORDER BY runner, vu, min(n)
  SETTINGS optimize_aggregation_in_order = 1`;

const number = z.coerce.number();

/** Throws when they cannot be read whole. `pointsPerWrite`: by runner; with fewer a write is a part, whatever its rows tell. */
export async function* clickhouseRanges(
  url: string,
  runId: string,
  pointsPerWrite: ReadonlyMap<string, number>,
): AsyncIterable<StoredRange> {
  const http = new ClickHouseHttp(url);
  try {
    const row = z.tuple([z.string(), number, number, number, number, number]);
    for (const [runner, vu, from, to, copies, whole] of await http.select(RANGES, row, READ_TIMEOUT_MS, {
      run: runId,
    })) {
      if (whole >= (pointsPerWrite.get(runner) ?? 1)) yield { runner, vu, from, to, copies };
      else yield { runner, vu, from, to, copies: 1, form: 'part' };
    }
  } finally {
    http.destroy();
  }
}
