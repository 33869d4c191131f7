/** What `GET /metrics` shows: the guide's names, as far as there is something to count, and the process's own. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Defect } from './defects.ts';

export interface Metrics {
  registry: Registry;
  /** Live journeys, by status; the same in all pods, since they live in the store. */
  active: Gauge;
  starts: Counter;
  completions: Counter;
  failures: Counter;
  events: Counter;
  recoveries: Counter;
  /** Milliseconds, as the guide has it. */
  dispatchMs: Histogram;
  requestMs: Histogram<'path'>;
}

const BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/** `countActive` is asked at every scrape. */
export function createMetrics(countActive: () => Promise<number>, defect?: Defect): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `kalcifer_${name}_total`, help, registers });
  return {
    registry,
    active: new Gauge({
      name: 'kalcifer_active_journey_instances',
      help: 'Journeys that are not over',
      registers,
      async collect() {
        // Without the store there is no number, and an old one would be wrong.
        this.remove();
        await countActive().then(
          (count) => this.set(count),
          () => undefined,
        );
      },
    }),
    starts: counter(
      defect === 'wrong-metric-name' ? 'flow_starts' : 'journey_starts',
      'Journeys started by this pod',
    ),
    completions: counter(
      'journey_completions',
      'Journeys that an event or a timeout handled by this pod brought to their end',
    ),
    failures: counter('journey_failures', 'Journeys that this pod has marked failed'),
    events: counter('event_dispatch', 'Events that this pod has delivered'),
    recoveries: counter('crash_recoveries', 'Journeys that this pod has handled when it started'),
    dispatchMs: new Histogram({
      name: 'kalcifer_event_dispatch_duration_ms',
      help: 'From an event to its commit, milliseconds',
      buckets: BUCKETS_MS,
      registers,
    }),
    requestMs: new Histogram({
      name: 'kalcifer_phoenix_request_duration_ms',
      help: 'From a request to its answer, milliseconds',
      labelNames: ['path'],
      buckets: BUCKETS_MS,
      registers,
    }),
  };
}
