import type { Scenario } from '../record/model.ts';

/**
 * The system's own alerts in a live Prometheus, with `--compress 15`: a window of 5 min is 20 s then, and a scrape comes every second. What
 * that shows is wiring (metric names, labels, thresholds), never the times of the original rules: those need a cut of 6 min without --compress.
 */
export default {
  name: 'alerts-2m',
  question: 'Does a store that is away raise the alert on failing writes in time, and no other alert?',
  system: 'luminate',
  overlay: 'patient',
  load: { script: 'push-metrics', ratePerS: 100, pointsPerWrite: 100, forMs: 120_000, warmupMs: 10_000 },
  calibrate: false,
  disturb: [{ name: 'store-cut', fault: { chaos: 'store-partition' }, forMs: 40_000 }],
  good: { served: 0.99, latencyMs: 1_000, bins: 5 },
  prometheus: {
    scrapeIntervalMs: 15_000,
    evaluationIntervalMs: 15_000,
    queries: { 'pods-scraped': 'sum(up{namespace="luminate"})' },
  },
  expect: [
    { check: 'generator-valid' },
    { check: 'faults-proven' },
    { check: 'no-acknowledged-write-lost' },
    { check: 'alert-fires', during: 'store-cut', alert: 'LuminateWriteErrors' },
    { check: 'alerts-silent', except: ['LuminateWriteErrors'] },
    { check: 'query', query: 'pods-scraped', atLeast: 3 },
  ],
} satisfies Scenario;
