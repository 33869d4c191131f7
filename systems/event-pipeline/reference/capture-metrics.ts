/** What capture shows: the names of the guide's RUNBOOKS. Every label is there from the start, so that a first error is a step from 0. */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { requestMetrics } from './request-metrics.ts';

export function createCaptureMetrics(paths: readonly [method: string, path: string][]) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const registers = [registry];
  return {
    registry,
    answered: requestMetrics('capture', paths, registry),
    /** Records, not requests. */
    produced: new Counter({
      name: 'capture_kafka_produce_total',
      help: 'Records that the broker acknowledged',
      registers,
    }),
    produceErrors: new Counter({
      name: 'capture_kafka_produce_errors_total',
      help: 'Requests whose records the broker did not acknowledge in time',
      registers,
    }),
    /** Seconds, one observation per request. */
    produceDuration: new Histogram({
      name: 'capture_kafka_produce_duration_seconds',
      help: 'From a request to the acknowledgement of its records, in seconds',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5],
      registers,
    }),
  };
}
