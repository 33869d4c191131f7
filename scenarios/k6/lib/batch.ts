/**
 * The body of a write: `points` metrics as JSON, built once per virtual user and patched in place, since building it anew costs k6
 * more than sending it. Each write changes the first metric's sequence number, time and value; the other metrics keep theirs and get
 * a new time twice a minute, because patching a hundred times per write is too dear, and any time of the last minute is as good.
 * Every virtual user is a host of its own, so that no two of them write the same series. Pure.
 */

/** Digits of the sequence number. */
const SEQ_DIGITS = 12;
/** Digits of a time in milliseconds since the Unix epoch, until the year 2286. */
const TIME_DIGITS = 13;
/** Digits behind the decimal point of a value. */
const VALUE_DIGITS = 2;
/** Age at which all points get a new time, milliseconds. */
const REFRESH_MS = 30_000;

const ZERO = 48;

export interface BatchIdentity {
  runId: string;
  runner: string;
  vu: number;
  points: number;
}

/** A number of fixed width inside the body, zero when the body is built. */
interface Digits {
  at: number;
  width: number;
  value: number;
}

export class Batch {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #seq: Digits;
  readonly #value: Digits;
  readonly #firstTime: Digits;
  readonly #otherTimes: Digits[] = [];
  #refreshedMs = 0;

  /** Throws when a name has characters outside ASCII: a place in the text would not be a place in the bytes. */
  constructor({ runId, runner, vu, points }: BatchIdentity) {
    let text = '{"metrics":[';
    const digits = (width: number): Digits => {
      const place = { at: text.length, width, value: 0 };
      text += '0'.repeat(width);
      return place;
    };
    const host = `${runner}-${vu}`;

    text += '{"name":"proofload_load","timestamp":';
    this.#firstTime = digits(TIME_DIGITS);
    text += ',"value":1.';
    this.#value = digits(VALUE_DIGITS);
    text += ',"dimensions":{"seq":"';
    this.#seq = digits(SEQ_DIGITS);
    text += `",${JSON.stringify({ run_id: runId, runner, vu: String(vu), point: '0', host }).slice(1)}}`;
    for (let point = 1; point < points; point += 1) {
      text += ',{"name":"proofload_load","timestamp":';
      this.#otherTimes.push(digits(TIME_DIGITS));
      const dimensions = JSON.stringify({ run_id: runId, point: String(point), host });
      text += `,"value":${point}.5,"dimensions":${dimensions}}`;
    }
    text += ']}';

    this.#bytes = new TextEncoder().encode(text);
    if (this.#bytes.length !== text.length)
      throw new Error(`run "${runId}", runner "${runner}": names must be ASCII`);
  }

  /** The body of write `n` (1, 2, 3, ...) at `nowMs` since the Unix epoch. The buffer is the same each time. */
  body(n: number, nowMs: number): ArrayBuffer {
    this.#patch(this.#seq, n);
    this.#patch(this.#value, n % 100);
    this.#patch(this.#firstTime, nowMs);
    if (nowMs - this.#refreshedMs >= REFRESH_MS) {
      for (const time of this.#otherTimes) this.#patch(time, nowMs);
      this.#refreshedMs = nowMs;
    }
    return this.#bytes.buffer;
  }

  /** Writes only the digits that change: from the last one up to where both numbers agree. */
  #patch(digits: Digits, value: number): void {
    let left = value;
    let before = digits.value;
    for (let at = digits.at + digits.width - 1; at >= digits.at && left !== before; at -= 1) {
      const rest = Math.floor(left / 10);
      this.#bytes[at] = ZERO + (left - rest * 10);
      left = rest;
      before = Math.floor(before / 10);
    }
    digits.value = value;
  }
}
