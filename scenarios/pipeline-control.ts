import type { Scenario } from '../record/model.ts';

/** The event pipeline with nothing disturbed: what is not quiet here is noise of the harness or of the machine. Needs a cluster. */
export default {
  name: 'pipeline-control',
  question: 'Does an event pipeline keep every event it accepted, once and whole, when nothing is disturbed?',
  system: 'event-pipeline',
  load: { script: 'push-events', ratePerS: 300, pointsPerWrite: 100, forMs: 60_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    { check: 'latency', p99Ms: 1_000 },
    { check: 'ready-only-while-serving' },
    { check: 'no-restarts' },
    { check: 'steady-state' },
    { check: 'quiet' },
  ],
} satisfies Scenario;
