import type { Scenario } from '../record/model.ts';

/**
 * The store behind the broker is away for a minute: nobody who writes should notice, and everything is stored afterwards. An insert that timed
 * out may have happened, so copies are no failure here: the pipeline promises each event at least once; what is there twice is among the figures.
 */
export default {
  name: 'clickhouse-partition-under-load',
  question:
    'Does the event pipeline go on taking events, and store them all, when its store is away for a minute?',
  system: 'event-pipeline',
  load: { script: 'push-events', ratePerS: 300, pointsPerWrite: 100, forMs: 240_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [{ name: 'clickhouse-cut', fault: { chaos: 'clickhouse-partition' }, forMs: 60_000 }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    // The broker stands between: during the cut as well.
    { check: 'served', during: 'clickhouse-cut', atLeast: 0.99 },
    // While the consumer catches up it takes a larger part of the machine than before.
    { check: 'recovers', during: 'clickhouse-cut', withinMs: 10_000 },
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
