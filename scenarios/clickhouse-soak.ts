import type { Scenario } from '../record/model.ts';

/**
 * The metrics service straight over ClickHouse, the store that its guide names, on a cluster (`up --system luminate:clickhouse`). Nothing stands
 * between: while the store is away writes are refused, and what was acknowledged before has to be there afterwards. A client that repeats a
 * write would have it twice; this load repeats none.
 */
export default {
  name: 'clickhouse-soak',
  question:
    'Does a metrics service over ClickHouse at 100,000 metrics/s keep every acknowledged write when a pod dies and its store is away for a minute?',
  system: 'luminate',
  overlay: 'clickhouse',
  // 2 % above the promise, so that a second look at the clock does not decide it. 500 metrics a write: collectors gather at least as many before
  // they send (the OpenTelemetry collector 8,192, Prometheus up to 2,000), and the service takes 10,000.
  load: {
    script: 'push-metrics',
    ratePerS: 204,
    pointsPerWrite: 500,
    forMs: 440_000,
    warmupMs: 40_000,
    // An insert every 200 ms for each pod; when pods come or go, a write waits for several of them.
    p999Ms: 1_500,
  },
  calibrate: true,
  disturb: [
    { name: 'pod-kill', fault: { chaos: 'pod-kill' } },
    { name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 60_000 },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    { check: 'recovers', during: 'pod-kill', withinMs: 30_000 },
    { check: 'recovers', during: 'store-cut', withinMs: 30_000 },
    { check: 'latency', p99Ms: 1_000 },
    { check: 'ready-only-while-serving' },
    { check: 'no-restarts' },
    { check: 'steady-state' },
    { check: 'throughput', pointsPerS: 100_000, optional: true },
  ],
} satisfies Scenario;
