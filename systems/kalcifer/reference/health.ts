/** What a pod says of itself: the guide's paths, those of the code, and its metrics. No key is asked for. */
import type { Pool } from 'pg';
import { countLive } from './instances.ts';
import type { Metrics } from './metrics.ts';
import { type Answer, json, problem } from './requests.ts';

export interface HealthOptions {
  pool: Pool;
  metrics: Metrics;
  /** Whether the start, recovery included, is over. */
  started(): boolean;
}

/** Null for every other path. Rejects where the store has to answer and does not. */
export async function healthAnswer(path: string, options: HealthOptions): Promise<Answer | null> {
  const { pool, metrics } = options;
  switch (path) {
    case '/health':
    case '/api/v1/health':
      return json(200, { status: 'ok' });
    case '/health/startup':
      return options.started() ? json(200, { status: 'started' }) : problem(503, 'starting');
    case '/health/ready':
      return options.started() ? readyAnswer(pool) : problem(503, 'starting');
    case '/api/v1/health/metrics':
      return json(200, {
        vm: { memory_mb: Math.round(process.memoryUsage().rss / 2 ** 20) },
        uptime_seconds: Math.round(process.uptime()),
        instances: await countLive(pool),
      });
    case '/metrics':
      return { status: 200, body: await metrics.registry.metrics(), type: metrics.registry.contentType };
    default:
      return null;
  }
}

/** Of the guide's three stores only PostgreSQL is used by any code. */
async function readyAnswer(pool: Pool): Promise<Answer> {
  const beganMs = performance.now();
  await pool.query('SELECT 1');
  const postgres = { status: 'up', latency_ms: Math.round(performance.now() - beganMs) };
  return json(200, { status: 'ready', checks: { postgres }, uptime_seconds: Math.round(process.uptime()) });
}
