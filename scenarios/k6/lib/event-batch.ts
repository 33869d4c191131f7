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
const HEX = new Uint8Array(Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0)));

export class EventBatch {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Where each event's uuid and time begin. */
  readonly #uuids: number[] = [];
  readonly #times: number[] = [];
  #n = 0;
  #refreshedMs = -Infinity;

  /** Throws when a name has characters outside ASCII: a place in the text would not be a place in the bytes. */
  constructor({ runId, runner, vu, points }: BatchIdentity) {
    let text = `{"project_id":${JSON.stringify(runId)},"batch":[`;
    const user = JSON.stringify(`${runner}:${vu}`);
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
    for (let point = 0; point < points; point += 1) {
      text += `${point === 0 ? '' : ','}{"event":"proofload_load","distinct_id":${user},"uuid":"`;
      this.#uuids.push(text.length);
      text += `00000000-0000-8${hex(point, 3)}-8${hex(points, 3)}-${hex(vu, 12)}","timestamp":"`;
      this.#times.push(text.length);
      text += `${new Date(0).toISOString()}","properties":{"path":"/page/${point}"}}`;
    }
    text += ']}';
    this.#bytes = new TextEncoder().encode(text);
    if (this.#bytes.length !== text.length)
      throw new Error(`run "${runId}", runner "${runner}": names must be ASCII`);
  }

  /** The body of write `n` (1, 2, 3, ...) at `nowMs` since the Unix epoch. The buffer is the same each time. */
  body(n: number, nowMs: number): ArrayBuffer {
    let left = n;
    let before = this.#n;
    for (let digit = N_DIGITS - 1; digit >= 0 && left !== before; digit -= 1) {
      const rest = Math.floor(left / 16);
      const code = HEX[left - rest * 16] ?? 0;
      const offset = digit < FIRST_GROUP ? digit : digit + 1;
      for (const at of this.#uuids) this.#bytes[at + offset] = code;
      left = rest;
      before = Math.floor(before / 16);
    }
    this.#n = n;
    if (nowMs - this.#refreshedMs >= REFRESH_MS) {
      const time = new TextEncoder().encode(new Date(nowMs).toISOString());
      for (const at of this.#times) this.#bytes.set(time, at);
      this.#refreshedMs = nowMs;
    }
    return this.#bytes.buffer;
  }
}
