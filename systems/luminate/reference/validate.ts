/**
 * What a write may contain, and what identifies it. This is the hot path of the server, a hundred thousand metrics a second on a
 * fraction of a core, so a good metric is looked at once and nothing but its place in a list is allocated for it.
 */

export const MAX_METRICS = 10_000;
const MAX_NAME = 256;
const MAX_DIMENSIONS = 20;
const MAX_KEY = 128;
const MAX_VALUE = 256;
const OLDEST_MS = 7 * 24 * 3_600_000;
const NEWEST_MS = 3_600_000;
const NAME = /^[A-Za-z_]\w*$/;

/** A metric that keeps to the limits. */
export interface Metric {
  name: string;
  /** Milliseconds since the Unix epoch. */
  timestamp: number;
  value: number;
  dimensions?: Readonly<Record<string, string>>;
}

export interface MetricError {
  index: number;
  metric: string;
  error: string;
}

/** What the client calls the write; the same identity is stored once. */
export interface Identity {
  runner: string;
  vu: number;
  n: number;
}

export interface CheckedBatch {
  /** Metrics that keep to the limits, and how many. */
  metrics: readonly Metric[];
  accepted: number;
  errors: MetricError[];
  /** Of the first accepted metric; empty when it has none. */
  runId: string;
  /** Null when the client gave none: then the server makes one. */
  identity: Identity | null;
}

/** Lengths are in UTF-16 units, times in milliseconds since the Unix epoch. Returns a text when the body as a whole is no batch. */
export function checkBatch(body: unknown, nowMs: number): CheckedBatch | string {
  if (!isObject(body) || !Array.isArray(body['metrics']))
    return 'the body must be an object with an array "metrics"';
  const metrics: unknown[] = body['metrics'];
  if (metrics.length === 0) return '"metrics" is empty';
  if (metrics.length > MAX_METRICS) return `more than ${MAX_METRICS} metrics: ${metrics.length}`;
  const errors: MetricError[] = [];
  const accepted: Metric[] = [];
  for (let index = 0; index < metrics.length; index += 1) {
    const metric = metrics[index];
    if (keepsLimits(metric, nowMs)) accepted.push(metric);
    else errors.push({ index, metric: nameOf(metric), error: checkMetric(metric, nowMs) });
  }
  const dimensions = accepted[0]?.dimensions ?? {};
  return {
    metrics: accepted,
    accepted: accepted.length,
    errors,
    runId: dimensions['run_id'] ?? '',
    identity: readIdentity(dimensions),
  };
}

function keepsLimits(metric: unknown, nowMs: number): metric is Metric {
  return checkMetric(metric, nowMs) === '';
}

/** Empty for a good metric, else what is wrong with it. */
function checkMetric(metric: unknown, nowMs: number): string {
  if (!isObject(metric)) return 'a metric must be an object';
  const { name, timestamp, value, dimensions } = metric;
  if (typeof name !== 'string' || name.length > MAX_NAME || !NAME.test(name))
    return `name must match ${NAME.source} and have at most ${MAX_NAME} characters`;
  if (typeof timestamp !== 'number' || !(timestamp >= nowMs - OLDEST_MS) || !(timestamp <= nowMs + NEWEST_MS))
    return 'timestamp must be milliseconds since the epoch, at most 7 days old and 1 hour ahead';
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'value must be a finite number';
  return dimensions === undefined ? '' : checkDimensions(dimensions);
}

function checkDimensions(dimensions: unknown): string {
  if (!isObject(dimensions)) return 'dimensions must be an object';
  let count = 0;
  // No Object.entries: it would allocate for every metric. What JSON.parse makes inherits nothing that is enumerable.
  for (const key in dimensions) {
    count += 1;
    if (key.length > MAX_KEY || !NAME.test(key))
      return `dimension keys must match ${NAME.source} and have at most ${MAX_KEY} characters`;
    const value = dimensions[key];
    if (typeof value !== 'string' || value.length > MAX_VALUE)
      return `dimension values must be strings of at most ${MAX_VALUE} characters`;
    if (value.includes('\0')) return 'dimension values must not contain the character NUL';
  }
  return count > MAX_DIMENSIONS ? `more than ${MAX_DIMENSIONS} dimensions` : '';
}

function readIdentity({ runner, vu, seq }: Readonly<Record<string, string>>): Identity | null {
  if (runner === undefined || vu === undefined || seq === undefined) return null;
  if (!/^\d{1,9}$/.test(vu) || !/^\d{1,15}$/.test(seq)) return null;
  return { runner, vu: Number(vu), n: Number(seq) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(metric: unknown): string {
  const name = isObject(metric) ? metric['name'] : undefined;
  return typeof name === 'string' ? name.slice(0, MAX_NAME) : '';
}
