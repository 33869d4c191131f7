/**
 * What an event may look like: the limits of the pipeline's capture schema. Written by hand, because a hundred events come with every
 * POST and each is looked at twice, by capture and by the consumer.
 */

export const MAX_BATCH = 100;
/** Characters, like the next two. */
export const MAX_NAME = 4_096;
export const MAX_PROJECT_ID = 256;
export const MAX_TIMESTAMP = 64;
export const MAX_PROPERTIES = 50;
const MAX_DEPTH = 3;
export const MAX_PROPERTIES_BYTES = 32 * 1024;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export type JsonObject = Record<string, unknown>;

export interface Event extends JsonObject {
  event: string;
  distinct_id: string;
  timestamp?: string | null;
  properties?: JsonObject | null;
  uuid?: string | null;
  project_id?: string | null;
}

export interface Posted {
  events: Event[];
  /** Of the whole batch. */
  projectId: string | undefined;
}

/** A single event or `{batch, project_id?}`; a text says what is wrong with it. */
export function readPosted(body: unknown): Posted | string {
  if (!isObject(body)) return 'the body must be a JSON object';
  const { batch, project_id: projectId } = body;
  if (batch === undefined) {
    const wrong = checkEvent(body);
    return wrong === '' && isEvent(body) ? { events: [body], projectId: undefined } : wrong;
  }
  if (!isTextUpTo(projectId, MAX_PROJECT_ID)) return 'project_id must be a string of at most 256 characters';
  if (!Array.isArray(batch) || batch.length < 1 || batch.length > MAX_BATCH)
    return `batch must be an array of 1 to ${MAX_BATCH} events`;
  const events: Event[] = [];
  for (const [index, event] of batch.entries()) {
    const wrong = checkEvent(event);
    if (wrong !== '' || !isEvent(event)) return `batch[${index}]: ${wrong}`;
    events.push(event);
  }
  return { events, projectId: projectId ?? undefined };
}

/** What is wrong with it, or nothing. */
export function checkEvent(event: unknown): string {
  if (!isObject(event)) return 'an event must be an object';
  if (!isText(event['event'], MAX_NAME)) return 'event must be a string of 1 to 4096 characters';
  if (!isText(event['distinct_id'], MAX_NAME)) return 'distinct_id must be a string of 1 to 4096 characters';
  const { uuid } = event;
  if (uuid !== undefined && uuid !== null && !(typeof uuid === 'string' && UUID.test(uuid)))
    return 'uuid must be a UUID';
  if (!isTextUpTo(event['timestamp'], MAX_TIMESTAMP)) return 'timestamp must be a string';
  if (!isTextUpTo(event['project_id'], MAX_PROJECT_ID))
    return 'project_id must be a string of at most 256 characters';
  if (!isTextUpTo(event['$lib'], 128)) return '$lib must be a string of at most 128 characters';
  if (!isTextUpTo(event['$lib_version'], 64)) return '$lib_version must be a string of at most 64 characters';
  if (!isTextUpTo(event['$device_id'], 256)) return '$device_id must be a string of at most 256 characters';
  const { properties } = event;
  return properties === undefined || properties === null ? '' : checkProperties(properties);
}

/** For what `checkEvent` found nothing wrong with. */
export function isEvent(event: unknown): event is Event {
  return isObject(event) && typeof event['event'] === 'string' && typeof event['distinct_id'] === 'string';
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkProperties(properties: unknown): string {
  if (!isObject(properties)) return 'properties must be an object';
  let keys = 0;
  let isDeep = false;
  // No Object.values: it would allocate for every event. What JSON.parse makes inherits nothing that is enumerable.
  for (const key in properties) {
    keys += 1;
    isDeep ||= typeof properties[key] === 'object' && depthOf(properties[key]) >= MAX_DEPTH;
  }
  if (keys > MAX_PROPERTIES) return `properties has more than ${MAX_PROPERTIES} keys`;
  if (isDeep) return `properties is nested more than ${MAX_DEPTH} levels deep`;
  if (Buffer.byteLength(JSON.stringify(properties)) > MAX_PROPERTIES_BYTES)
    return `properties is larger than ${MAX_PROPERTIES_BYTES} bytes`;
  return '';
}

/** Levels of objects and arrays, counted no further than needed. */
function depthOf(value: unknown, limit = MAX_DEPTH): number {
  if (typeof value !== 'object' || value === null || limit === 0) return 0;
  return 1 + Math.max(0, ...Object.values(value).map((inner) => depthOf(inner, limit - 1)));
}

function isText(value: unknown, max: number): boolean {
  return typeof value === 'string' && value.length >= 1 && value.length <= max;
}

/** Optional fields may be null, too. */
function isTextUpTo(value: unknown, max: number): value is string | null | undefined {
  return value === undefined || value === null || (typeof value === 'string' && value.length <= max);
}
