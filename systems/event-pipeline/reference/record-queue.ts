/**
 * Records on their way to Kafka: they gather for some milliseconds and go out many at a time, because what costs is the request and not
 * the record. A caller's records are acknowledged together, when all of them are.
 */
import type { OutRecord } from './topic-producer.ts';

/** `unknown`: perhaps in the log, perhaps not. `full`: certainly not. */
export type Sent = 'acknowledged' | 'unknown' | 'full';

export interface RecordQueueOptions {
  /** Resolves when the broker has acknowledged all of them. */
  send(records: OutRecord[]): Promise<void>;
  /** A caller waits no longer than this for its answer, milliseconds. */
  timeoutMs: number;
}

const LINGER_MS = 25;
const MAX_PER_SEND = 64;
/** Of one send: all its records may go to one partition, and a broker takes a batch of at most 1 MiB. */
const MAX_SEND_BYTES = 768 * 1024;
const MAX_SENDING = 4;
const MAX_WAITING = 2_000;

/** The records of one caller. */
interface Group {
  left: number;
  settled: boolean;
  settle(sent: Sent): void;
}

interface Waiting {
  record: OutRecord;
  group: Group;
}

export class RecordQueue {
  readonly #options: RecordQueueOptions;
  #waiting: Waiting[] = [];
  #sending = 0;
  #linger: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  constructor(options: RecordQueueOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  offer(records: readonly OutRecord[]): Promise<Sent> {
    if (this.#waiting.length + records.length > MAX_WAITING) return Promise.resolve('full');
    return new Promise((resolve) => {
      const timer = setTimeout(() => group.settle('unknown'), this.#options.timeoutMs);
      const group: Group = {
        left: records.length,
        settled: false,
        settle(sent) {
          if (group.settled) return;
          group.settled = true;
          clearTimeout(timer);
          resolve(sent);
        },
      };
      for (const record of records) this.#waiting.push({ record, group });
      this.#pump();
    });
  }

  /** Answers everything that waits and is not yet on its way, and hands it out. */
  drop(sent: Sent): OutRecord[] {
    const dropped = this.#waiting.filter(({ group }) => !group.settled);
    this.#waiting = [];
    for (const { group } of dropped) group.settle(sent);
    return dropped.map(({ record }) => record);
  }

  /** Resolves when nothing waits and nothing is on its way. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#lookIdle();
    });
  }

  #pump(): void {
    while (this.#waiting.length >= MAX_PER_SEND && this.#sending < MAX_SENDING) void this.#send();
    if (this.#waiting.length > 0 && this.#linger === undefined)
      this.#linger = setTimeout(() => this.#lingered(), LINGER_MS);
  }

  #lingered(): void {
    this.#linger = undefined;
    if (this.#waiting.length > 0 && this.#sending < MAX_SENDING) void this.#send();
    this.#pump();
  }

  async #send(): Promise<void> {
    const taken = this.#take();
    if (taken.length > 0) {
      this.#sending += 1;
      let isSent = true;
      try {
        await this.#options.send(taken.map(({ record }) => record));
      } catch {
        isSent = false; // whoever sends has said why
      }
      this.#sending -= 1;
      for (const { group } of taken) {
        group.left -= 1;
        if (!isSent) group.settle('unknown');
        else if (group.left === 0) group.settle('acknowledged');
      }
      this.#pump();
    }
    this.#lookIdle();
  }

  /** As many as one send holds. What nobody waits for any more is left out: it was answered `unknown`, and would only be stored late. */
  #take(): Waiting[] {
    const taken: Waiting[] = [];
    let sizeBytes = 0;
    let at = 0;
    for (; at < this.#waiting.length && taken.length < MAX_PER_SEND; at += 1) {
      const waiting = this.#waiting[at];
      if (waiting === undefined || waiting.group.settled) continue;
      sizeBytes += waiting.record.value.length;
      if (taken.length > 0 && sizeBytes > MAX_SEND_BYTES) break;
      taken.push(waiting);
    }
    this.#waiting.splice(0, at);
    return taken;
  }

  #lookIdle(): void {
    if (this.#waiting.length > 0 || this.#sending > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
