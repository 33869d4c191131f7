/** From a Kafka record to rows of `analytics.events`, and to dead letters for what can never be a row. */
import { randomUUID } from 'node:crypto';
import type { RowBuffer } from '../../../record/row-binary.ts';
import { EVENTS_TABLE } from '../names.ts';
import { checkEvent, isEvent, isObject } from './event.ts';
import type { Event } from './event.ts';
import { PlainPost } from './plain-post.ts';

/** `uuid` is not in the key and nothing removes doubles, as in the guide's DDL. */
export const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS ${EVENTS_TABLE} (
    uuid UUID,
    project_id LowCardinality(String),
    event LowCardinality(String),
    distinct_id String,
    timestamp DateTime64(3, 'UTC'),
    properties String,
    created_at DateTime64(3, 'UTC')
  ) ENGINE = MergeTree
  PARTITION BY toYYYYMM(timestamp)
  ORDER BY (project_id, event, toDate(timestamp), distinct_id)
  TTL toDateTime(timestamp) + INTERVAL 90 DAY`;

/** In the order that `writeRow` writes. */
export const INSERT = `INSERT INTO ${EVENTS_TABLE} (uuid, project_id, event, distinct_id, timestamp, properties, created_at) FORMAT RowBinary`;

/** What the table can hold of DateTime64(3). */
const EARLIEST_MS = Date.UTC(1900, 0, 1);
const LATEST_MS = Date.UTC(2299, 11, 31);

export type PoisonKind = 'invalid_json' | 'invalid_event' | 'invalid_timestamp' | 'insert_failed';

export interface Poison {
  /** What came, as JSON or, where it is none, as text. */
  raw: unknown;
  kind: PoisonKind;
  message: string;
}

/** Writes the record's rows and returns their number; what cannot be one goes to `poison`. */
export function rowsOf(value: Buffer, rows: RowBuffer, nowMs: number, poison: Poison[]): number {
  return plainRowsOf(value, rows, nowMs) ?? parsedRowsOf(value, rows, nowMs, poison);
}

/** Null, and nothing written, for what is not plain or has a time that the table cannot hold. */
function plainRowsOf(value: Buffer, rows: RowBuffer, nowMs: number): number | null {
  const startBytes = rows.sizeBytes;
  const post = new PlainPost(value);
  const { project, user, event, uuid, timestamp, properties } = post;
  const known = { from: 0, to: 0 };
  let timestampMs = NaN;
  let written = 0;
  const isPlain = post.read(() => {
    if (!post.isSame(timestamp, known)) {
      ({ from: known.from, to: known.to } = timestamp);
      timestampMs = Date.parse(post.textOf(timestamp));
    }
    if (!isTime(timestampMs)) return false;
    rows.uuidAt(value, uuid.from);
    rows.utf8(value, project.from, project.to);
    rows.utf8(value, event.from, event.to);
    rows.utf8(value, user.from, user.to);
    rows.int64(timestampMs);
    if (properties.to > 0) rows.utf8(value, properties.from, properties.to);
    else rows.string('{}');
    rows.int64(nowMs);
    written += 1;
    return true;
  });
  if (isPlain) return written;
  rows.truncate(startBytes);
  return null;
}

function parsedRowsOf(value: Buffer, rows: RowBuffer, nowMs: number, poison: Poison[]): number {
  let body: unknown;
  try {
    body = JSON.parse(value.toString('utf8'));
  } catch (error) {
    poison.push({ raw: value.toString('utf8'), kind: 'invalid_json', message: String(error) });
    return 0;
  }
  const posted = isObject(body) ? body : {};
  const { batch, project_id: projectId } = posted;
  const events: readonly unknown[] = Array.isArray(batch) ? batch : [body];
  const project = typeof projectId === 'string' ? projectId : 'default';
  let written = 0;
  for (const event of events) {
    const wrong = checkEvent(event);
    if (wrong !== '' || !isEvent(event)) {
      poison.push({ raw: ofProject(event, project), kind: 'invalid_event', message: wrong });
      continue;
    }
    const timestampMs = typeof event.timestamp === 'string' ? Date.parse(event.timestamp) : nowMs;
    if (!isTime(timestampMs)) {
      const message = `timestamp "${event.timestamp ?? ''}" is no time between 1900 and 2299`;
      poison.push({ raw: ofProject(event, project), kind: 'invalid_timestamp', message });
      continue;
    }
    writeRow(rows, event, project, timestampMs, nowMs);
    written += 1;
  }
  return written;
}

/** Out of its batch an event would not say whose it is. */
function ofProject(event: unknown, project: string): unknown {
  return isObject(event) ? { project_id: project, ...event } : event;
}

function writeRow(rows: RowBuffer, event: Event, project: string, timestampMs: number, nowMs: number): void {
  rows.uuid(event.uuid ?? randomUUID());
  rows.string(event.project_id ?? project);
  rows.string(event.event);
  rows.string(event.distinct_id);
  rows.int64(timestampMs);
  rows.string(event.properties ? JSON.stringify(event.properties) : '{}');
  rows.int64(nowMs);
}

/** Whether the table can hold it. A NaN compares as false with everything. */
function isTime(ms: number): boolean {
  return ms >= EARLIEST_MS && ms <= LATEST_MS;
}
