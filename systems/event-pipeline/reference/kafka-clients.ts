/** How the programs speak to Kafka, and the topics they need. */
import { Admin } from '@platformatic/kafka';
import type { AdminOptions } from '@platformatic/kafka';
import { DEAD_LETTER_TOPIC, EVENTS_TOPIC } from '../names.ts';

/** The guide's number (EVT-21); there are never more consumers than that at work. */
const PARTITIONS = 12;
/** Bytes kept of each partition: of all twelve 3 GiB, two and a half minutes of 20 MB/s. What the consumer has not read by then is lost. */
const RETENTION_BYTES = 256 * 1024 * 1024;
const DEAD_LETTER_RETENTION_BYTES = 1024 * 1024 * 1024;
const SEGMENT_BYTES = 64 * 1024 * 1024;
/** A dead letter holds a whole record as text, and more. */
const MAX_DEAD_LETTER_BYTES = 8 * 1024 * 1024;

/** Settings that all clients share. Tried once: a connection that is dead without knowing it is replaced, not asked again. */
export function clientOptions(url: URL, name: string, timeoutMs: number): AdminOptions {
  return {
    clientId: name,
    bootstrapBrokers: [{ host: url.hostname, port: Number(url.port || 9_092) }],
    connectTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    retries: 0,
  };
}

/** Makes `events` and `events-dlq` where they are not there, with as many replicas as is the broker's default. Rejects when it does not answer. */
export async function ensureTopics(url: URL): Promise<void> {
  const admin = new Admin(clientOptions(url, 'event-topics', 5_000));
  try {
    const there = new Set(await admin.listTopics());
    const config = (values: Record<string, number>) =>
      Object.entries(values).map(([name, value]) => ({ name, value: String(value) }));
    if (!there.has(EVENTS_TOPIC))
      await admin.createTopics({
        topics: [EVENTS_TOPIC],
        partitions: PARTITIONS,
        configs: config({ 'retention.bytes': RETENTION_BYTES, 'segment.bytes': SEGMENT_BYTES }),
      });
    if (!there.has(DEAD_LETTER_TOPIC))
      await admin.createTopics({
        topics: [DEAD_LETTER_TOPIC],
        partitions: 1,
        configs: config({
          'max.message.bytes': MAX_DEAD_LETTER_BYTES,
          'retention.bytes': DEAD_LETTER_RETENTION_BYTES,
          'segment.bytes': SEGMENT_BYTES,
        }),
      });
  } finally {
    await admin.close();
  }
}
