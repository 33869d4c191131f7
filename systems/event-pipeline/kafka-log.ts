/**
 * What lies in Kafka's topics, read past all groups. Over one connection to the address that is known: from outside a cluster the address
 * that the broker itself tells its clients leads nowhere. So it reads from the one broker of the reference system only.
 */
import { Connection, fetchV17, listOffsetsV9, metadataV12, offsetFetchV9 } from '@platformatic/kafka';

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;
const FETCH_BYTES = 16 * 1024 * 1024;
const EARLIEST = -2n;
const LATEST = -1n;
/** Protocol: no leader epoch is known. */
const NO_EPOCH = -1;

interface Topic {
  name: string;
  id: string;
  partitions: number[];
}

/** Offsets by partition. */
type Offsets = Map<number, bigint>;

export class KafkaLog {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Rejects when nobody answers there. */
  static async open(url: URL): Promise<KafkaLog> {
    const connection = new Connection('proofload-read-back', {
      connectTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    });
    // Without a listener a broker that dies would take the harness with it; a request rejects by itself.
    connection.on('error', () => undefined);
    await connection.connect(url.hostname, Number(url.port || 9_092));
    return new KafkaLog(connection);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** Where the next record of each partition will lie. */
  async ends(topicName: string): Promise<Offsets> {
    return this.#offsets(await this.#topic(topicName), LATEST);
  }

  /** Where the group reads on; a partition of which it has committed nothing is not there. */
  async committed(groupId: string, topicName: string): Promise<Offsets> {
    const { name, partitions } = await this.#topic(topicName);
    const group = {
      groupId,
      memberId: null,
      memberEpoch: -1,
      topics: [{ name, partitionIndexes: partitions }],
    };
    const { groups } = await offsetFetchV9.api.async(this.#connection, [group], false);
    const read = groups.flatMap(({ topics }) => topics.flatMap((each) => each.partitions));
    return new Map(
      read.flatMap(({ partitionIndex, committedOffset }) =>
        committedOffset < 0n ? [] : [[partitionIndex, committedOffset]],
      ),
    );
  }

  /** Every record's value from the first one ever to the last one that is there now. Throws where the first ones are gone. */
  async *values(topicName: string): AsyncIterable<Buffer> {
    const topic = await this.#topic(topicName);
    const from = await this.#offsets(topic, EARLIEST);
    const to = await this.#offsets(topic, LATEST);
    for (const partition of topic.partitions) {
      const first = from.get(partition) ?? 0n;
      if (first > 0n)
        throw new Error(
          `kafka: the first ${first} records of ${topicName}/${partition} were removed already`,
        );
      yield* this.#read(topic, partition, to.get(partition) ?? 0n);
    }
  }

  async *#read(topic: Topic, partition: number, end: bigint): AsyncIterable<Buffer> {
    for (let next = 0n; next < end;) {
      const before = next;
      const wanted = {
        partition,
        currentLeaderEpoch: NO_EPOCH,
        fetchOffset: next,
        lastFetchedEpoch: NO_EPOCH,
        partitionMaxBytes: FETCH_BYTES,
      };
      const topics = [{ topicId: topic.id, partitions: [wanted] }];
      const { responses } = await fetchV17.api.async(
        this.#connection,
        500,
        1,
        FETCH_BYTES,
        0,
        0,
        -1,
        topics,
        [],
        '',
      );
      for (const batch of responses.flatMap((each) =>
        each.partitions.flatMap(({ records }) => records ?? []),
      )) {
        for (const { offsetDelta, value } of batch.records) {
          const offset = batch.firstOffset + BigInt(offsetDelta);
          // A batch is sent whole, also where the fetch began in its middle.
          if (offset < next || offset >= end) continue;
          if (value !== null) yield value;
        }
        const after = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
        if (after > next) next = after;
      }
      if (next === before)
        throw new Error(
          `kafka: ${topic.name}/${partition} ends at ${end}, but gives nothing from ${next} on`,
        );
    }
  }

  async #topic(name: string): Promise<Topic> {
    const { brokers, topics } = await metadataV12.api.async(this.#connection, [name], false, false);
    if (brokers.length !== 1)
      throw new Error(`kafka: ${brokers.length} brokers; the read-back knows how to read from one`);
    const [topic] = topics;
    if (topic === undefined) throw new Error(`kafka: the broker knows no topic ${name}`);
    const partitions = topic.partitions.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
    return { name, id: topic.topicId, partitions };
  }

  async #offsets({ name, partitions }: Topic, timestamp: bigint): Promise<Offsets> {
    const wanted = partitions.map((partitionIndex) => ({
      partitionIndex,
      currentLeaderEpoch: NO_EPOCH,
      timestamp,
    }));
    const { topics } = await listOffsetsV9.api.async(this.#connection, -1, 0, [{ name, partitions: wanted }]);
    const read = topics.flatMap((each) => each.partitions);
    return new Map(read.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
  }
}
