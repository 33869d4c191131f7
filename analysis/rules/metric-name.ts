/** What a metric's name says of it, by the conventions of https://prometheus.io/docs/practices/naming/. */
import { type Interval, NOT_NEGATIVE } from './interval.ts';

const UNIT_WORDS = 'seconds|milliseconds|microseconds|nanoseconds|ms|bytes|size|duration|latency|time';

/** Name without the ending that a histogram or a counter puts behind it. */
function baseName(name: string): string {
  return name.replace(/_(total|sum|count|bucket)$/, '');
}

/** Only ever rises, until its process restarts. Recorded names (with a colon) are somebody's own. */
export function isCounter(name: string | null): boolean {
  if (name === null || name.includes(':')) return false;
  if (/_(created|limit|max|current)_total$|^node_memory_/.test(name)) return false;
  return /_(total|bucket)$/.test(name) || new RegExp(`_(${UNIT_WORDS})_(sum|count)$`).test(name);
}

/** Goes up and down: rate() of it is of no use. Only names that leave no doubt; a bare unit may be a native histogram. */
export function isGauge(name: string | null): boolean {
  if (name === null || isCounter(name) || name.includes(':')) return false;
  return (
    name === 'up' ||
    /_(celsius|ratio|percent|percentage|info|timestamp_seconds|goroutines|replicas|connections|in_flight|inflight|in_use|active|pending|open_fds|max_fds|depth|length|lag|load1|load5|load15|temperature|uptime_seconds|utilization|usage)$/.test(
      name,
    ) ||
    /_(free|avail|available|used|usage|resident|virtual|memory|heap|limit|size|inuse|alloc|working_set|MemAvailable|MemFree|MemTotal)_bytes$/.test(
      name,
    )
  );
}

/** A value that is one quantile of many: of a summary, or recorded. */
export function isQuantile(name: string | null): boolean {
  return name !== null && /(^|[_:])(p(50|75|90|95|99|999)|\d\dth_?percentile|median)($|[_:])/.test(name);
}

export interface Unit {
  /** `s`, `By`, `ratio`, per second `s/s`, `By/s`, `1/s`. */
  base: string;
  /** Of the base unit: 0.001 for milliseconds. */
  factor: number;
}

const UNITS: readonly [RegExp, Unit][] = [
  [/_(seconds|secs)$/, { base: 's', factor: 1 }],
  [/_(milliseconds|millis|ms|msec)$/, { base: 's', factor: 1e-3 }],
  [/_(microseconds|us|usec)$/, { base: 's', factor: 1e-6 }],
  [/_(nanoseconds|ns|nsec)$/, { base: 's', factor: 1e-9 }],
  [/_bytes$/, { base: 'By', factor: 1 }],
  [/_(kilobytes|kb|kib)$/, { base: 'By', factor: 1024 }],
  [/_(megabytes|mb|mib)$/, { base: 'By', factor: 1024 ** 2 }],
  [/_ratio$/, { base: 'ratio', factor: 1 }],
  [/_(percent|percentage)$/, { base: 'ratio', factor: 0.01 }],
];

/** Null: the name names none, or counts things. */
export function unitOf(name: string | null): Unit | null {
  if (name === null || name.includes(':') || name.endsWith('_count')) return null;
  return UNITS.find(([ending]) => ending.test(baseName(name)))?.[1] ?? null;
}

/** Null: nothing is known. */
export function valuesOf(name: string | null): Interval | null {
  if (name === null) return null;
  if (name === 'up' || name === 'probe_success') return { lo: 0, hi: 1 };
  if (name === 'ALERTS') return { lo: 1, hi: 1 };
  if (isCounter(name) && !name.endsWith('_sum')) return NOT_NEGATIVE;
  const unit = unitOf(name);
  if (unit?.base === 'ratio' && unit.factor === 1)
    return { lo: 0, hi: 1, assuming: `${name} is a share of 0 to 1, as its name says` };
  if (unit?.base === 'By' || (unit?.base === 's' && !/offset|drift|skew|timestamp/.test(name)))
    return { ...NOT_NEGATIVE, assuming: `${name} is never below zero` };
  return null;
}
