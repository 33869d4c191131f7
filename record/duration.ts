/**
 * Durations as people write them: Go's format (https://pkg.go.dev/time#ParseDuration), which Kubernetes, Chaos Mesh, k6 and
 * Prometheus share. Strict: a word such as `5 minute` is refused, because a typo must not become a default.
 */
const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `1h30m`, `90s`, `1.5m`, `500ms`; null for anything else, negative and zero included. */
export function parseDurationMs(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
  }
  // 64.1 s is 64099.99999999999 ms in binary: whole milliseconds, since no timer here is finer.
  const wholeMs = Math.round(totalMs);
  return Number.isSafeInteger(wholeMs) && wholeMs > 0 ? wholeMs : null;
}

/** `1m30s`, `45s`, `800ms`: the shortest exact form down to a second, milliseconds below that. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor((seconds % 3_600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join('');
}
