/**
 * Which journey an event is sent to. The harness says which journeys are there (`AIM`, from the ledger of the load before: acknowledged ones
 * only) as `<runner> <vu>:<from>-<to>,<vu>:<from>-<to>;<runner> ...`, and they are counted 0, 1, 2, ... in that order. The event with number m
 * (1, 2, ...) of virtual user v of K aims at journey g = (m - 1) x K + (v - 1): no two events of one load aim at the same. Virtual users
 * that are held up leave journeys out while others count on: the harness sees to twice as many journeys as the load has events. Pure.
 */
export interface Journey {
  runner: string;
  vu: number;
  n: number;
}

interface Span {
  runner: string;
  vu: number;
  from: number;
  /** Journeys in all spans before this one. */
  before: number;
}

export class Aim {
  readonly count: number;
  readonly #spans: Span[] = [];

  /** Throws for a text that is none. */
  constructor(text: string) {
    let before = 0;
    for (const part of text.split(';')) {
      const [runner = '', ranges = ''] = part.split(' ');
      for (const range of ranges.split(',')) {
        const [vu = 0, from = 0, to = 0] = (/^(\d+):(\d+)-(\d+)$/.exec(range) ?? []).slice(1).map(Number);
        if (runner === '' || vu < 1 || from < 1 || to < from)
          throw new Error(`AIM: "${range}" of "${runner}" is no range`);
        this.#spans.push({ runner, vu, from, before });
        before += to - from + 1;
      }
    }
    this.count = before;
  }

  /** Null when there are not so many journeys. */
  at(m: number, v: number, k: number): Journey | null {
    const g = (m - 1) * k + (v - 1);
    if (g < 0 || g >= this.count) return null;
    let low = 0;
    let high = this.#spans.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#spans[middle]?.before ?? 0) <= g) low = middle;
      else high = middle - 1;
    }
    const span = this.#spans[low];
    return span === undefined ? null : { runner: span.runner, vu: span.vu, n: span.from + g - span.before };
  }
}
