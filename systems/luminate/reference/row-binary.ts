/**
 * A write as rows of its table. One row per metric; each says of which write it is a part, which metric of how many, so that a write that is
 * there in part can be told.
 */
import { RowBuffer } from '../../../record/row-binary.ts';
import type { Row } from './database.ts';
import type { Metric } from './validate.ts';

/** In the order in which a row is written. */
export const COLUMNS =
  'run_id, runner, vu, n, points, point, timestamp, metric_name, value, dimensions' as const;

/** Used again by each write, so that only what is kept of it is allocated. */
const rows = new RowBuffer(65_536);

/** All metrics of the write, in RowBinary. */
export function rowsOf({ runId, runner, vu, n, points, metrics }: Row): Buffer {
  rows.truncate(0);
  rows.string(runId);
  rows.string(runner);
  rows.uint32(vu);
  rows.int64(n);
  rows.uint32(points);
  const identityBytes = rows.sizeBytes;
  let point = 0;
  for (const metric of metrics) {
    if (point > 0) rows.again(0, identityBytes);
    rows.uint32(point);
    addMetric(metric);
    point += 1;
  }
  return Buffer.from(rows.bytes());
}

function addMetric({ timestamp, name, value, dimensions = {} }: Metric): void {
  rows.int64(Math.trunc(timestamp));
  rows.string(name);
  rows.float64(value);
  // No Object.keys: it would allocate for every metric. What JSON.parse makes inherits nothing that is enumerable.
  let count = 0;
  for (const _ in dimensions) count += 1;
  rows.length(count);
  for (const key in dimensions) {
    rows.string(key);
    rows.string(dimensions[key] ?? '');
  }
}
