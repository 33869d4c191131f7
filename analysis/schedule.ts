/**
 * When was a write due? The load generator numbers the iterations that it starts; one that it drops takes no number, so after
 * drops every later `due` is too early by the time of the drops before it. `lag` (from `due` to the actual start) shows it: it is
 * the write's own lateness plus that time. The lateness of some write soon after is about zero, so the smallest lag from a moment
 * on, the **shift**, is the time of the drops until then:
 *
 *   shift(t) = min { lag of writes started at or after t }        never falls
 *   intended start = due + shift(actual start)
 *   latency from the intended start = lat - shift                 never below the write's own service time
 *   dropped in [a, b) = (shift(b) - shift(a)) / period
 *
 * A constant offset of the whole load (the anchor was taken before the first arrival) is in every lag; it moves the intended start
 * to where it really was and cancels out of the drops. A generator that is late for good, to its last write, looks like one
 * that dropped: it is not flattered. So do the writes of the burst after a stall of its process when the rest of the burst is
 * dropped: their lateness cannot be told from the drops that follow at once. Resolution: 100 ms in time, the clock's 1 ms in shift.
 */
const BIN_MS = 100;

export class Schedule {
  readonly #periodMs: number;
  #shiftMs = new Float64Array(1024).fill(Number.POSITIVE_INFINITY);
  #bins = 0;

  /** @param ratePerS arrivals a second; constant */
  constructor(ratePerS: number) {
    this.#periodMs = 1_000 / ratePerS;
  }

  /** One write, by its actual start in ms since the runner's anchor. All are added before anything is asked. */
  add(startMs: number, lagMs: number): void {
    const bin = binOf(startMs);
    if (bin >= this.#shiftMs.length) this.#grow(bin);
    if (bin >= this.#bins) this.#bins = bin + 1;
    if (lagMs < this.#shiftMs[bin]!) this.#shiftMs[bin] = lagMs;
  }

  /** Turns smallest lags into shifts. Drops between two writes are spread evenly over the silence between them. */
  settle(): void {
    const shiftMs = this.#shiftMs;
    let next = -1;
    for (let bin = this.#bins - 1; bin >= 0; bin -= 1) {
      const least = shiftMs[bin]!;
      if (least === Number.POSITIVE_INFINITY) continue;
      const later = next < 0 ? least : shiftMs[next]!;
      const shift = Math.min(least, later);
      shiftMs[bin] = shift;
      for (let empty = bin + 1; empty < next; empty += 1)
        shiftMs[empty] = shift + ((later - shift) * (empty - bin)) / (next - bin);
      next = bin;
    }
    // Before the first write nothing is known: no drop is.
    for (let bin = 0; bin < next; bin += 1) shiftMs[bin] = shiftMs[next]!;
  }

  /** Milliseconds to add to `due`, and to take from `lat`, of a write with this actual start. */
  shiftMs(startMs: number): number {
    return this.#bins === 0 ? 0 : this.#shiftMs[Math.min(this.#bins - 1, binOf(startMs))]!;
  }

  /** Arrivals dropped from `fromMs` to `toMs` (since the runner's anchor), rounded so that neighbouring stretches add up. */
  dropped(fromMs: number, toMs: number): number {
    return this.#droppedBefore(toMs) - this.#droppedBefore(fromMs);
  }

  /** Arrivals dropped in the whole load. */
  get droppedInAll(): number {
    return this.dropped(0, this.#bins * BIN_MS);
  }

  #droppedBefore(atMs: number): number {
    if (this.#bins === 0) return 0;
    const bin = Math.min(this.#bins, Math.max(0, Math.round(atMs / BIN_MS)));
    const shiftMs = this.#shiftMs[Math.max(0, bin - 1)]!;
    return Math.round((shiftMs - this.#shiftMs[0]!) / this.#periodMs);
  }

  #grow(bin: number): void {
    const grown = new Float64Array(Math.max(bin + 1, this.#shiftMs.length * 2)).fill(
      Number.POSITIVE_INFINITY,
    );
    grown.set(this.#shiftMs);
    this.#shiftMs = grown;
  }
}

function binOf(startMs: number): number {
  return Math.max(0, Math.floor(startMs / BIN_MS));
}
