/** Requests by method, path and class of status, and how long they took: the same for capture and query. */
import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';

const CLASSES = ['2xx', '4xx', '5xx'];

/** Counts an answer under `<prefix>_requests_total` and `<prefix>_request_duration_seconds`. */
export function requestMetrics(
  prefix: string,
  paths: readonly [method: string, path: string][],
  registry: Registry,
): (method: string, path: string, status: number, seconds: number) => void {
  const requests = new Counter({
    name: `${prefix}_requests_total`,
    help: 'Requests by method, path and class of status',
    labelNames: ['method', 'path', 'status_class'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: `${prefix}_request_duration_seconds`,
    help: 'From the head of a request to its answer, in seconds',
    labelNames: ['method', 'path'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  for (const [method, path] of paths) {
    duration.zero({ method, path });
    for (const status of CLASSES) requests.inc({ method, path, status_class: status }, 0);
  }
  return (method, path, status, seconds) => {
    requests.inc({ method, path, status_class: `${Math.floor(status / 100)}xx` });
    duration.observe({ method, path }, seconds);
  };
}
