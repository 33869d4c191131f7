/** What the consumer has read and not yet stored: rows, dead letters, and up to where it has read. */
import { RowBuffer } from '../../../record/row-binary.ts';
import { rowsOf } from './event-rows.ts';
import type { Poison } from './event-rows.ts';

/** Of a record that was read; offsets count from 0 in each partition. */
export interface InRecord {
  partition: number;
  offset: bigint;
  value: Buffer;
}

const MAX_ROWS = 100_000;
const MAX_BYTES = 12 * 1024 * 1024;
/** Room for the last record, too: what is reserved and not written to costs nothing, and growing costs a copy. */
const START_BYTES = MAX_BYTES + 1024 * 1024;

export class Batch {
  rowCount = 0;
  readonly poison: Poison[] = [];
  /** Last offset of each partition. */
  readonly offsets = new Map<number, bigint>();
  /** The records as they came, for defects that lose or divert them; empty otherwise. */
  readonly values: Buffer[] = [];
  /** When its first record came, on the process's clock; Infinity before. */
  beganMs = Infinity;
  readonly #rows = new RowBuffer(START_BYTES);
  readonly #keepsValues: boolean;

  constructor(keepsValues: boolean) {
    this.#keepsValues = keepsValues;
  }

  get isEmpty(): boolean {
    return this.offsets.size === 0;
  }

  get isFull(): boolean {
    return this.rowCount >= MAX_ROWS || this.#rows.sizeBytes >= MAX_BYTES;
  }

  rows(): Buffer {
    return this.#rows.bytes();
  }

  add({ partition, offset, value }: InRecord): void {
    this.rowCount += rowsOf(value, this.#rows, Date.now(), this.poison);
    this.skip(partition, offset);
    if (this.#keepsValues) this.values.push(value);
  }

  /** It counts as read, and that is all. */
  skip(partition: number, offset: bigint): void {
    if (this.isEmpty) this.beganMs = performance.now();
    this.offsets.set(partition, offset);
  }
}
