/** The query API: what the events add up to, straight from ClickHouse. */
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { ClickHouseHttp } from '../../../record/clickhouse-http.ts';
import { Cached } from './cached.ts';
import { funnelOf, readFunnel } from './funnel.ts';
import { HttpServer, json, problem } from './http.ts';
import type { Answer, Asked, Routes } from './http.ts';
import type { Program } from './program.ts';
import { readRecent, recentOf } from './recent.ts';
import { requestMetrics } from './request-metrics.ts';
import { readSettings, readStoreUrl } from './settings.ts';
import { readTrend, trendOf } from './trend.ts';

const QUERY_TIMEOUT_MS = 30_000;
/** The guide's: an answer to the same question is this old at most, seconds. */
const CACHE_S = 120;
const BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10];

/** Throws for settings that it does not understand. */
export function createQuery(env: Record<string, string | undefined>, log: (text: string) => void): Program {
  const settings = readSettings(env, 8_001);
  const clickhouse = new ClickHouseHttp(readStoreUrl(env, 'CLICKHOUSE_URL', 'http:'));
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const registers = [registry];
  const errors = new Counter({
    name: 'query_errors_total',
    help: 'Queries that could not be answered',
    labelNames: ['query_type'],
    registers,
  });
  const durationOf = (type: string) =>
    new Histogram({
      name: `query_${type}_duration_seconds`,
      help: `Of a ${type} query that ClickHouse answered, in seconds`,
      buckets: BUCKETS,
      registers,
    });
  const trendDuration = durationOf('trend');
  const funnelDuration = durationOf('funnel');
  for (const type of ['trend', 'funnel', 'recent']) errors.inc({ query_type: type }, 0);
  const cache = new Cached<unknown>(CACHE_S * 1_000);

  /** 422 or 400 for a question that is none, 500 where the store does not answer. */
  const answer = async <Q>(
    type: string,
    question: Q | string,
    refusal: number,
    ask: (question: Q) => Promise<unknown>,
  ): Promise<Answer> => {
    if (typeof question === 'string') return problem(refusal, question);
    try {
      return json(200, await ask(question));
    } catch (error) {
      errors.inc({ query_type: type });
      log(`${type}: ${String(error)}`);
      return problem(500, 'the store did not answer');
    }
  };
  const timed = async (duration: Histogram, ask: () => Promise<unknown>): Promise<unknown> => {
    const end = duration.startTimer();
    const result = await ask();
    end();
    return result;
  };

  const routes: Routes = {
    'GET /': () => json(200, { service: 'query-api' }),
    'GET /health': () => json(200, { status: 'ok' }),
    'GET /api/trends': ({ query }) =>
      answer('trend', readTrend(Object.fromEntries(query)), 422, (trend) =>
        cache.get(`trend ${JSON.stringify(trend)}`, () =>
          timed(trendDuration, () => trendOf(trend, clickhouse, QUERY_TIMEOUT_MS)),
        ),
      ),
    'GET /api/events/recent': ({ query }) =>
      answer('recent', readRecent(Object.fromEntries(query)), 422, (recent) =>
        recentOf(recent, clickhouse, QUERY_TIMEOUT_MS),
      ),
    'POST /api/funnels': ({ body }: Asked) =>
      answer('funnel', readFunnel(parse(body)), 400, (funnel) =>
        cache.get(`funnel ${JSON.stringify(funnel)}`, () =>
          timed(funnelDuration, () => funnelOf(funnel, clickhouse, QUERY_TIMEOUT_MS)),
        ),
      ),
    'GET /metrics': async () => ({ status: 200, body: await registry.metrics(), type: registry.contentType }),
  };
  const paths = Object.keys(routes).map((route): [string, string] => {
    const [method = '', path = ''] = route.split(' ');
    return [method, path];
  });
  const http = new HttpServer({
    routes,
    settings,
    log,
    onAnswered: requestMetrics('query', paths, registry),
  });
  return {
    start: () => http.listen(),
    async stop() {
      await http.drain();
      clickhouse.destroy();
    },
  };
}

/** Undefined for what is no JSON. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
