import type { Scenario } from '../record/model.ts';

/** Three replicas become two and three again at a thousand small requests a second. Scaling down asks no disruption budget. */
export default {
  name: 'scale-down-under-load',
  question: 'Does anybody lose a request while the service is scaled down?',
  system: 'luminate',
  overlay: 'scale-by-hand',
  load: {
    script: 'push-metrics',
    ratePerS: 1_000,
    pointsPerWrite: 1,
    forMs: 60_000,
    warmupMs: 6_000,
    // New pods start on the same processors, and answers are late meanwhile; an arrival that is dropped then could have been a lost one.
    p999Ms: 500,
  },
  calibrate: false,
  disturb: [{ name: 'scale-down', fault: { scaleTo: 2 }, forMs: 15_000 }],
  good: { served: 0.99, latencyMs: 1_000, bins: 2 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'no-request-lost', during: 'scale-down' },
    { check: 'stops-within-grace' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
