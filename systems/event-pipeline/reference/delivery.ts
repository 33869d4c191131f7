/**
 * From a batch to a commit: dead letters, then the insert, and only then the offsets, so that a consumer that dies in between stores a batch
 * again and never loses one. Each step is tried until it works: an outage makes the pipeline late, and Kafka keeps what waits.
 */
import type { Batch } from './batch.ts';
import type { ConsumerMetrics } from './consumer-metrics.ts';
import { deadLetter, inSends } from './dead-letters.ts';
import type { Defect } from './defects.ts';
import type { Poison } from './event-rows.ts';
import type { OutRecord } from './topic-producer.ts';
import type { TruthLog } from './truth.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** Defect dlq-after-3-tries: the guide's pauses. */
const THREE_TRIES_MS = [1_000, 2_000];
/** Defects that end the consumer do so at every so many batches. */
const CRASH_EVERY = 20;

export interface DeliveryOptions {
  defect: Defect | undefined;
  insert: (rows: Buffer) => Promise<void>;
  sendDeadLetters: (records: OutRecord[]) => Promise<void>;
  truth: TruthLog;
  metrics: ConsumerMetrics;
  log: (text: string) => void;
  /** Rejects when it is time to give up: what is not done by then stays undone, and uncommitted. */
  pause: (ms: number) => Promise<unknown>;
  /** For defects: ends the process at once. */
  crash: () => never;
}

export type Commit = (offsets: ReadonlyMap<number, bigint>) => Promise<void>;

export class Delivery {
  readonly #options: DeliveryOptions;
  #delivered = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Rejects when it was time to give up, or the commit was refused: then the batch will be read again. */
  async deliver(batch: Batch, commit: Commit): Promise<void> {
    const { defect, metrics, truth, crash } = this.#options;
    this.#delivered += 1;
    const crashes = this.#delivered % CRASH_EVERY === 0;
    metrics.parseErrors.inc(batch.poison.length);
    await this.#bury(batch.poison);
    if (defect === 'commit-before-insert') {
      await commit(batch.offsets);
      if (crashes) {
        truth.drops(batch.values); // not before: with a commit that was refused nothing is lost
        crash();
      }
      await this.#insert(batch);
      return;
    }
    await this.#insert(batch);
    if (crashes && defect === 'insert-then-commit-crash') crash();
    await commit(batch.offsets);
  }

  async #insert(batch: Batch): Promise<void> {
    const { defect, metrics, insert } = this.#options;
    if (batch.rowCount === 0) return;
    const attempt = async () => {
      const end = metrics.insertDuration.startTimer();
      try {
        await insert(batch.rows());
      } catch (error) {
        metrics.insertErrors.inc();
        throw error;
      }
      end();
      metrics.written.inc();
      metrics.batchSize.observe(batch.rowCount);
    };
    if (defect === 'dlq-after-3-tries') await this.#threeTries(attempt, batch);
    else await this.#untilDone('insert', attempt);
  }

  async #threeTries(attempt: () => Promise<void>, batch: Batch): Promise<void> {
    for (const pauseMs of [...THREE_TRIES_MS, null]) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (pauseMs !== null) await this.#options.pause(pauseMs);
        else await this.#bury(batch.values.map((value) => refused(value, String(error))));
      }
    }
  }

  async #bury(poison: readonly Poison[]): Promise<void> {
    const nowMs = Date.now();
    for (const letters of inSends(poison.map((each) => deadLetter(each, nowMs)))) {
      await this.#untilDone('dead letters', () => this.#options.sendDeadLetters(letters));
      this.#options.metrics.deadLetters.inc(letters.length);
    }
  }

  async #untilDone(what: string, attempt: () => Promise<void>): Promise<void> {
    const { pause, log } = this.#options;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        await attempt();
        return;
      } catch (error) {
        log(`${what}, again in ${pauseMs} ms: ${String(error)}`);
        await pause(pauseMs);
      }
    }
  }
}

/** A record's text that was read before, so it is JSON unless it was buried as poison already. */
function refused(value: Buffer, message: string): Poison {
  const text = value.toString('utf8');
  try {
    return { raw: JSON.parse(text), kind: 'insert_failed', message };
  } catch {
    return { raw: text, kind: 'insert_failed', message };
  }
}
