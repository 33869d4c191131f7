import type { Scenario } from '../record/model.ts';

/** The main job: full load, and the three things that happen to every deployment sooner or later. */
export default {
  name: 'soak',
  question:
    'Does a metrics service at 100,000 metrics/s keep every acknowledged write when a pod dies, its store is cut off and it is rolled out?',
  system: 'luminate',
  // 2 % above the promise, so that a second look at the clock does not decide it.
  load: { script: 'push-metrics', ratePerS: 1_020, pointsPerWrite: 100, forMs: 240_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [
    { name: 'pod-kill', fault: { chaos: 'pod-kill' } },
    { name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 'below-liveness' },
    { name: 'rollout', fault: 'rollout-restart' },
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
    // In flight at the kill: 4 to 7 of 12,240 (measured), more on a slower machine.
    { check: 'served', during: 'pod-kill', atLeast: 0.998 },
    { check: 'served', during: 'rollout', atLeast: 0.999 },
    { check: 'recovers', during: 'pod-kill', withinMs: 10_000 },
    { check: 'recovers', during: 'store-cut', withinMs: 15_000 },
    { check: 'recovers', during: 'rollout', withinMs: 10_000 },
    { check: 'latency', p99Ms: 1_000 },
    { check: 'ready-only-while-serving' },
    { check: 'stops-within-grace' },
    { check: 'no-restarts' },
    { check: 'steady-state' },
    { check: 'throughput', pointsPerS: 100_000, optional: true },
  ],
} satisfies Scenario;
