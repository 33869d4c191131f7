import type { Scenario } from '../record/model.ts';

/** What Chaos Mesh does to pods, and nothing that changes a manifest: fit for a system that runs already (`--attach`). */
export default {
  name: 'pod-faults-1m',
  question:
    'Does a service on Kubernetes keep what it acknowledged when a pod dies and its store is cut off?',
  system: 'luminate',
  overlay: 'quick-cluster',
  load: { script: 'push-metrics', ratePerS: 60, pointsPerWrite: 20, forMs: 70_000, warmupMs: 4_000 },
  calibrate: false,
  disturb: [
    { name: 'pod-kill', fault: { chaos: 'pod-kill' } },
    { name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 'below-liveness' },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 2 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    { check: 'recovers', during: 'pod-kill', withinMs: 20_000 },
    { check: 'recovers', during: 'store-cut', withinMs: 20_000 },
    { check: 'ready-only-while-serving' },
    { check: 'no-restarts' },
  ],
} satisfies Scenario;
