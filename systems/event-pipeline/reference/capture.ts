/** The capture API: POST /capture takes events and answers 202 only when the broker has all of them. */
import { randomUUID } from 'node:crypto';
import { EVENTS_TOPIC } from '../names.ts';
import { BrokerWatch } from './broker-watch.ts';
import { createCaptureMetrics } from './capture-metrics.ts';
import { readPosted } from './event.ts';
import type { Event, Posted } from './event.ts';
import { HttpServer, json, problem } from './http.ts';
import type { Answer, Routes } from './http.ts';
import { PlainPost } from './plain-post.ts';
import type { Program } from './program.ts';
import { RecordQueue } from './record-queue.ts';
import { readSettings, readStoreUrl } from './settings.ts';
import { TopicProducer } from './topic-producer.ts';
import type { OutRecord } from './topic-producer.ts';
import { TruthLog } from './truth.ts';

/** The guide's: longer than this a client waits for no answer. */
const KAFKA_TIMEOUT_MS = 5_000;
const ACCEPTED: Answer = { status: 202, body: '{"status":"accepted"}' };

/** Throws for settings that it does not understand. */
export function createCapture(env: Record<string, string | undefined>, log: (text: string) => void): Program {
  const settings = readSettings(env, 8_000);
  const { defect } = settings;
  const acks = defect === 'acks-0' ? 0 : defect === 'acks-1' ? 1 : -1;
  const url = readStoreUrl(env, 'KAFKA_URL', 'kafka:');
  const watch = new BrokerWatch(url, log);
  const producer = new TopicProducer({ url, topic: EVENTS_TOPIC, name: 'capture-api', acks, log });
  const queue = new RecordQueue({
    async send(records) {
      await producer.send(records);
      if (acks !== 0) watch.confirm();
    },
    timeoutMs: KAFKA_TIMEOUT_MS,
  });
  const truth = new TruthLog(settings.truthDir, settings.podName);
  let drops = false;

  const capture = async (body: Buffer): Promise<Answer> => {
    const records = recordsOf(body);
    if (typeof records === 'string') return problem(defect === 'validation-500' ? 500 : 400, records);
    if (drops) {
      truth.drops(records.map(({ value }) => value));
      return ACCEPTED;
    }
    const end = metrics.produceDuration.startTimer();
    const sent = await queue.offer(records);
    if (sent === 'full') return { ...problem(429, 'too many events are waiting'), retryAfterS: 1 };
    end();
    if (sent === 'acknowledged') {
      metrics.produced.inc(records.length);
      return ACCEPTED;
    }
    metrics.produceErrors.inc();
    return problem(503, `the broker did not acknowledge within ${KAFKA_TIMEOUT_MS} ms`);
  };

  const routes: Routes = {
    'POST /capture': ({ body }) => capture(body),
    'GET /health': () => json(200, { status: 'ok' }),
    'GET /ready': () =>
      watch.isThere || defect === 'ready-without-kafka'
        ? json(200, { status: 'ready', kafka: 'connected' })
        : json(503, { status: 'not ready', kafka: 'disconnected' }),
    'GET /metrics': async () => ({
      status: 200,
      body: await metrics.registry.metrics(),
      type: metrics.registry.contentType,
    }),
  };
  const metrics = createCaptureMetrics([
    ['POST', '/capture'],
    ['GET', '/health'],
    ['GET', '/ready'],
  ]);
  const http = new HttpServer({ routes, settings, log, onAnswered: metrics.answered });

  return {
    start: () => http.listen(),
    async stop() {
      if (defect === 'drop-on-sigterm') {
        drops = true;
        // What is answered must be in the truth log first: nothing else runs between these two.
        truth.drops(queue.drop('acknowledged').map(({ value }) => value));
      }
      await http.drain();
      await queue.idle();
      watch.close();
      producer.close();
    },
  };
}

/** A text says what is wrong. The usual POST is not taken apart: its record is the body as it came. */
function recordsOf(body: Buffer): OutRecord[] | string {
  const post = new PlainPost(body);
  if (post.read(() => true)) return [{ key: post.textOf(post.user), value: body }];
  const posted = readPosted(parse(body));
  return typeof posted === 'string' ? posted : recordsOfUsers(posted, body);
}

/**
 * One record for each distinct_id, which is its key, so that a user's events stay in order. Where there is one user and nothing is left out
 * the record is the body as it came.
 */
function recordsOfUsers({ events, projectId }: Posted, body: Buffer): OutRecord[] {
  const users = new Map<string, Event[]>();
  let isWhole = true;
  for (const event of events) {
    const known = users.get(event.distinct_id);
    if (known === undefined) users.set(event.distinct_id, [event]);
    else known.push(event);
    isWhole &&= typeof event.uuid === 'string' && typeof event.timestamp === 'string';
  }
  const [first] = users.keys();
  if (isWhole && users.size === 1 && first !== undefined) return [{ key: first, value: body }];
  const nowText = new Date().toISOString();
  return [...users].map(([key, own]) => {
    const batch = own.map((event) => ({
      ...event,
      uuid: event.uuid ?? randomUUID(),
      timestamp: event.timestamp ?? nowText,
    }));
    return { key, value: Buffer.from(JSON.stringify({ batch, project_id: projectId })) };
  });
}

/** Undefined for what is no JSON. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
