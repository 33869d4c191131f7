/**
 * Durations of Prometheus (https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations): whole
 * numbers, each unit once, the biggest first. Not Go's format, which has fractions and no days.
 */
const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const UNITS_MS = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1];

/** Prometheus counts nanoseconds in 64 bits, and refuses more: 2^63 - 1 ns in whole milliseconds, some 292 years. */
export const MAX_DURATION_MS = 9_223_372_036_854;

/** Milliseconds of `1h30m` or `0`; null for anything else, and for what is too long. */
export function parsePromDurationMs(text: string): number | null {
  if (text === '0') return 0;
  const found = text === '' ? null : DURATION.exec(text);
  if (found === null) return null;
  const totalMs = UNITS_MS.reduce((sum, unitMs, i) => sum + unitMs * Number(found[i + 1] ?? 0), 0);
  return totalMs <= MAX_DURATION_MS ? totalMs : null;
}
