import type { Scenario } from '../record/model.ts';

/** One node is emptied by the eviction API at a thousand small requests a second. Needs a cluster. */
export default {
  name: 'drain-under-load',
  question: 'Does anybody lose a request while a node is drained?',
  system: 'luminate',
  overlay: 'quick-cluster',
  load: {
    script: 'push-metrics',
    ratePerS: 1_000,
    pointsPerWrite: 1,
    forMs: 70_000,
    warmupMs: 6_000,
    // New pods start on the same processors, and answers are late meanwhile; an arrival that is dropped then could have been a lost one.
    p999Ms: 500,
  },
  calibrate: false,
  disturb: [{ name: 'drain', fault: 'drain' }],
  good: { served: 0.99, latencyMs: 1_000, bins: 2 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'no-request-lost', during: 'drain' },
    { check: 'budget-respected', during: 'drain' },
    { check: 'stops-within-grace' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
