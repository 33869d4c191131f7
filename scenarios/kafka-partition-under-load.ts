import type { Scenario } from '../record/model.ts';

/**
 * The broker is away for a minute. What the capture API answered with 202 before has to be stored afterwards; what it cannot give to a broker it
 * must refuse. Copies are no failure here: the pipeline promises each event at least once, and what is there twice is among the figures.
 */
export default {
  name: 'kafka-partition-under-load',
  question:
    'Does the event pipeline keep what it acknowledged when its broker cannot be reached for a minute?',
  system: 'event-pipeline',
  load: { script: 'push-events', ratePerS: 300, pointsPerWrite: 100, forMs: 240_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [{ name: 'kafka-cut', fault: { chaos: 'kafka-partition' }, forMs: 60_000 }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    // What a connection could not send it sends again after 0.2 s on Linux, then after twice as long each time (RFC 6298, 5.5): at 51.0 s, in the
    // cut, and at 102.2 s, 42 s after its end. The rest is for the broker to be found again and for the readiness probe.
    { check: 'recovers', during: 'kafka-cut', withinMs: 60_000 },
    // A pod that only waits for its broker is not helped by a restart.
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
