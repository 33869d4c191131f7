import type { Scenario } from '../record/model.ts';

/**
 * `million-journeys` for a system that is there already and stays (`--attach`): without the rollout, which cannot be taken back. Started journeys
 * stay as well, so an interrupted run can be gone on with (`--resume`).
 */
export default {
  name: 'journeys-in-place',
  question: 'Does each of a million journeys in a system that stays survive pods that die and a drain?',
  system: 'kalcifer',
  overlay: 'quick',
  before: { script: 'start-journeys', ratePerS: 3_125, pointsPerWrite: 1, forMs: 320_000, warmupMs: 0 },
  load: { script: 'send-events', ratePerS: 100, pointsPerWrite: 1, forMs: 150_000, warmupMs: 5_000 },
  calibrate: false,
  disturb: [
    { name: 'pod-kill-1', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'pod-kill-2', fault: { chaos: 'kalcifer-pod-kill' } },
    { name: 'drain', fault: 'drain' },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 3 },
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
