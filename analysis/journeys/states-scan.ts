/** Reads `ledger/<runner>.states` (record/ledger.ts has the format): what has become of each write, in ranges of identities. */
import { append } from '../ledger-scan.ts';

const MAX_LINE_BYTES = 1_024;
/** A healthy run has one range for each virtual user and state; each one here costs some hundred bytes of memory. */
const MAX_RANGES = 2_000_000;
const NEWLINE = 10;
const RANGE = /^(\d{1,9}):(\d{1,10})-(\d{1,10}) ([a-z0-9-]{1,40})$/;
const HEAD = /^# (kept|broken)((?: [a-z0-9-]{1,40})+)$/;

interface Span {
  from: number;
  to: number;
  state: string;
}

/** The states of one runner's writes. */
export class States {
  /** Why it cannot be relied on, or empty: it does not end with `end`, something in it is damaged, or an identity has two states. */
  why = '';
  readonly kept = new Set<string>();
  readonly broken = new Set<string>();
  /** Different identities that have a state. */
  covered = 0;
  /** By virtual user, by number, none overlapping another. */
  readonly #spans = new Map<number, Span[]>();
  /** The same of identities with different states: the words name two of them. */
  readonly #contested = new Map<number, Span[]>();
  readonly #maxRanges: number;
  #ranges = 0;
  #ended = false;
  #number = 0;

  constructor(chunks: Iterable<Uint8Array>, maxRanges = MAX_RANGES) {
    this.#maxRanges = maxRanges;
    const decoder = new TextDecoder('latin1');
    const carry = new Uint8Array(MAX_LINE_BYTES);
    let carried = 0;
    for (const chunk of chunks) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        carried = append(carry, carried, chunk.subarray(start, end));
        this.#take(decoder.decode(carry.subarray(0, carried)));
        carried = 0;
        start = end + 1;
      }
      if (start < chunk.length) carried = append(carry, carried, chunk.subarray(start));
    }
    if (!this.#ended) this.#doubt('its last line is not "end": the answer was cut short');
    for (const [vu, spans] of this.#spans) this.#settle(vu, spans);
  }

  #take(text: string): void {
    this.#number += 1;
    const [, kind, words] = HEAD.exec(text) ?? [];
    if (words !== undefined && !this.#ended) {
      for (const word of words.trim().split(' ')) this[kind === 'kept' ? 'kept' : 'broken'].add(word);
      return;
    }
    if (text === 'end' && !this.#ended) {
      this.#ended = true;
      return;
    }
    const found = RANGE.exec(text);
    const [vu = 0, from = 0, to = 0] = found?.slice(1, 4).map(Number) ?? [];
    const state = found?.[4];
    if (state === undefined || this.#ended || vu < 1 || from < 1 || to < from || to >= 2 ** 31) {
      this.#doubt(`line ${this.#number} is no range of states`);
      return;
    }
    this.#ranges += 1;
    if (this.#ranges > this.#maxRanges) {
      this.#doubt(
        `more than ${this.#maxRanges} ranges: the rest, from line ${this.#number} on, was not read`,
      );
      return;
    }
    const spans = this.#spans.get(vu) ?? [];
    this.#spans.set(vu, spans);
    spans.push({ from, to, state });
  }

  #doubt(why: string): void {
    if (this.why === '') this.why = why;
  }

  /**
   * Brings the ranges of one virtual user into order. Where ranges overlap, each is compared with the one before it that reaches furthest:
   * an identity in which no such pair differs has one state only.
   */
  #settle(vu: number, spans: Span[]): void {
    spans.sort((a, b) => a.from - b.from);
    const single: Span[] = [];
    const contested: Span[] = [];
    let furthest: Span = { from: 0, to: 0, state: '' };
    for (const span of spans) {
      if (span.from <= furthest.to) this.#doubt(`${vu}:${span.from} has two states`);
      if (span.state !== furthest.state)
        addBehind(contested, {
          from: span.from,
          to: Math.min(span.to, furthest.to),
          state: `${furthest.state} and ${span.state}`,
        });
      addBehind(single, span);
      if (span.to > furthest.to) furthest = span;
    }
    this.covered += single.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    this.#spans.set(vu, single);
    if (contested.length > 0) this.#contested.set(vu, contested);
  }

  /** Undefined = it has none: the system does not know this write. Of several states one. */
  of(vu: number, n: number): string | undefined {
    return stateAt(this.#spans.get(vu), n);
  }

  /** Two different states of one write, `a and b`; undefined = it has one, or none. */
  contested(vu: number, n: number): string | undefined {
    return stateAt(this.#contested.get(vu), n);
  }

  /** The first range that ends beyond the last number that a virtual user can have used, `vu:from-to`; null = there is none. */
  beyond(lastOf: (vu: number) => number): string | null {
    for (const [vu, spans] of this.#spans) {
      const last = spans.at(-1);
      if (last !== undefined && last.to > lastOf(vu)) return `${vu}:${last.from}-${last.to}`;
    }
    return null;
  }
}

/** Adds what of a range lies behind the last one. */
function addBehind(spans: Span[], { from, to, state }: Span): void {
  const behind = Math.max(from, (spans.at(-1)?.to ?? 0) + 1);
  if (behind <= to) spans.push({ from: behind, to, state });
}

function stateAt(spans: readonly Span[] = [], n: number): string | undefined {
  let low = 0;
  let high = spans.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((spans[middle]?.from ?? 0) <= n) low = middle;
    else high = middle - 1;
  }
  const span = spans[low];
  return span !== undefined && n >= span.from && n <= span.to ? span.state : undefined;
}
