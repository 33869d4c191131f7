/** Reads `ledger/<runner>.states` (record/ledger.ts has the format): what has become of each write, in ranges of identities. */
import { append } from '../ledger-scan.ts';

const MAX_LINE_BYTES = 1_024;
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
  readonly #spans = new Map<number, Span[]>();
  #ended = false;
  #number = 0;

  constructor(chunks: Iterable<Uint8Array>) {
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
    for (const [vu, spans] of this.#spans) {
      spans.sort((a, b) => a.from - b.from);
      for (const [index, { from }] of spans.entries())
        if (from <= (spans[index - 1]?.to ?? 0)) this.#doubt(`${vu}:${from} has two states`);
    }
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
    const spans = this.#spans.get(vu) ?? [];
    this.#spans.set(vu, spans);
    spans.push({ from, to, state });
  }

  #doubt(why: string): void {
    if (this.why === '') this.why = why;
  }

  /** Undefined = it has none: the system does not know this write. */
  of(vu: number, n: number): string | undefined {
    const spans = this.#spans.get(vu) ?? [];
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
}
