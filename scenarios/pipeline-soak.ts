import type { Scenario } from '../record/model.ts';

/**
 * The event pipeline at full size, with every part real, and both of its stores away for a minute each. Copies are no failure here: the
 * pipeline promises each event at least once, and what is there twice is among the figures.
 */
export default {
  name: 'pipeline-soak',
  question:
    'Does the event pipeline at 100,000 events/s keep every acknowledged event when its broker, and then its store, is away for a minute?',
  system: 'event-pipeline',
  // 2 % above the promise, so that a second look at the clock does not decide it.
  // While the consumers make up for a minute without their store, they take the processor from the API: it answers late, and not never.
  load: {
    script: 'push-events',
    ratePerS: 1_020,
    pointsPerWrite: 100,
    forMs: 440_000,
    warmupMs: 40_000,
    p999Ms: 800,
  },
  calibrate: true,
  disturb: [
    { name: 'kafka-cut', fault: { chaos: 'kafka-partition' }, forMs: 60_000 },
    { name: 'clickhouse-cut', fault: { chaos: 'clickhouse-partition' }, forMs: 60_000 },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    // See kafka-partition-under-load for the bound.
    { check: 'recovers', during: 'kafka-cut', withinMs: 60_000 },
    { check: 'recovers', during: 'clickhouse-cut', withinMs: 30_000 },
    { check: 'latency', p99Ms: 1_000 },
    { check: 'no-restarts' },
    { check: 'steady-state' },
    { check: 'throughput', pointsPerS: 100_000, optional: true },
  ],
} satisfies Scenario;
