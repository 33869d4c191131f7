import type { Scenario } from '../record/model.ts';

/**
 * More load than three pods may carry, and then less again. The load is computed in the run, from what a write costs there and from the
 * HPA as the API gives it back: as much as makes its largest size its only legal end.
 */
export default {
  name: 'scale-out-and-back',
  question:
    'Does the HPA take a metrics service from its smallest size to its largest and back exactly as its spec allows, and is no write lost on the way?',
  system: 'luminate',
  overlay: 'scale-small',
  load: {
    script: 'push-metrics',
    ratePerS: 40,
    pointsPerWrite: 100,
    writesPerConnection: 20,
    forMs: 350_000,
    warmupMs: 20_000,
  },
  autoscale: { syncPeriodMs: 5_000, metricsPeriodMs: 10_000, downscaleStabilizationMs: 30_000 },
  calibrate: false,
  disturb: [{ name: 'surge', fault: { surge: 'to-max' }, forMs: 80_000 }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'hpa-can-work' },
    { check: 'hpa-follows-spec' },
    { check: 'scales-out', during: 'surge', to: 'max' },
    { check: 'scales-back', during: 'surge', to: 'min' },
    { check: 'hpa-steady' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'taken-whole' },
    { check: 'served' },
    { check: 'stops-within-grace' },
    { check: 'no-restarts' },
  ],
} satisfies Scenario;
