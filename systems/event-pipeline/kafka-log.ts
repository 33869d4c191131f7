/**
 * What lies in Kafka's topics, read past all groups. One broker is asked over the one connection to the address that is known: from outside a
 * cluster the address that the broker itself tells its clients leads nowhere. Several are asked at those addresses, each for what it leads,
 * so they are read from where their clients are.
 */
import {
  Connection,
  fetchV17,
  findCoordinatorV6,
  listOffsetsV9,
  metadataV12,
  offsetFetchV9,
} from '@platformatic/kafka';

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;
const FETCH_BYTES = 16 * 1024 * 1024;
const EARLIEST = -2n;
const LATEST = -1n;
/** Protocol: no leader epoch is known. */
const NO_EPOCH = -1;

/** Coordinator of a consumer group (FindCoordinator, key type 0). */
const OF_A_GROUP = 0;

interface Topic {
  name: string;
  id: string;
  /** By number, with the broker that leads it: no other may be asked, since it may lag behind. */
  leaders: Map<number, Connection>;
}

/** Offsets by partition. */
type Offsets = Map<number, bigint>;

export class KafkaLog {
  readonly #first: Connection;
  /** By node id, where there are several. */
  readonly #others = new Map<number, Connection>();

  private constructor(first: Connection) {
    this.#first = first;
  }

  /** Rejects when nobody answers there. */
  static async open(url: URL): Promise<KafkaLog> {
    return new KafkaLog(await connect(url.hostname, Number(url.port || 9_092)));
  }

  async close(): Promise<void> {
    await Promise.all([this.#first, ...this.#others.values()].map((connection) => connection.close()));
  }

  /** Where the next record of each partition will lie. */
  async ends(topicName: string): Promise<Offsets> {
    return this.#offsets(await this.#topic(topicName), LATEST);
  }

  /** Where the group reads on; a partition of which it has committed nothing is not there. */
  async committed(groupId: string, topicName: string): Promise<Offsets> {
    const { name, leaders } = await this.#topic(topicName);
    const group = {
      groupId,
      memberId: null,
      memberEpoch: -1,
      topics: [{ name, partitionIndexes: [...leaders.keys()] }],
    };
    const { groups } = await offsetFetchV9.api.async(await this.#coordinator(groupId), [group], false);
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
    for (const partition of topic.leaders.keys()) {
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
        leaderOf(topic, partition),
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
    const { brokers, topics } = await metadataV12.api.async(this.#first, [name], false, false);
    const [topic] = topics;
    if (topic === undefined) throw new Error(`kafka: the broker knows no topic ${name}`);
    const leaders: Topic['leaders'] = new Map();
    const byNumber = topic.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
    for (const { partitionIndex, leaderId } of byNumber)
      leaders.set(partitionIndex, await this.#broker(brokers, leaderId, `${name}/${partitionIndex}`));
    return { name, id: topic.topicId, leaders };
  }

  async #coordinator(groupId: string): Promise<Connection> {
    const { brokers } = await metadataV12.api.async(this.#first, [], false, false);
    const { coordinators } = await findCoordinatorV6.api.async(this.#first, OF_A_GROUP, [groupId]);
    return this.#broker(brokers, coordinators[0]?.nodeId, `the group ${groupId}`);
  }

  async #broker(
    brokers: readonly { nodeId: number; host: string; port: number }[],
    nodeId: number | undefined,
    what: string,
  ): Promise<Connection> {
    const broker = brokers.find((each) => each.nodeId === nodeId);
    if (broker === undefined) throw new Error(`kafka: no broker that is there leads ${what}`);
    if (brokers.length === 1) return this.#first;
    const { host, port } = broker;
    const known = this.#others.get(broker.nodeId);
    if (known?.isConnected() && known.host === host && known.port === port) return known;
    await known?.close();
    try {
      const made = await connect(host, port);
      this.#others.set(broker.nodeId, made);
      return made;
    } catch (error) {
      throw new Error(
        `kafka: ${brokers.length} brokers, and ${host}:${port}, where broker ${nodeId} tells its clients to come, does not answer from here; run proofload where its clients are`,
        { cause: error },
      );
    }
  }

  async #offsets(topic: Topic, timestamp: bigint): Promise<Offsets> {
    const offsets: Offsets = new Map();
    for (const leader of new Set(topic.leaders.values())) {
      const partitions = [...topic.leaders].flatMap(([partitionIndex, of]) =>
        of === leader ? [{ partitionIndex, currentLeaderEpoch: NO_EPOCH, timestamp }] : [],
      );
      const { topics } = await listOffsetsV9.api.async(leader, -1, 0, [{ name: topic.name, partitions }]);
      for (const { partitionIndex, offset } of topics.flatMap((each) => each.partitions))
        offsets.set(partitionIndex, offset);
    }
    return offsets;
  }
}

async function connect(host: string, port: number): Promise<Connection> {
  const connection = new Connection('proofload-read-back', {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  // Without a listener a broker that dies would take the harness with it; a request rejects by itself.
  connection.on('error', () => undefined);
  await connection.connect(host, port);
  return connection;
}

function leaderOf({ name, leaders }: Topic, partition: number): Connection {
  const leader = leaders.get(partition);
  if (leader === undefined) throw new Error(`kafka: ${name} has no partition ${partition}`);
  return leader;
}
