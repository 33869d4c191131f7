import type { Scenario } from '../record/model.ts';

/**
 * The soak on a cluster, and what only a cluster has: nodes that are drained. With the guide's own probes and grace periods a drain of
 * three pods, one at a time, and a rolling restart take minutes.
 */
export default {
  name: 'cluster-soak',
  question:
    'Does a metrics service on Kubernetes keep every acknowledged write when a pod dies, its store is cut off, a node is drained and it is rolled out?',
  system: 'luminate',
  load: { script: 'push-metrics', ratePerS: 300, pointsPerWrite: 100, forMs: 270_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [
    { name: 'pod-kill', fault: { chaos: 'pod-kill' } },
    { name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 'below-liveness' },
    { name: 'drain', fault: 'drain' },
    { name: 'rollout', fault: 'rollout-restart' },
  ],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'stored-once' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    { check: 'recovers', during: 'pod-kill', withinMs: 30_000 },
    { check: 'recovers', during: 'store-cut', withinMs: 30_000 },
    { check: 'recovers', during: 'drain', withinMs: 15_000 },
    { check: 'recovers', during: 'rollout', withinMs: 15_000 },
    { check: 'latency', p99Ms: 1_000 },
    { check: 'ready-only-while-serving' },
    { check: 'stops-within-grace' },
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
