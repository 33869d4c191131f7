import type { Scenario } from '../record/model.ts';

/** Kalcifer's third tier (KAL-03): a million journeys are started first, then some are moved while pods die, a node is drained and a rollout happens. */
export default {
  name: 'million-journeys',
  question: 'Does each of a million journeys survive pods that die, a drain and a rollout?',
  system: 'kalcifer',
  overlay: 'quick',
  before: { script: 'start-journeys', ratePerS: 3_125, pointsPerWrite: 1, forMs: 320_000, warmupMs: 0 },
  load: { script: 'send-events', ratePerS: 100, pointsPerWrite: 1, forMs: 180_000, warmupMs: 5_000 },
  calibrate: false,
  disturb: [
    { name: 'pod-kill-1', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'pod-kill-2', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'pod-kill-3', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'drain', fault: 'drain' },
    { name: 'rollout', fault: 'rollout-restart' },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 3 },
  expect: [
    { check: 'generator-valid' },
    // A drain needs a cluster: elsewhere it is left out, and said.
    { check: 'faults-proven', optional: true },
    { check: 'journeys-accounted' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'no-restarts' },
  ],
} satisfies Scenario;
