import type { Scenario } from '../record/model.ts';

/**
 * The same rollout without a preStop delay: the application alone has to cover the time in which others hear of its end. One that goes on
 * accepting after SIGTERM loses nobody; one that closes its listener at once does.
 */
export default {
  name: 'rollout-without-prestop',
  question: 'Does anybody lose a request in a rollout when SIGTERM comes before the news of it?',
  system: 'luminate',
  overlay: 'no-prestop',
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
    { check: 'stops-within-grace' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
