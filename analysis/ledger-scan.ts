/**
 * Reads the lines of `ledger/<runner>.log` (record/ledger.ts has the format) from chunks of bytes. Written by hand, byte by byte:
 * a ledger of ten million lines is read several times, and one string per line would cost more than everything else together.
 */
import { type AttemptLine, type LedgerLine, parseAttemptLine } from '../record/ledger.ts';

/** Bytes of the longest line that could be one of ours; the generator's own words may be longer and count as malformed. */
const MAX_LINE_BYTES = 256;
/** A time beyond this is not one of a run, milliseconds (30 days): it would cost memory in every table by time. */
const MAX_TIME_MS = 30 * 86_400_000;
const MAX_NAMED = 20;
const SPACE = 32;
const NEWLINE = 10;
const LETTER_T = 84;

export interface LedgerScan {
  /** Well-formed lines of writes. */
  lines: number;
  /** The file does not end with a newline: its last line was dropped. */
  torn: boolean;
  malformed: number;
  /** Line numbers, from 1, of the first twenty malformed lines. */
  malformedAt: number[];
}

const ANCHOR = Uint8Array.from('# anchor ', (letter) => letter.charCodeAt(0));

/** The runner's start of schedule; the `load.started` event carries the same moment. */
function isAnchor(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from > ANCHOR.length && ANCHOR.every((byte, index) => bytes[from + index] === byte);
}

/** A failed attempt, or null. Few lines are one, so this may take its time. */
function attemptOf(bytes: Uint8Array, from: number, to: number): AttemptLine | null {
  if (to - from >= MAX_LINE_BYTES) return null;
  const attempt = parseAttemptLine(String.fromCharCode(...bytes.subarray(from, to)));
  return attempt !== null && attempt.atMs <= MAX_TIME_MS && attempt.latMs <= MAX_TIME_MS ? attempt : null;
}

/**
 * Calls `onLine` for every well-formed line of a write with its number, from 1; the object is the same one every time. `onAttempt` gets the
 * failed attempts, each before the line of its write; they are no lines of the count.
 */
export function scanLedger(
  chunks: Iterable<Uint8Array>,
  onLine: (line: LedgerLine, number: number) => void,
  onAttempt?: (attempt: AttemptLine) => void,
): LedgerScan {
  const parser = new LineParser();
  const scan: LedgerScan = { lines: 0, torn: false, malformed: 0, malformedAt: [] };
  const carry = new Uint8Array(MAX_LINE_BYTES);
  let carried = 0;
  let number = 0;
  const take = (bytes: Uint8Array, from: number, to: number) => {
    number += 1;
    if (isAnchor(bytes, from, to)) return;
    const attempt = bytes[from] === LETTER_T ? attemptOf(bytes, from, to) : null;
    if (attempt !== null) onAttempt?.(attempt);
    else if (parser.parse(bytes, from, to)) {
      scan.lines += 1;
      onLine(parser.line, number);
    } else {
      scan.malformed += 1;
      if (scan.malformedAt.length < MAX_NAMED) scan.malformedAt.push(number);
    }
  };
  for (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      if (carried === 0) take(chunk, from, end);
      else {
        carried = append(carry, carried, chunk.subarray(from, end));
        take(carry, 0, carried);
        carried = 0;
      }
      from = end + 1;
    }
    if (from < chunk.length) carried = append(carry, carried, chunk.subarray(from));
  }
  scan.torn = carried > 0;
  return scan;
}

/** Puts `part` behind what is there; what does not fit makes the line too long to be one of ours, and is forgotten. */
export function append(carry: Uint8Array, carried: number, part: Uint8Array): number {
  const room = carry.length - carried;
  carry.set(part.length <= room ? part : part.subarray(0, room), carried);
  return Math.min(carry.length, carried + part.length);
}

class LineParser {
  readonly line: LedgerLine = {
    outcome: 'A',
    vu: 0,
    n: 0,
    dueMs: 0,
    latMs: 0,
    lagMs: 0,
    status: 0,
    code: 0,
    attempts: 1,
  };
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #value = 0;

  parse(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from >= MAX_LINE_BYTES) return false;
    this.#bytes = bytes;
    this.#at = from + 1;
    this.#end = to;
    const { line } = this;
    const first = bytes[from];
    if (first === 65) line.outcome = 'A';
    else if (first === 70) line.outcome = 'F';
    else if (first === 85) line.outcome = 'U';
    else return false;
    if (!this.#skip(SPACE) || !this.#whole()) return false;
    line.vu = this.#value;
    if (!this.#skip(58) || !this.#whole()) return false;
    line.n = this.#value;
    if (line.vu < 1 || line.n < 1) return false;
    if (!this.#skip(SPACE) || !this.#time()) return false;
    line.dueMs = this.#value;
    if (!this.#skip(SPACE) || !this.#time()) return false;
    line.latMs = this.#value;
    if (!this.#skip(SPACE) || !this.#time()) return false;
    line.lagMs = this.#value;
    line.status = 0;
    line.code = 0;
    line.attempts = 1;
    // Only an acknowledgement at the first attempt may leave the details out: anything else was cut short.
    if (this.#at === this.#end) return line.outcome === 'A';
    if (!this.#skip(SPACE) || !this.#whole()) return false;
    line.status = this.#value;
    if (!this.#skip(SPACE) || !this.#whole()) return false;
    line.code = this.#value;
    if (!this.#skip(SPACE) || !this.#whole()) return false;
    line.attempts = this.#value;
    return this.#at === this.#end;
  }

  #skip(byte: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at++] === byte;
  }

  /** Digits without a sign, below 2^31. */
  #whole(): boolean {
    const from = this.#at;
    let value = 0;
    while (this.#at < this.#end) {
      const digit = (this.#bytes[this.#at] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      this.#at += 1;
    }
    this.#value = value;
    return this.#at > from && this.#at - from <= 10 && value < 2 ** 31;
  }

  /** Milliseconds: a whole number, perhaps with a sign, perhaps with a fraction. */
  #time(): boolean {
    const negative = this.#at < this.#end && this.#bytes[this.#at] === 45;
    if (negative) this.#at += 1;
    if (!this.#digits()) return false;
    let value = this.#value;
    if (this.#at < this.#end && this.#bytes[this.#at] === 46) {
      this.#at += 1;
      const from = this.#at;
      if (!this.#digits()) return false;
      value += this.#value / 10 ** (this.#at - from);
    }
    this.#value = negative ? -value : value;
    return value <= MAX_TIME_MS;
  }

  #digits(): boolean {
    const from = this.#at;
    let value = 0;
    while (this.#at < this.#end) {
      const digit = (this.#bytes[this.#at] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      this.#at += 1;
    }
    this.#value = value;
    return this.#at > from && this.#at - from <= 15;
  }
}
