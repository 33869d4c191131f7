/** The consumer: reads `events`, stores rows in ClickHouse, commits. Its one port is for metrics and readiness. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClickHouseHttp } from '../../../record/clickhouse-http.ts';
import { DEAD_LETTER_TOPIC } from '../names.ts';
import { Batcher } from './batcher.ts';
import type { InRecord } from './batch.ts';
import { createConsumerMetrics } from './consumer-metrics.ts';
import { Delivery } from './delivery.ts';
import { CREATE_TABLE, INSERT } from './event-rows.ts';
import { liveAsMember } from './group-member.ts';
import type { Reader } from './group-member.ts';
import { HttpServer, json } from './http.ts';
import { ensureTopics } from './kafka-clients.ts';
import type { Program } from './program.ts';
import { readSettings, readStoreUrl } from './settings.ts';
import { TopicProducer } from './topic-producer.ts';
import { TruthLog } from './truth.ts';

/** Of one statement. */
const STORE_TIMEOUT_MS = 30_000;
const AGAIN_AFTER_MS = 500;
/** From SIGTERM on, what is read may still be stored for so long; the rest stays in Kafka. */
const FINISH_WITHIN_MS = 15_000;
/** Defect skip-silently: by the record's place, so that one that is read again is passed over again. */
const SKIP_EVERY = 1_000n;

/** Throws for settings that it does not understand. */
export function createConsumer(
  env: Record<string, string | undefined>,
  log: (text: string) => void,
): Program {
  const settings = readSettings(env, 9_090);
  const { defect } = settings;
  const kafka = readStoreUrl(env, 'KAFKA_URL', 'kafka:');
  const clickhouse = new ClickHouseHttp(readStoreUrl(env, 'CLICKHOUSE_URL', 'http:'));
  const deadLetters = new TopicProducer({
    url: kafka,
    topic: DEAD_LETTER_TOPIC,
    name: 'event-consumer-dlq',
    acks: -1,
    log,
  });
  const metrics = createConsumerMetrics(defect);
  const truth = new TruthLog(settings.truthDir, settings.podName);
  const stopping = new AbortController();
  const giveUp = new AbortController();
  const delivery = new Delivery({
    defect,
    insert: (rows) => clickhouse.run(INSERT, STORE_TIMEOUT_MS, rows),
    sendDeadLetters: (records) => deadLetters.send(records),
    truth,
    metrics,
    log,
    pause: (ms) => sleep(ms, undefined, { signal: giveUp.signal }),
    crash: () => process.exit(1),
  });

  const skips = ({ value, offset }: InRecord): boolean => {
    if (defect === 'poison-crash-loop') JSON.parse(value.toString('utf8'));
    if (defect !== 'skip-silently' || offset % SKIP_EVERY !== SKIP_EVERY - 1n) return false;
    truth.drops([value]);
    return true;
  };
  let isMember = false;
  const open: Parameters<typeof liveAsMember>[0]['open'] = (commit, fail): Reader => {
    isMember = true;
    const batcher = new Batcher({
      keepsValues: defect === 'dlq-after-3-tries' || defect === 'commit-before-insert',
      deliver: (batch) => delivery.deliver(batch, commit),
      onFailed: fail,
    });
    return {
      async add(record) {
        const skip = skips(record);
        if (!skip) metrics.consumed.inc();
        await batcher.add(record, skip);
      },
      finish: () => batcher.finish(),
      stop: () => {
        isMember = false;
        batcher.stop();
      },
    };
  };

  const live = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await ensureTopics(kafka);
        await clickhouse.run('CREATE DATABASE IF NOT EXISTS analytics', STORE_TIMEOUT_MS);
        await clickhouse.run(CREATE_TABLE, STORE_TIMEOUT_MS);
        log('reading');
        await liveAsMember({ url: kafka, signal: stopping.signal, open });
      } catch (error) {
        if (defect === 'poison-crash-loop' && error instanceof SyntaxError) throw error;
        log(`starts again: ${String(error)}`);
        await sleep(AGAIN_AFTER_MS);
      }
    }
  };

  const http = new HttpServer({
    routes: {
      'GET /ready': () =>
        json(isMember ? 200 : 503, { status: isMember ? 'ready' : 'not a member of the group' }),
      'GET /metrics': async () => ({
        status: 200,
        body: await metrics.registry.metrics(),
        type: metrics.registry.contentType,
      }),
    },
    settings,
    log,
  });
  let living: Promise<void> = Promise.resolve();

  return {
    async start() {
      await http.listen();
      living = live();
      await living;
    },
    async stop() {
      stopping.abort();
      const timer = setTimeout(() => giveUp.abort(), FINISH_WITHIN_MS);
      await living.catch(() => undefined);
      clearTimeout(timer);
      deadLetters.close();
      clickhouse.destroy();
    },
  };
}
