/**
 * Durations of Prometheus (https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations): whole
 * numbers, each unit once, the biggest first. Not Go's format, which has fractions and no days.
 */
const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const UNITS_MS = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1];

/** Milliseconds of `1h30m` or `0`; null for anything else. */
export function parsePromDurationMs(text: string): number | null {
  if (text === '0') return 0;
  const found = text === '' ? null : DURATION.exec(text);
  if (found === null) return null;
  const totalMs = UNITS_MS.reduce((sum, unitMs, i) => sum + unitMs * Number(found[i + 1] ?? 0), 0);
  return Number.isSafeInteger(totalMs) ? totalMs : null;
}
