/**
 * One byte for each write of a runner. A virtual user's numbers are dense, so they are kept in small pages, all in one array: a hundred
 * million writes cost about a hundred megabytes, a million virtual users with a write or two each not much more than their names, and a
 * number that is damaged one page.
 */
const PAGE_BITS = 5;
const PAGE_BYTES = 1 << PAGE_BITS;

interface VuMarks {
  readonly vu: number;
  /** Highest number that has a line; 0 = none has. */
  last: number;
  /** Where each page of its numbers begins; a hole where none of a page was marked. */
  readonly pages: number[];
}

export class LedgerMarks {
  #bytes = new Uint8Array(1024 * PAGE_BYTES);
  #used = 0;
  readonly #vus = new Map<number, VuMarks>();

  /** The virtual user's marks, or undefined where it has none. */
  find(vu: number): VuMarks | undefined {
    return this.#vus.get(vu);
  }

  /** The same, made where there are none. */
  open(vu: number): VuMarks {
    const known = this.#vus.get(vu);
    if (known !== undefined) return known;
    const fresh = { vu, last: 0, pages: [this.#newPage()] };
    this.#vus.set(vu, fresh);
    return fresh;
  }

  /** Mark of a number; 0 where it was never set. */
  get({ pages }: VuMarks, n: number): number {
    const page = pages[n >>> PAGE_BITS];
    return page === undefined ? 0 : this.#bytes[page + (n & (PAGE_BYTES - 1))]!;
  }

  set({ pages }: VuMarks, n: number, mark: number): void {
    const page = (pages[n >>> PAGE_BITS] ??= this.#newPage());
    this.#bytes[page + (n & (PAGE_BYTES - 1))] = mark;
  }

  /** Every number whose mark is not 0: virtual users in the order in which they were opened, numbers upwards. */
  *entries(): Generator<{ vu: number; n: number; mark: number }> {
    for (const { vu, pages } of this.#vus.values())
      // By its keys: a damaged number leaves a hole of any length.
      for (const key of Object.keys(pages)) {
        const index = Number(key);
        const page = pages[index]!;
        for (let offset = 0; offset < PAGE_BYTES; offset += 1) {
          const mark = this.#bytes[page + offset]!;
          if (mark !== 0) yield { vu, n: index * PAGE_BYTES + offset, mark };
        }
      }
  }

  #newPage(): number {
    const page = this.#used;
    this.#used += PAGE_BYTES;
    if (this.#used > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return page;
  }
}
