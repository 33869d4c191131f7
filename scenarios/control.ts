import type { Scenario } from '../record/model.ts';

/** The same length and load as the soak, with nothing disturbed: what is not quiet here is noise of the harness or of the machine. */
export default {
  name: 'control',
  question: 'Is everything quiet when nothing is disturbed?',
  system: 'luminate',
  load: { script: 'push-metrics', ratePerS: 1_020, pointsPerWrite: 100, forMs: 240_000, warmupMs: 10_000 },
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
    { check: 'throughput', pointsPerS: 100_000, optional: true },
  ],
} satisfies Scenario;
