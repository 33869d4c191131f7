/** Latencies of very many writes. They are counted by the millisecond first: a histogram takes longer to find the place of a value than a line takes to be read. */
import { build, type Histogram } from 'hdr-histogram-js';

/** Longer ones are few: the histogram takes them one by one. */
const COUNTED_BELOW_MS = 60_000;

export class Latencies {
  readonly #counts = new Uint32Array(COUNTED_BELOW_MS);
  readonly #histogram = build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3 });

  /** @param ms whole, not negative */
  add(ms: number): void {
    if (ms < COUNTED_BELOW_MS) this.#counts[ms]! += 1;
    else this.#histogram.recordValue(ms);
  }

  /** Everything that was added; nothing may be added afterwards. */
  close(): Histogram {
    for (const [ms, count] of this.#counts.entries())
      if (count > 0) this.#histogram.recordValueWithCount(ms, count);
    return this.#histogram;
  }
}
