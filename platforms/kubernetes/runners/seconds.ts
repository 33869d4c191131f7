/** The writes of all runners second by second while they come in. For eyes only: the judgement reads the ledgers. */

/** Writes that ended in one second since the start of the schedule. Latencies are of the acknowledged ones, from the intended start. */
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

export interface SeenWrite {
  outcome: 'A' | 'F' | 'U';
  dueMs: number;
  latMs: number;
  lagMs: number;
}

/** Of one runner: what earlier drops have shifted its schedule by is its own (record/ledger.ts). */
interface Part {
  ackedMs: number[];
  shiftMs: number;
}

interface Bin {
  parts: Map<string, Part>;
  failed: number;
  unknown: number;
}

export class Seconds {
  readonly #onSecond: (second: SecondSummary) => void;
  readonly #bins = new Map<number, Bin>();
  #next = 0;
  #last = -1;

  constructor(onSecond: (second: SecondSummary) => void) {
    this.#onSecond = onSecond;
  }

  add(runner: string, { outcome, dueMs, latMs, lagMs }: SeenWrite): void {
    const endS = Math.floor((dueMs + latMs) / 1_000);
    this.#last = Math.max(this.#last, endS);
    // What comes too late for its second counts in the next one that is told: nothing is left out.
    const second = Math.max(this.#next, endS);
    const bin = this.#bins.get(second) ?? { parts: new Map<string, Part>(), failed: 0, unknown: 0 };
    this.#bins.set(second, bin);
    const part = bin.parts.get(runner) ?? { ackedMs: [], shiftMs: Number.POSITIVE_INFINITY };
    bin.parts.set(runner, part);
    part.shiftMs = Math.min(part.shiftMs, lagMs);
    if (outcome === 'A') part.ackedMs.push(latMs);
    else if (outcome === 'F') bin.failed += 1;
    else bin.unknown += 1;
  }

  /** Tells every second that is over `sinceStartMs` after the start of the schedule. */
  tell(sinceStartMs: number): void {
    const until = Math.floor(sinceStartMs / 1_000);
    for (; this.#next < until; this.#next += 1) {
      const bin = this.#bins.get(this.#next);
      this.#bins.delete(this.#next);
      const latenciesMs = [...(bin?.parts.values() ?? [])]
        .flatMap(({ ackedMs, shiftMs }) => ackedMs.map((latMs) => latMs - shiftMs))
        .toSorted((a, b) => a - b);
      this.#onSecond({
        second: this.#next,
        acked: latenciesMs.length,
        failed: bin?.failed ?? 0,
        unknown: bin?.unknown ?? 0,
        p50Ms: percentile(latenciesMs, 0.5),
        p99Ms: percentile(latenciesMs, 0.99),
      });
    }
  }

  /** Tells the rest, up to the last write. */
  finish(): void {
    this.tell((this.#last + 1) * 1_000);
  }
}

/** Nearest-rank percentile of sorted values; null of none. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}
