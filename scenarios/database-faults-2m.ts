import type { Scenario } from '../record/model.ts';

/**
 * The one database of the journeys is cut off, and dies once. A journey or an event that was acknowledged is in it and goes on afterwards; what
 * cannot be stored may not be acknowledged. Needs a cluster.
 */
export default {
  name: 'database-faults-2m',
  question: 'Does every journey survive a database that is cut off from the engine, and one that dies?',
  system: 'kalcifer',
  overlay: 'quick',
  // Twice as many as there will be events (docs/journeys.md).
  before: { script: 'start-journeys', ratePerS: 600, pointsPerWrite: 1, forMs: 20_000, warmupMs: 0 },
  load: { script: 'send-events', ratePerS: 50, pointsPerWrite: 1, forMs: 120_000, warmupMs: 4_000 },
  calibrate: false,
  disturb: [
    // Shorter than what liveness has patience for in this overlay, 16 s.
    { name: 'postgres-cut', fault: { chaos: 'postgres-partition' }, forMs: 10_000 },
    { name: 'postgres-kill', fault: { chaos: 'postgres-kill' } },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'journeys-accounted' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'recovers', during: 'postgres-cut', withinMs: 15_000 },
    // Counted from the blow: a new pod on the same volume, and the log that was not closed.
    { check: 'recovers', during: 'postgres-kill', withinMs: 60_000 },
    { check: 'no-restarts' },
  ],
} satisfies Scenario;
