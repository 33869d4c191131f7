import type { Scenario } from '../record/model.ts';

/**
 * The guide probes liveness on the same path as readiness (LUM-22): a store that is away longer than failureThreshold x period
 * restarts every pod, which helps nobody. Expected to be red: a finding about the manifest, not about the service.
 */
export default {
  name: 'store-cut-60s',
  question: 'Does a store that is away for a minute restart the pods that only wait for it?',
  system: 'luminate',
  load: { script: 'push-metrics', ratePerS: 300, pointsPerWrite: 100, forMs: 240_000, warmupMs: 10_000 },
  calibrate: false,
  disturb: [{ name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 60_000 }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    { check: 'recovers', during: 'store-cut', withinMs: 60_000 },
    { check: 'ready-only-while-serving' },
    { check: 'stops-within-grace' },
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
