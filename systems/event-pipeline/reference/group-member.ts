/**
 * One life of a member of the consumer group: joins, reads, and ends with the first thing that goes wrong. The client does not come back
 * from a broker that was gone, so whoever calls starts the next life.
 */
import { Consumer } from '@platformatic/kafka';
import { CONSUMER_GROUP, EVENTS_TOPIC } from '../names.ts';
import type { InRecord } from './batch.ts';
import type { Commit } from './delivery.ts';
import { clientOptions } from './kafka-clients.ts';

/** A member that died holds its partitions this long, and so long the others wait for it when they join. */
const SESSION_TIMEOUT_MS = 8_000;
/**
 * Longer than the wait above: a member that gives up while it joins is one more for whom the next one has to wait, and so on without end.
 */
const REQUEST_TIMEOUT_MS = SESSION_TIMEOUT_MS + 4_000;
const HEARTBEAT_MS = 2_000;
/** No heartbeat for this long: the connection is dead and nobody has said so. */
const SILENT_MS = 12_000;
const LEAVE_WITHIN_MS = 3_000;
const MIB = 1024 * 1024;

export interface Reader {
  /** Resolves when there is room for more. */
  add(record: InRecord): Promise<void>;
  /** Resolves when everything that was added is stored and committed. */
  finish(): Promise<void>;
  /** The life is over: what was added and is not stored will be read again. */
  stop(): void;
}

/** Resolves when the signal was aborted and everything is committed; rejects when anything went wrong. */
export async function liveAsMember(options: {
  url: URL;
  signal: AbortSignal;
  open: (commit: Commit, fail: (error: Error) => void) => Reader;
}): Promise<void> {
  const { url, signal, open } = options;
  const consumer = new Consumer({
    ...clientOptions(url, 'event-consumer', REQUEST_TIMEOUT_MS),
    groupId: CONSUMER_GROUP,
    sessionTimeout: SESSION_TIMEOUT_MS,
    rebalanceTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_MS,
  });
  let reading: { destroy(error: Error): unknown } | undefined;
  // Only so does the client say that it could not join again, and an error that nobody hears ends the process.
  consumer.on('error', (error: Error) => reading?.destroy(error));
  try {
    const stream = await consumer.consume({
      topics: [EVENTS_TOPIC],
      mode: 'committed',
      fallbackMode: 'earliest',
      autocommit: false,
      // Rather late than a request for each record: asking costs the broker and this process more than reading.
      maxWaitTime: 250,
      minBytes: MIB / 2,
      maxBytes: 8 * MIB,
      maxBytesPerPartition: 2 * MIB,
      highWaterMark: 1_024,
    });
    reading = stream;
    const commit: Commit = (offsets) =>
      consumer.commit({
        offsets: [...offsets].map(([partition, last]) => ({
          topic: EVENTS_TOPIC,
          partition,
          offset: last + 1n,
          leaderEpoch: 0,
        })),
      });
    const reader = open(commit, (error) => stream.destroy(error));
    const beganMs = Date.now();
    const watch = setInterval(() => {
      const silentMs = Date.now() - (consumer.lastHeartbeat?.getTime() ?? beganMs);
      if (silentMs > SILENT_MS) stream.destroy(new Error(`no heartbeat for ${silentMs} ms`));
    }, HEARTBEAT_MS);
    const end = () => void stream.close().catch(() => undefined); // the loop below hears of it, too
    signal.addEventListener('abort', end, { once: true });
    try {
      for await (const { partition, offset, value } of stream) await reader.add({ partition, offset, value });
      await reader.finish();
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', end);
      reader.stop();
    }
  } finally {
    await leave(consumer);
  }
}

/** Says goodbye, so that others need not wait for the session's end; not for long, since the broker may be gone. */
async function leave(consumer: Consumer): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LEAVE_WITHIN_MS);
    consumer.close(true, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
