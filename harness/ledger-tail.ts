/** Reads a ledger while k6 writes it, and says each second how the writes went that ended in it. For eyes only: the judgement reads the file. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Writes that ended in one second since the runner's anchor. Latencies are of the acknowledged ones, from the intended start. */
export interface SecondSummary {
  /** 0 = the first second. */
  second: number;
  acked: number;
  failed: number;
  unknown: number;
  /** Null when nothing was acknowledged. */
  p50Ms: number | null;
  p99Ms: number | null;
}

interface Bin {
  acked: number[];
  /** Smallest lag of any write: what earlier drops have shifted the schedule by (record/ledger.ts). */
  shiftMs: number;
  failed: number;
  unknown: number;
}

/** k6 writes a line at once, but this file is read a few times a second: a second is told this much after its end. */
const SETTLE_MS = 500;
/** The anchor's line is read this much after it was written, at most. */
const MAX_LATE_MS = 2_000;
const CHUNK_BYTES = 256 * 1024;

export class LedgerTail {
  readonly #fd: number;
  readonly #onSecond: (second: SecondSummary) => void;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #bins = new Map<number, Bin>();
  #offset = 0;
  #torn = '';
  #next = 0;
  #lastEndMs = -1;
  #anchorWallMs: number | null = null;
  /** The anchor on the clock of `poll`. */
  #startedMs: number | null = null;

  /** Throws when the file does not exist. */
  constructor(file: string, onSecond: (second: SecondSummary) => void) {
    this.#fd = openSync(file, 'r');
    this.#onSecond = onSecond;
  }

  /** Start of the schedule, milliseconds since the Unix epoch; null until its line was read. */
  get anchorWallMs(): number | null {
    return this.#anchorWallMs;
  }

  /** Reads what is new, and tells the seconds that are over at `nowMs` of a monotonic clock. */
  poll(nowMs: number): void {
    this.#read();
    if (this.#anchorWallMs === null) return;
    // The wall clock is asked once: a step of it must not make seconds that never were.
    this.#startedMs ??= nowMs - Math.min(MAX_LATE_MS, Math.max(0, Date.now() - this.#anchorWallMs));
    this.#tell(Math.floor((nowMs - this.#startedMs - SETTLE_MS) / 1_000));
  }

  /** After the end of k6: reads the rest and tells every second up to the last write. A torn last line is dropped. */
  finish(): void {
    this.#read();
    closeSync(this.#fd);
    this.#tell(Math.floor(this.#lastEndMs / 1_000) + 1);
  }

  #read(): void {
    for (;;) {
      const length = readSync(this.#fd, this.#chunk, 0, CHUNK_BYTES, this.#offset);
      if (length === 0) return;
      this.#offset += length;
      const lines = (this.#torn + this.#chunk.toString('latin1', 0, length)).split('\n');
      this.#torn = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    }
  }

  #take(line: string): void {
    const [outcome, id, due, lat, lag] = line.split(' ', 5);
    if (outcome === '#') {
      if (id === 'anchor') this.#anchorWallMs ??= Number(due);
      return;
    }
    // A failed attempt: how its write ended comes in a line of its own.
    if (outcome === 'T') return;
    const latMs = Number(lat);
    const endMs = Number(due) + latMs;
    if (!Number.isFinite(endMs)) return;
    this.#lastEndMs = Math.max(this.#lastEndMs, endMs);
    // What comes too late for its second counts in the next one that is told: nothing is left out.
    const second = Math.max(this.#next, Math.floor(endMs / 1_000));
    const bin = this.#bins.get(second) ?? noWrites();
    this.#bins.set(second, bin);
    bin.shiftMs = Math.min(bin.shiftMs, Number(lag));
    if (outcome === 'A') bin.acked.push(latMs);
    else if (outcome === 'F') bin.failed += 1;
    else bin.unknown += 1;
  }

  #tell(until: number): void {
    for (; this.#next < until; this.#next += 1) {
      const { acked, failed, unknown, shiftMs } = this.#bins.get(this.#next) ?? noWrites();
      this.#bins.delete(this.#next);
      acked.sort((a, b) => a - b);
      this.#onSecond({
        second: this.#next,
        acked: acked.length,
        failed,
        unknown,
        p50Ms: percentile(acked, 0.5, shiftMs),
        p99Ms: percentile(acked, 0.99, shiftMs),
      });
    }
  }
}

function noWrites(): Bin {
  return { acked: [], failed: 0, unknown: 0, shiftMs: Number.POSITIVE_INFINITY };
}

/** Nearest-rank percentile of sorted values, less `shiftMs`; null of none. */
function percentile(sorted: readonly number[], share: number, shiftMs: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? null : value - shiftMs;
}
