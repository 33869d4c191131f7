/** What the consumer shows: the names of the guide's RUNBOOKS. */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { Defect } from './defects.ts';

export type ConsumerMetrics = ReturnType<typeof createConsumerMetrics>;

export function createConsumerMetrics(defect?: Defect) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const registers = [registry];
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  return {
    registry,
    consumed: counter('consumer_messages_consumed_total', 'Kafka records read'),
    written: counter('consumer_batches_written_total', 'Batches that ClickHouse took'),
    insertErrors: counter(
      defect === 'wrong-metric-name' ? 'consumer_insert_failures_total' : 'consumer_insert_errors_total',
      'Inserts that ClickHouse did not take',
    ),
    parseErrors: counter('consumer_parse_errors_total', 'Events that can never be stored'),
    deadLetters: counter('consumer_dlq_messages_total', 'Records written to events-dlq'),
    batchSize: new Histogram({
      name: 'consumer_batch_size',
      help: 'Events in an inserted batch',
      buckets: [1, 10, 100, 1_000, 10_000, 50_000, 100_000, 200_000],
      registers,
    }),
    /** Seconds. */
    insertDuration: new Histogram({
      name: 'consumer_insert_duration_seconds',
      help: 'Of an insert that ClickHouse took, in seconds',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
  };
}
