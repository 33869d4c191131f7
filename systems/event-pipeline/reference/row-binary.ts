/**
 * Rows in ClickHouse's RowBinary format: columns one after the other, integers little endian, a string as its length in LEB128 and its
 * bytes, DateTime64(3) as Int64 milliseconds, UUID as two UInt64 (https://clickhouse.com/docs/interfaces/formats/RowBinary).
 */

const GROWTH = 2;

export class RowBuffer {
  #bytes: Buffer;
  #at = 0;

  /** @param sizeBytes to start with; it grows */
  constructor(sizeBytes: number) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  get sizeBytes(): number {
    return this.#at;
  }

  /** What was written so far. A view: what is written later may or may not show in it. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Takes back what was written after this size. */
  truncate(sizeBytes: number): void {
    this.#at = sizeBytes;
  }

  string(text: string): void {
    // A character is three bytes at most, a length five.
    this.#reserve(text.length * 3 + 5);
    if (text.length < 43) {
      // At most 128 bytes: the usual length takes one byte, so the text can go to its place at once.
      const length = this.#bytes.write(text, this.#at + 1, 'utf8');
      if (length < 128) {
        this.#bytes[this.#at] = length;
        this.#at += length + 1;
        return;
      }
    }
    this.#length(Buffer.byteLength(text));
    this.#at += this.#bytes.write(text, this.#at, 'utf8');
  }

  /** @param ms since the Unix epoch, as DateTime64(3) */
  milliseconds(ms: number): void {
    this.#reserve(8);
    const high = Math.floor(ms / 2 ** 32);
    this.#bytes.writeUInt32LE(ms - high * 2 ** 32, this.#at);
    this.#bytes.writeInt32LE(high, this.#at + 4);
    this.#at += 8;
  }

  /** @param text 8-4-4-4-12 hexadecimal digits, checked before */
  uuid(text: string): void {
    this.#reserve(16);
    // Each half is written from its last byte to its first.
    let to = this.#at + 7;
    for (let from = 0; from < 36; from += 2) {
      if (text.charCodeAt(from) === DASH) from += 1;
      this.#bytes[to] = (digit(text.charCodeAt(from)) << 4) | digit(text.charCodeAt(from + 1));
      to = to === this.#at ? this.#at + 15 : to - 1;
    }
    this.#at += 16;
  }

  #length(value: number): void {
    let left = value;
    while (left >= 128) {
      this.#bytes[this.#at] = (left & 127) | 128;
      this.#at += 1;
      left >>>= 7;
    }
    this.#bytes[this.#at] = left;
    this.#at += 1;
  }

  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * GROWTH, this.#at + sizeBytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

const DASH = 45;

/** Of the character codes 0-9, A-F and a-f. */
function digit(code: number): number {
  return code < 58 ? code - 48 : (code | 32) - 87;
}
