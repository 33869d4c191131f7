/** `rate` of a counter over (t - W, t], as Prometheus computes it (promql/functions.go, extrapolatedRate, v3). */

/** A counter at one scrape. */
export interface CounterSample {
  atMs: number;
  value: number;
}

/**
 * Events a second at `atMs`; null: fewer than two samples in the window. `samples` is only what is in the window, in order, and the
 * counter does not fall.
 */
export function extrapolatedRate(
  samples: { first: CounterSample; last: CounterSample; count: number },
  windowMs: number,
  atMs: number,
): number | null {
  const { first, last, count } = samples;
  if (count < 2) return null;
  const sampledMs = last.atMs - first.atMs;
  const increase = last.value - first.value;
  const betweenMs = sampledMs / (count - 1);
  const toEdge = (ms: number) => (ms >= betweenMs * 1.1 ? betweenMs / 2 : ms);
  const startMs = toEdge(first.atMs - (atMs - windowMs));
  // Not to below zero, where the counter was never.
  const zeroMs = increase > 0 ? sampledMs * (first.value / increase) : startMs;
  const coveredMs = sampledMs + Math.min(startMs, zeroMs) + toEdge(atMs - last.atMs);
  return (increase * coveredMs) / sampledMs / (windowMs / 1_000);
}
