import type { Scenario } from '../record/model.ts';

/** A rolling restart at a thousand small requests a second: every one that is lost, reset or late has a cause with a name. */
export default {
  name: 'rollout-under-load',
  question: 'Does anybody lose a request while the service is rolled out?',
  system: 'luminate',
  overlay: 'quick-cluster',
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
  disturb: [{ name: 'rollout', fault: 'rollout-restart' }],
  good: { served: 0.99, latencyMs: 1_000, bins: 2 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'no-request-lost', during: 'rollout' },
    // Nothing of it is on record where processes play the part of pods.
    { check: 'rollout-within-bounds', during: 'rollout', optional: true },
    { check: 'stops-within-grace' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
