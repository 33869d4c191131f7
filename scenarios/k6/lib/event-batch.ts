/**
 * The body of a POST of events: `points` events of one user as JSON, built once per virtual user and patched in place, since building it anew
 * costs k6 more than sending it. A write changes the digits of its number in every event's uuid, of which one or two differ from the write
 * before; times are renewed twice a minute. systems/event-pipeline/identity.ts says what the uuid holds; a test holds the two together. Pure.
 */
import type { BatchIdentity } from './batch.ts';

/** Age at which all events get a new time, milliseconds. */
const REFRESH_MS = 30_000;
/** Hexadecimal digits of the write's number, with a dash behind the eighth. */
const N_DIGITS = 12;
const FIRST_GROUP = 8;
/** Of `nnnnnnnn-nnnn-8ppp`. */
const UUID_OWN_LENGTH = 18;
const NO_TIME = new Date(0).toISOString();
const HEX = new Uint8Array(Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0)));

export class EventBatch {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Events are of one length: where the uuid and the time of the first begin, and how far it is to the next. */
  readonly #uuid: number;
  readonly #time: number;
  readonly #step: number;
  #n = 0;
  #refreshedMs = -Infinity;

  /** Throws when a name has characters outside ASCII: a place in the text would not be a place in the bytes. */
  constructor({ runId, runner, vu, points }: BatchIdentity) {
    const head = `{"project_id":${JSON.stringify(runId)},"batch":[`;
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
    const before = `{"event":"proofload_load","distinct_id":${JSON.stringify(`${runner}:${vu}`)},"uuid":"`;
    const after = `-8${hex(points, 3)}-${hex(vu, 12)}","timestamp":"`;
    const events = Array.from({ length: points }, (_, point) => {
      const path = `/page/${String(point).padStart(String(points - 1).length, '0')}`;
      return `${before}00000000-0000-8${hex(point, 3)}${after}${NO_TIME}","properties":{"path":"${path}"}}`;
    });
    const text = `${head}${events.join(',')}]}`;
    this.#uuid = head.length + before.length;
    this.#time = this.#uuid + UUID_OWN_LENGTH + after.length;
    this.#step = (events[0]?.length ?? 0) + 1;
    this.#bytes = new TextEncoder().encode(text);
    if (this.#bytes.length !== text.length)
      throw new Error(`run "${runId}", runner "${runner}": names must be ASCII`);
  }

  /** The body of write `n` (1, 2, 3, ...) at `nowMs` since the Unix epoch. The buffer is the same each time. */
  body(n: number, nowMs: number): ArrayBuffer {
    const bytes = this.#bytes;
    const end = bytes.length;
    const step = this.#step;
    let left = n;
    let before = this.#n;
    for (let digit = N_DIGITS - 1; digit >= 0 && left !== before; digit -= 1) {
      const rest = Math.floor(left / 16);
      const code = HEX[left - rest * 16] ?? 0;
      const offset = digit < FIRST_GROUP ? digit : digit + 1;
      // No loop over an array of places: in k6 that makes an object for each.
      for (let at = this.#uuid + offset; at < end; at += step) bytes[at] = code;
      left = rest;
      before = Math.floor(before / 16);
    }
    this.#n = n;
    if (nowMs - this.#refreshedMs >= REFRESH_MS) {
      const time = new TextEncoder().encode(new Date(nowMs).toISOString());
      for (let at = this.#time; at < end; at += step) bytes.set(time, at);
      this.#refreshedMs = nowMs;
    }
    return bytes.buffer;
  }
}
