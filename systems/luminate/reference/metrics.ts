/** What `GET /metrics` shows: the four names of the guide (LUM-31) and the process's own. */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { Defect } from './defects.ts';

export interface Metrics {
  registry: Registry;
  writes: Counter<'status'>;
  queries: Counter<'status'>;
  /** Seconds. */
  queryLatency: Histogram;
  limited: Counter;
}

export function createMetrics(defect?: Defect): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const registers = [registry];
  return {
    registry,
    writes: new Counter({
      name: defect === 'wrong-metric-name' ? 'luminate_writes_total' : 'luminate_write_requests_total',
      help: 'Write requests by HTTP status',
      labelNames: ['status'],
      registers,
    }),
    queries: new Counter({
      name: 'luminate_query_requests_total',
      help: 'Query requests by HTTP status',
      labelNames: ['status'],
      registers,
    }),
    queryLatency: new Histogram({
      name: 'luminate_query_latency_seconds',
      help: 'From a query to its answer, in seconds',
      buckets: [0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    }),
    limited: new Counter({
      name: 'luminate_rate_limit_exceeded_total',
      help: 'Requests refused because of a limit',
      registers,
    }),
  };
}
