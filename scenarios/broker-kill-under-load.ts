import type { Scenario } from '../record/model.ts';

/**
 * The only broker dies and comes back with the same volume. What it had acknowledged before its disk had it is lost here if anywhere; what its
 * clients could not give to it they refuse or send again. Copies are no failure: the pipeline promises each event at least once.
 */
export default {
  name: 'broker-kill-under-load',
  question: 'Does the event pipeline keep what it acknowledged when its broker dies and comes back?',
  system: 'event-pipeline',
  load: { script: 'push-events', ratePerS: 300, pointsPerWrite: 100, forMs: 240_000, warmupMs: 10_000 },
  calibrate: true,
  disturb: [{ name: 'broker-kill', fault: { chaos: 'broker-kill' } }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'nothing-phantom' },
    { check: 'taken-whole' },
    { check: 'served' },
    // Counted from the blow: a new pod, a Java machine, a log that was not closed (half a minute together); then clients that ask every few
    // seconds, and a readiness probe. Twice that, for a machine that does everything else at the same time.
    { check: 'recovers', during: 'broker-kill', withinMs: 90_000 },
    { check: 'no-restarts' },
    { check: 'steady-state' },
  ],
} satisfies Scenario;
