/**
 * Writes as rows in ClickHouse's RowBinary format: columns one after the other, integers little endian, DateTime64(3) as Int64 milliseconds,
 * a string as its length in LEB128 and its bytes, a map as its size and its pairs (https://clickhouse.com/docs/interfaces/formats/RowBinary).
 * One row per metric; each says of which write it is a part, which metric of how many, so that a write that is there in part can be told.
 */
import type { Row } from './database.ts';
import type { Metric } from './validate.ts';

/** In the order in which a row is written. */
export const COLUMNS =
  'run_id, runner, vu, n, points, point, timestamp, metric_name, value, dimensions' as const;

/** All metrics of the writes. */
export function rowsOf(writes: readonly Row[]): Buffer {
  const rows = new Rows();
  for (const { runId, runner, vu, n, points, metrics } of writes) {
    const from = rows.sizeBytes;
    rows.string(runId);
    rows.string(runner);
    rows.uint32(vu);
    rows.uint64(n);
    rows.uint32(points);
    const to = rows.sizeBytes;
    for (const [point, metric] of metrics.entries()) {
      if (point > 0) rows.again(from, to);
      rows.uint32(point);
      addMetric(rows, metric);
    }
  }
  return rows.bytes();
}

function addMetric(rows: Rows, { timestamp, name, value, dimensions = {} }: Metric): void {
  const keys = Object.keys(dimensions);
  rows.uint64(Math.trunc(timestamp));
  rows.string(name);
  rows.float64(value);
  rows.length(keys.length);
  for (const key of keys) {
    rows.string(key);
    rows.string(dimensions[key] ?? '');
  }
}

class Rows {
  #buffer = Buffer.allocUnsafe(65_536);
  #at = 0;

  get sizeBytes(): number {
    return this.#at;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** What was written from here to there, once more. */
  again(from: number, to: number): void {
    this.#reserve(to - from);
    this.#at += this.#buffer.copy(this.#buffer, this.#at, from, to);
  }

  string(text: string): void {
    const sizeBytes = Buffer.byteLength(text);
    this.length(sizeBytes);
    this.#reserve(sizeBytes);
    this.#at += this.#buffer.write(text, this.#at);
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#at = this.#buffer.writeUInt32LE(value, this.#at);
  }

  /** Of a whole number from 0 to 2^53 - 1; as Int64 the same bytes. */
  uint64(value: number): void {
    this.uint32(value % 2 ** 32);
    this.uint32(Math.floor(value / 2 ** 32));
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  /** LEB128. */
  length(value: number): void {
    this.#reserve(5);
    let left = value;
    for (; left >= 128; left >>>= 7) this.#buffer[this.#at++] = (left & 127) | 128;
    this.#buffer[this.#at++] = left;
  }

  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + sizeBytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
