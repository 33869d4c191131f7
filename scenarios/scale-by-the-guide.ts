import type { Scenario } from '../record/model.ts';

/** `scale-out-and-back` with the guide's own durations: a window of five minutes and a pod a minute on the way down. Half an hour; not for CI. */
export default {
  name: 'scale-by-the-guide',
  question:
    'Does the HPA take a metrics service from its smallest size to its largest and back exactly as its spec allows, and is no write lost on the way?',
  system: 'luminate',
  overlay: 'scale-guide',
  load: {
    script: 'push-metrics',
    ratePerS: 40,
    pointsPerWrite: 100,
    writesPerConnection: 20,
    forMs: 1_230_000,
    warmupMs: 20_000,
  },
  autoscale: { syncPeriodMs: 15_000, metricsPeriodMs: 15_000, downscaleStabilizationMs: 300_000 },
  calibrate: false,
  disturb: [{ name: 'surge', fault: { surge: 'to-max' }, forMs: 180_000 }],
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
