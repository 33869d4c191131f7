/**
 * Everything the pipeline has kept of a run: the writes in ClickHouse, and those in `events-dlq`, which are told apart. What lies in Kafka and was
 * not consumed yet is late, not lost: the consumer is waited for first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClickHouseHttp } from '../../record/clickhouse-http.ts';
import type { StoredRange } from '../../record/contract.ts';
import { DeadWrites } from './dead-writes.ts';
import { KafkaLog } from './kafka-log.ts';
import { CONSUMER_GROUP, DEAD_LETTER_TOPIC, EVENTS_TOPIC } from './names.ts';
import { storedInPart, storedRanges } from './stored.ts';

/** The consumer gets this long to come up with what Kafka held when the reading began. */
const CONSUMED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 250;

/** Throws when it cannot be read whole, and when the consumer does not get through in time: then nobody can say what is lost. */
export async function* readEverything(
  kafkaUrl: URL,
  clickhouseUrl: URL,
  runId: string,
): AsyncIterable<StoredRange> {
  const log = await KafkaLog.open(kafkaUrl);
  const clickhouse = new ClickHouseHttp(clickhouseUrl);
  try {
    await consumed(log);
    const dead = new DeadWrites(runId);
    for await (const value of log.values(DEAD_LETTER_TOPIC)) dead.add(value);
    yield* storedRanges(clickhouse, runId);
    if (dead.isEmpty) return;
    for await (const { points, ...write } of storedInPart(clickhouse, runId))
      for (const point of points) dead.addStored(write, point);
    yield* dead.ranges();
  } finally {
    clickhouse.destroy();
    await log.close();
  }
}

async function consumed(log: KafkaLog): Promise<void> {
  const ends = await log.ends(EVENTS_TOPIC);
  const untilMs = performance.now() + CONSUMED_WITHIN_MS;
  for (;;) {
    const committed = await log.committed(CONSUMER_GROUP, EVENTS_TOPIC);
    const behind = [...ends].reduce((total, [partition, end]) => {
      const left = end - (committed.get(partition) ?? 0n);
      return total + (left > 0n ? left : 0n);
    }, 0n);
    if (behind === 0n) return;
    if (performance.now() >= untilMs)
      throw new Error(
        `event-pipeline: the consumer is ${behind} records of ${EVENTS_TOPIC} behind after ${CONSUMED_WITHIN_MS / 1_000} s: these are late, and nobody can say what is lost`,
      );
    await sleep(LOOK_EVERY_MS);
  }
}
