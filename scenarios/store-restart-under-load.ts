import type { Scenario } from '../record/model.ts';

/**
 * The store behind the broker dies and comes back with the same volume. An insert that was answered must be there, one that was not is made again:
 * copies are no failure, since the pipeline promises each event at least once; what is there twice is among the figures.
 */
export default {
  name: 'store-restart-under-load',
  question: 'Does the event pipeline store every event it acknowledged when its store dies and comes back?',
  system: 'event-pipeline',
  load: { script: 'push-events', ratePerS: 300, pointsPerWrite: 100, forMs: 240_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [{ name: 'store-kill', fault: { chaos: 'clickhouse-kill' } }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    // The broker stands between: nobody who writes waits for the store.
    { check: 'served', during: 'store-kill', atLeast: 0.99 },
    { check: 'recovers', during: 'store-kill', withinMs: 10_000 },
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
