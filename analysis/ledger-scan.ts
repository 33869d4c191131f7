/**
 * Reads the lines of `ledger/<runner>.log` (record/ledger.ts has the format) from chunks of bytes. A ledger of a hundred million lines is
 * read several times, so the lines that nearly all are, are read byte by byte and in place; any other one is worth a regular expression.
 */
import { type AttemptLine, type LedgerLine, parseAttemptLine } from '../record/ledger.ts';

/** Bytes of the longest line that could be one of ours; the generator's own words may be longer and count as malformed. */
const MAX_LINE_BYTES = 256;
/** Bytes of the longest ordinary line: a letter, eight numbers, and what stands before and behind each. */
const MAX_ORDINARY_BYTES = 96;
/** Digits of a number in an ordinary line: every number below 10^9 is allowed everywhere. */
const MAX_ORDINARY_DIGITS = 9;
/** A time beyond this is not one of a run, milliseconds (30 days): it would cost memory in every table by time. */
const MAX_TIME_MS = 30 * 86_400_000;
const MAX_NAMED = 20;
const NEWLINE = 10;
const SPACE = 32;
const ZERO = 48;
const COLON = 58;
const LETTER_A = 65;
const LETTER_F = 70;
const LETTER_T = 84;
const LETTER_U = 85;

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
  const scan: LedgerScan = { lines: 0, torn: false, malformed: 0, malformedAt: [] };
  const reader = new LineReader();
  const carry = new Uint8Array(MAX_LINE_BYTES);
  let carried = 0;
  let number = 0;
  const take = (bytes: Uint8Array, from: number, to: number) => {
    if (isAnchor(bytes, from, to)) return;
    const attempt = bytes[from] === LETTER_T ? attemptOf(bytes, from, to) : null;
    if (attempt !== null) onAttempt?.(attempt);
    else if (reader.readAny(bytes, from, to)) {
      scan.lines += 1;
      onLine(reader.line, number);
    } else {
      scan.malformed += 1;
      if (scan.malformedAt.length < MAX_NAMED) scan.malformedAt.push(number);
    }
  };
  for (const chunk of chunks) {
    const ordinaryTo = chunk.length - MAX_ORDINARY_BYTES;
    let from = 0;
    while (from < chunk.length) {
      const next = carried === 0 && from <= ordinaryTo ? reader.readOrdinary(chunk, from) : 0;
      const end = next > 0 ? next - 1 : chunk.indexOf(NEWLINE, from);
      if (end < 0) {
        carried = append(carry, carried, chunk.subarray(from));
        break;
      }
      number += 1;
      if (next > 0) {
        scan.lines += 1;
        onLine(reader.line, number);
      } else if (carried === 0) take(chunk, from, end);
      else {
        take(carry, 0, append(carry, carried, chunk.subarray(from, end)));
        carried = 0;
      }
      from = end + 1;
    }
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

const WHOLE = String.raw`(\d{1,10})`;
const TIME = String.raw`(-?\d{1,15}(?:\.\d{1,15})?)`;
const LINE = new RegExp(
  `^([AFU]) ${WHOLE}:${WHOLE} ${TIME} ${TIME} ${TIME}(?: ${WHOLE} ${WHOLE} ${WHOLE})?$`,
);

class LineReader {
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
  #at = 0;

  /**
   * Reads the line that begins at `from`, where at least `MAX_ORDINARY_BYTES` are left. Returns the position behind its newline, or 0 where
   * it is no ordinary one: with a sign, a fraction or a very large number, or none of ours.
   */
  readOrdinary(bytes: Uint8Array, from: number): number {
    const letter = bytes[from];
    if (bytes[from + 1] !== SPACE) return 0;
    if (letter !== LETTER_A && letter !== LETTER_F && letter !== LETTER_U) return 0;
    this.#at = from + 2;
    const vu = this.#number(bytes, COLON);
    const n = this.#number(bytes, SPACE);
    const dueMs = this.#number(bytes, SPACE);
    const latMs = this.#number(bytes, SPACE);
    // Only an acknowledgement at the first attempt may leave the details out: anything else was cut short.
    const lagFrom = this.#at;
    let lagMs = this.#number(bytes, letter === LETTER_A ? NEWLINE : SPACE);
    let status = 0;
    let code = 0;
    let attempts = 1;
    if (letter !== LETTER_A || lagMs < 0) {
      this.#at = lagFrom;
      lagMs = this.#number(bytes, SPACE);
      status = this.#number(bytes, SPACE);
      code = this.#number(bytes, SPACE);
      attempts = this.#number(bytes, NEWLINE);
    }
    if (vu < 1 || n < 1 || dueMs < 0 || latMs < 0 || lagMs < 0 || status < 0 || code < 0 || attempts < 0)
      return 0;
    const { line } = this;
    line.outcome = letter === LETTER_A ? 'A' : letter === LETTER_F ? 'F' : 'U';
    line.vu = vu;
    line.n = n;
    line.dueMs = dueMs;
    line.latMs = latMs;
    line.lagMs = lagMs;
    line.status = status;
    line.code = code;
    line.attempts = attempts;
    return this.#at;
  }

  /** Moves behind the number here and the byte that has to follow it. -1 = it is none, too long, or something else follows. */
  #number(bytes: Uint8Array, follows: number): number {
    const from = this.#at;
    let at = from;
    let value = 0;
    let digit = bytes[at]! - ZERO;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      at += 1;
      digit = bytes[at]! - ZERO;
    }
    if (at === from || at - from > MAX_ORDINARY_DIGITS || digit + ZERO !== follows) return -1;
    this.#at = at + 1;
    return value;
  }

  /** Reads the line from `from` to `to`, its newline left out. False = it is none of ours, or was cut short. */
  readAny(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from >= MAX_LINE_BYTES) return false;
    const found = LINE.exec(String.fromCharCode(...bytes.subarray(from, to)));
    if (found === null || (found[1] !== 'A' && found[7] === undefined)) return false;
    const [vu = 0, n = 0, dueMs = 0, latMs = 0, lagMs = 0] = found.slice(2, 7).map(Number);
    const [status = 0, code = 0, attempts = 0] =
      found[7] === undefined ? [0, 0, 1] : found.slice(7).map(Number);
    if (vu < 1 || n < 1 || [vu, n, status, code, attempts].some((whole) => whole >= 2 ** 31)) return false;
    if ([dueMs, latMs, lagMs].some((timeMs) => Math.abs(timeMs) > MAX_TIME_MS)) return false;
    const outcome = found[1] === 'A' ? 'A' : found[1] === 'F' ? 'F' : 'U';
    Object.assign(this.line, { outcome, vu, n, dueMs, latMs, lagMs, status, code, attempts });
    return true;
  }
}
