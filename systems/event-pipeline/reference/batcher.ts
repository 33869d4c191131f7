/**
 * Gathers records into batches and delivers these one at a time while the next one fills: at 100,000 rows, 12 MB, or when the first
 * record is two seconds old. After an outage it does not take all that the machine has: clients want to be served meanwhile.
 */
import { Batch } from './batch.ts';
import type { InRecord } from './batch.ts';

const MAX_AGE_MS = 2_000;
const LOOK_EVERY_MS = 50;
/** Of a full batch, from its first step to that of the next. */
const FULL_BATCH_MS = 1_500;

export interface BatcherOptions {
  keepsValues: boolean;
  /** Resolves when the batch is stored and committed. */
  deliver(batch: Batch): Promise<void>;
  /** A delivery was given up: nothing after it will be delivered. */
  onFailed(error: Error): void;
}

export class Batcher {
  readonly #options: BatcherOptions;
  readonly #timer: NodeJS.Timeout;
  /** Up to where records were taken, by partition. */
  readonly #taken = new Map<number, bigint>();
  #batch: Batch;
  #delivering = false;
  #failed = false;
  #last: Promise<void> = Promise.resolve();

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#batch = new Batch(options.keepsValues);
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Resolves when there is room for more. A record that was taken before is left alone: after a rebalance some are read again. */
  async add(record: InRecord, skips: boolean): Promise<void> {
    const { partition, offset } = record;
    if (offset <= (this.#taken.get(partition) ?? -1n)) return;
    this.#taken.set(partition, offset);
    if (skips) this.#batch.skip(partition, offset);
    else this.#batch.add(record);
    if (!this.#batch.isFull) return;
    await this.#last;
    if (this.#batch.isFull) this.#begin();
  }

  /** Delivers everything that was taken. Resolves when that is done or given up. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
    this.#begin();
    await this.#last;
  }

  /** What was taken and is not on its way is forgotten. */
  stop(): void {
    clearInterval(this.#timer);
    this.#failed = true;
  }

  #look(): void {
    if (!this.#delivering && performance.now() - this.#batch.beganMs >= MAX_AGE_MS) this.#begin();
  }

  #begin(): void {
    const batch = this.#batch;
    this.#batch = new Batch(this.#options.keepsValues);
    if (batch.isEmpty || this.#failed) return;
    this.#delivering = true;
    this.#last = this.#last
      .then(() => this.#deliver(batch))
      .catch((error: unknown) => {
        this.stop();
        this.#options.onFailed(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => {
        this.#delivering = false;
      });
  }

  async #deliver(batch: Batch): Promise<void> {
    const beganMs = performance.now();
    await this.#options.deliver(batch);
    const restMs = FULL_BATCH_MS - (performance.now() - beganMs);
    if (batch.isFull && restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}
