import type { Scenario } from '../record/model.ts';

/**
 * The four disturbances of the cluster soak in two minutes, at a rate that leaves the machine room: the run that proves the judge on a
 * cluster. With each defect of the reference system switched on, exactly the checks that this defect concerns turn red.
 */
export default {
  name: 'four-faults-2m',
  question:
    'Does a service on Kubernetes keep what it acknowledged through a killed pod, a cut store, a drained node and a rolling restart, within two minutes?',
  system: 'luminate',
  // The guide's probes need minutes for this; the overlay shortens them and nothing else.
  overlay: 'quick-cluster',
  load: { script: 'push-metrics', ratePerS: 150, pointsPerWrite: 20, forMs: 120_000, warmupMs: 4_000 },
  calibrate: false,
  disturb: [
    { name: 'pod-kill', fault: { chaos: 'pod-kill' } },
    { name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 'below-liveness' },
    { name: 'drain', fault: 'drain' },
    { name: 'rollout', fault: 'rollout-restart' },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 2 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    { check: 'recovers', during: 'pod-kill', withinMs: 20_000 },
    { check: 'recovers', during: 'store-cut', withinMs: 20_000 },
    { check: 'recovers', during: 'drain', withinMs: 10_000 },
    { check: 'recovers', during: 'rollout', withinMs: 10_000 },
    { check: 'ready-only-while-serving' },
    { check: 'stops-within-grace' },
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
