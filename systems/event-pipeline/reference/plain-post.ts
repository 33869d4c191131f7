/**
 * Reads the usual POST straight from its bytes, since JSON.parse and what it leaves to the garbage collector cost more than all the rest that
 * is done with an event. Usual is `{"project_id":"p","batch":[...]}` in ASCII without blanks and backslashes, with up to 100 events of one
 * user, each with `event`, `distinct_id`, `uuid`, `timestamp` and at most `properties` besides, all of them texts. What is not plain may be
 * right or wrong: JSON.parse and event.ts have to say. What is plain they would take, too.
 */
import {
  MAX_BATCH,
  MAX_NAME,
  MAX_PROJECT_ID,
  MAX_PROPERTIES,
  MAX_PROPERTIES_BYTES,
  MAX_TIMESTAMP,
} from './event.ts';

/** Of a text: its first byte, and the one behind its last. */
export interface Place {
  from: number;
  to: number;
}

const [QUOTE, COMMA, DASH, BACKSLASH, OPEN, CLOSE] = [34, 44, 45, 92, 123, 125];
const [E, D, U, T, P] = [101, 100, 117, 116, 112];
const START = Buffer.from('{"project_id":"');
const BATCH = Buffer.from(',"batch":[');
const END = Buffer.from(']}');
const EVENT = Buffer.from('"event":"');
const DISTINCT_ID = Buffer.from('"distinct_id":"');
const UUID = Buffer.from('"uuid":"');
const TIMESTAMP = Buffer.from('"timestamp":"');
const PROPERTIES = Buffer.from('"properties":{');
const BETWEEN = Buffer.from(':"');
const UUID_LENGTH = 36;
/** One bit for each field that was seen; the first four have to be there. */
const NEEDED = 0b1111;

/** 1 for what may be in a text: printable ASCII without `"` and `\`. */
const IS_TEXT = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 32 && byte <= 126 && byte !== QUOTE && byte !== BACKSLASH),
);
const IS_HEX = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(/[0-9a-f]/i.test(String.fromCharCode(byte))),
);

export class PlainPost {
  readonly bytes: Buffer;
  readonly project: Place = { from: 0, to: 0 };
  readonly user: Place = { from: 0, to: 0 };
  /** Of the event that was read last. */
  readonly event: Place = { from: 0, to: 0 };
  readonly uuid: Place = { from: 0, to: 0 };
  readonly timestamp: Place = { from: 0, to: 0 };
  /** With its braces; from 0 to 0 when there are none. */
  readonly properties: Place = { from: 0, to: 0 };
  readonly #other: Place = { from: 0, to: 0 };
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Whether all of it is plain. Calls `each` for every event, as long as it says true. Only once. */
  read(each: () => boolean): boolean {
    if (!this.#skip(START) || !this.#text(this.project, 0, MAX_PROJECT_ID) || !this.#skip(BATCH))
      return false;
    for (let count = 1; count <= MAX_BATCH; count += 1) {
      if (!this.#event() || !each()) return false;
      if (this.bytes[this.#at] !== COMMA) return this.#skip(END) && this.#at === this.bytes.length;
      this.#at += 1;
    }
    return false;
  }

  textOf({ from, to }: Place): string {
    return this.bytes.toString('latin1', from, to);
  }

  isSame(one: Place, other: Place): boolean {
    const { bytes } = this;
    const length = one.to - one.from;
    if (other.to - other.from !== length) return false;
    for (let at = 0; at < length; at += 1) if (bytes[one.from + at] !== bytes[other.from + at]) return false;
    return true;
  }

  #event(): boolean {
    if (this.bytes[this.#at] !== OPEN) return false;
    this.properties.from = this.properties.to = 0;
    let seen = 0;
    do {
      this.#at += 1;
      const bit = this.#field();
      if (bit === 0 || (seen & bit) !== 0) return false;
      seen |= bit;
    } while (this.bytes[this.#at] === COMMA);
    if ((seen & NEEDED) !== NEEDED || this.bytes[this.#at] !== CLOSE) return false;
    this.#at += 1;
    return true;
  }

  /** The bit of the field that was read, 0 for one that is not plain. No two names begin with the same letter. */
  #field(): number {
    switch (this.bytes[this.#at + 1]) {
      case E:
        return this.#skip(EVENT) && this.#text(this.event, 1, MAX_NAME) ? 1 : 0;
      case D:
        return this.#skip(DISTINCT_ID) && this.#user() ? 2 : 0;
      case U:
        return this.#skip(UUID) && this.#uuid() ? 4 : 0;
      case T:
        return this.#skip(TIMESTAMP) && this.#text(this.timestamp, 0, MAX_TIMESTAMP) ? 8 : 0;
      case P:
        return this.#properties() ? 16 : 0;
      default:
        return 0;
    }
  }

  #user(): boolean {
    if (this.user.to === 0) return this.#text(this.user, 1, MAX_NAME);
    return this.#text(this.#other, 1, MAX_NAME) && this.isSame(this.user, this.#other);
  }

  #uuid(): boolean {
    const { bytes } = this;
    const from = this.#at;
    for (let at = 0; at < UUID_LENGTH; at += 1) {
      const isDash = at === 8 || at === 13 || at === 18 || at === 23;
      const byte = bytes[from + at] ?? 0;
      if (isDash ? byte !== DASH : IS_HEX[byte] !== 1) return false;
    }
    this.uuid.from = from;
    this.uuid.to = from + UUID_LENGTH;
    this.#at = from + UUID_LENGTH + 1;
    return bytes[this.uuid.to] === QUOTE;
  }

  #properties(): boolean {
    if (!this.#skip(PROPERTIES)) return false;
    const from = this.#at - 1;
    let keys = 0;
    if (this.bytes[this.#at] === QUOTE) {
      this.#at -= 1;
      do {
        this.#at += 1;
        keys += 1;
        if (this.bytes[this.#at] !== QUOTE) return false;
        this.#at += 1;
        if (!this.#text(this.#other, 0, MAX_PROPERTIES_BYTES) || !this.#skip(BETWEEN)) return false;
        if (!this.#text(this.#other, 0, MAX_PROPERTIES_BYTES)) return false;
      } while (this.bytes[this.#at] === COMMA);
    }
    if (this.bytes[this.#at] !== CLOSE) return false;
    this.#at += 1;
    this.properties.from = from;
    this.properties.to = this.#at;
    return keys <= MAX_PROPERTIES && this.#at - from <= MAX_PROPERTIES_BYTES;
  }

  /** Up to its closing quote, which is left behind. */
  #text(place: Place, min: number, max: number): boolean {
    const { bytes } = this;
    const from = this.#at;
    let at = from;
    while (at < bytes.length && IS_TEXT[bytes[at] ?? 0] === 1) at += 1;
    place.from = from;
    place.to = at;
    this.#at = at + 1;
    return bytes[at] === QUOTE && at - from >= min && at - from <= max;
  }

  #skip(expected: Buffer): boolean {
    const { bytes } = this;
    const from = this.#at;
    for (let at = 0; at < expected.length; at += 1) if (bytes[from + at] !== expected[at]) return false;
    this.#at = from + expected.length;
    return true;
  }
}
