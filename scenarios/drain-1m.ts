import type { Scenario } from '../record/model.ts';

/** One node is emptied by the eviction API while the load goes on; its PodDisruptionBudget lets one pod go at a time. */
export default {
  name: 'drain-1m',
  question: 'Does a service on Kubernetes serve everybody while one of its nodes is drained?',
  system: 'luminate',
  overlay: 'quick-cluster',
  load: { script: 'push-metrics', ratePerS: 60, pointsPerWrite: 20, forMs: 60_000, warmupMs: 4_000 },
  calibrate: false,
  disturb: [{ name: 'drain', fault: 'drain' }],
  good: { served: 0.99, latencyMs: 1_000, bins: 2 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'served' },
    { check: 'recovers', during: 'drain', withinMs: 10_000 },
    { check: 'stops-within-grace' },
    { check: 'no-restarts' },
  ],
} satisfies Scenario;
