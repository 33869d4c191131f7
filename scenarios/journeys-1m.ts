import type { Scenario } from '../record/model.ts';

/** A minute of `million-journeys` with eight thousand of them: fit for every change. */
export default {
  name: 'journeys-1m',
  question: 'Does every journey that was started survive pods that die, a drain and a rollout?',
  system: 'kalcifer',
  overlay: 'quick',
  before: { script: 'start-journeys', ratePerS: 400, pointsPerWrite: 1, forMs: 20_000, warmupMs: 0 },
  load: { script: 'send-events', ratePerS: 50, pointsPerWrite: 1, forMs: 75_000, warmupMs: 4_000 },
  calibrate: false,
  disturb: [
    { name: 'pod-kill-1', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'pod-kill-2', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'pod-kill-3', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'rollout', fault: 'rollout-restart' },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 2 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'journeys-accounted' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'no-restarts' },
  ],
} satisfies Scenario;
