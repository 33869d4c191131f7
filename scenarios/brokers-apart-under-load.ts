import type { Scenario } from '../record/model.ts';

/**
 * Two brokers cannot see each other for half a minute, and clients see both. One of them has been given up by the controller and goes on as if it
 * led what it led: what it alone took is thrown away afterwards, so that nobody may have been told that it is safe. `--defect acks-1` tells them.
 * Copies are no failure: the pipeline promises each event at least once.
 */
export default {
  name: 'brokers-apart-under-load',
  question:
    'Does the event pipeline keep what it acknowledged when its two brokers lose sight of each other?',
  system: 'event-pipeline',
  overlay: 'two-brokers',
  load: { script: 'push-events', ratePerS: 60, pointsPerWrite: 100, forMs: 120_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [{ name: 'brokers-cut', fault: { chaos: 'brokers-partition' }, forMs: 30_000 }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    // The controller gives a broker up after 3 s, and capture asks anew after a send of 5 s: before the end of the cut all is well again, and at
    // its end what is left is to meet the broker that came back.
    { check: 'recovers', during: 'brokers-cut', withinMs: 30_000 },
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
