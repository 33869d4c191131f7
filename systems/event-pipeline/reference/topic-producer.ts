/**
 * Sends records to one topic. A client whose request failed is replaced, because a connection that was cut may be dead without knowing it.
 */
import { Producer } from '@platformatic/kafka';
import { clientOptions } from './kafka-clients.ts';

export interface OutRecord {
  key: string;
  value: Buffer;
}

export interface TopicProducerOptions {
  url: URL;
  topic: string;
  /** Name of the client, as the broker logs it. */
  name: string;
  /** -1 = all replicas. */
  acks: -1 | 0 | 1;
  log(text: string): void;
}

/** The guide's limit for a produce. */
const SEND_TIMEOUT_MS = 5_000;

export class TopicProducer {
  readonly #options: TopicProducerOptions;
  #producer: Producer;

  constructor(options: TopicProducerOptions) {
    this.#options = options;
    this.#producer = this.#newProducer();
  }

  /** Rejects when the broker did not acknowledge all of them in time; then each may be in the log or not. */
  async send(records: readonly OutRecord[]): Promise<void> {
    const producer = this.#producer;
    const { acks, topic } = this.#options;
    try {
      await producer.send({
        acks,
        messages: records.map(({ key, value }) => ({ topic, key: Buffer.from(key), value })),
      });
    } catch (error) {
      if (producer === this.#producer) {
        this.#options.log(`${topic}: the broker did not acknowledge: ${String(error)}`);
        this.#producer = this.#newProducer();
        producer.close().catch(() => undefined); // nobody waits for a goodbye to a broker that may be gone
      }
      throw error;
    }
  }

  close(): void {
    this.#producer.close().catch(() => undefined);
  }

  #newProducer(): Producer {
    const { url, name } = this.#options;
    return new Producer(clientOptions(url, name, SEND_TIMEOUT_MS));
  }
}
