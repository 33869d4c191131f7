/**
 * What the system owes its clients, and what it gave back. Rules (record/ledger.ts): a number without a line, up to one past the last of
 * its virtual user, is unknown, the one past only where the runner was cut short; everything that has a line ended as the line says.
 */
import type { StoredRange } from '../record/contract.ts';
import type { LedgerLine } from '../record/ledger.ts';
import { LedgerMarks } from './ledger-marks.ts';
import type { WholeRange } from './stored-scan.ts';

/** Names listed for each accusation; all are counted. */
const NAMED = 20;
/** No number is larger, whatever the runner is said to have sent: a damaged number makes every one before it unknown. */
const MAX_NUMBER = 16_000_000;
/** Lines with an impossible number that are named. */
const LINES_NAMED = 5;

export interface NamedWrite {
  /** `runner/vu:n` */
  id: string;
  /** End of its last attempt on the run's clock; null where it left no line. */
  endedAtMs: number | null;
  /** The fault in whose window that was, or `outside`; null without a time. */
  window: string | null;
}

/** Writes accused of one thing: all counted, the first ones named. */
export class Accused {
  count = 0;
  readonly named: NamedWrite[] = [];
  /** By the window in which they ended. */
  readonly byWindow: Record<string, number> = {};
  /** Of those with a time: the first and the last end on the run's clock, ms, by window. */
  readonly spans: Record<string, [firstMs: number, lastMs: number]> = {};
  readonly #limit: number;

  constructor(limit = NAMED) {
    this.#limit = limit;
  }

  add(write: NamedWrite, times = 1): void {
    this.count += times;
    const window = write.window ?? 'no time';
    this.byWindow[window] = (this.byWindow[window] ?? 0) + times;
    if (this.named.length < this.#limit) this.named.push(write);
    if (write.endedAtMs === null) return;
    const [firstMs, lastMs] = this.spans[window] ?? [write.endedAtMs, write.endedAtMs];
    this.spans[window] = [Math.min(firstMs, write.endedAtMs), Math.max(lastMs, write.endedAtMs)];
  }
}

/** The mark of a write: how its first line ended (none = it has no line) ... */
const ACKNOWLEDGED = 1;
const FAILED = 2;
const UNKNOWN = 3;
const ENDED = 3;
/**
 * ... that the system holds it, holds it more than once, and that its accusations were taken; that it holds a part of it, and that it holds it
 * among its dead letters.
 */
const STORED = 4;
const AGAIN = 8;
const TAKEN = 16;
const PART = 32;
const DEAD = 64;
const HELD = STORED | DEAD;

export type Accusation = 'lost' | 'duplicated' | 'failedStored';
const NOTHING: readonly Accusation[] = [];

export interface StoredCounts {
  /** Different identities that the system holds, phantoms apart. */
  stored: number;
  unknownStored: number;
  unknownAbsent: number;
}

/** The account of one runner. Lines first, then what is stored, then `settle`, then who is accused. */
export class RunnerAccount {
  readonly runner: string;
  acknowledged = 0;
  failed = 0;
  /** Ended `U`. */
  unknown = 0;
  /** Identities with more than one line: the ledger itself is wrong. */
  repeatedLines = 0;
  /** Lines whose number cannot be right; they are left out. */
  impossible = 0;
  /** Where the first of them are in the file. */
  readonly impossibleAt: number[] = [];
  /** Acknowledged, and held among the dead letters alone. */
  deadLetters = 0;
  /** Failed, and held in part alone. */
  failedInPart = 0;
  readonly #maxNumber: number;
  readonly #marks = new LedgerMarks();
  /** Of all virtual users: the sum of their last numbers, and how many stored numbers are past the last of theirs. */
  #lastNumbers = 0;
  #pastLast = 0;
  #stored = 0;
  #acknowledgedStored = 0;
  #failedStored = 0;
  /** Stored more than once, and not taken yet. */
  #duplicated = 0;
  /** Everything that is stored was added: only then is an absent write lost. */
  #whole = false;
  /** Up to this virtual user, one without a line may have its first write in flight. */
  #maxVu: number;

  /**
   * @param vus virtual users that the runner was started with
   * @param writes as many as the runner can have sent: no virtual user can have counted further
   */
  constructor(runner: string, vus: number, writes: number) {
    this.runner = runner;
    this.#maxVu = vus;
    this.#maxNumber = Math.min(MAX_NUMBER, writes);
  }

  /** @param lineNumber where the line is in its file, from 1 */
  add({ outcome, vu, n }: LedgerLine, lineNumber: number): void {
    if (!Number.isInteger(n) || n < 1 || n > this.#maxNumber) {
      this.impossible += 1;
      if (this.impossibleAt.length < LINES_NAMED) this.impossibleAt.push(lineNumber);
      return;
    }
    const user = this.#marks.open(vu);
    if (this.#marks.get(user, n) !== 0) {
      this.repeatedLines += 1;
      return;
    }
    if (n > user.last) {
      this.#lastNumbers += n - user.last;
      user.last = n;
    }
    // A runner that opens its lanes one by one has at most one more than it showed.
    if (vu >= this.#maxVu) this.#maxVu = vu + 1;
    if (outcome === 'A') this.acknowledged += 1;
    else if (outcome === 'F') this.failed += 1;
    else this.unknown += 1;
    this.#marks.set(user, n, outcome === 'A' ? ACKNOWLEDGED : outcome === 'F' ? FAILED : UNKNOWN);
  }

  /** Numbers up to a virtual user's last one that left no line: cut off between send and line. */
  get gaps(): number {
    return this.#lastNumbers - this.acknowledged - this.failed - this.unknown;
  }

  /**
   * What the system holds; what was never attempted goes to `phantom`. After all lines. `mayBeInFlight`: each
   * virtual user may have sent one write that has no line. A dead letter of what is stored as well is no second copy.
   */
  addStored(range: WholeRange, mayBeInFlight: boolean, phantom: Accused): void {
    const { vu, from, to, copies } = range;
    const limit = this.#addPhantoms(range, mayBeInFlight, phantom);
    if (from > limit) return;
    const place = range.form === 'dead' ? DEAD : STORED;
    const user = this.#marks.find(vu) ?? this.#marks.open(vu);
    for (let n = from; n <= Math.min(to, limit); n += 1) {
      const mark = this.#marks.get(user, n);
      const ended = mark & ENDED;
      const again = copies > 1 || (mark & place) !== 0;
      if (again && (mark & AGAIN) === 0) this.#duplicated += 1;
      if ((mark & HELD) === 0) {
        this.#stored += 1;
        if (ended === ACKNOWLEDGED) this.#acknowledgedStored += 1;
        if (ended === FAILED) this.#failedStored += 1;
        if ((mark & PART) !== 0) this.failedInPart -= 1;
        if (n > user.last) this.#pastLast += 1;
        if (ended === ACKNOWLEDGED && place === DEAD) this.deadLetters += 1;
      } else if (ended === ACKNOWLEDGED && place === STORED && (mark & HELD) === DEAD) this.deadLetters -= 1;
      this.#marks.set(user, n, mark | place | (again ? AGAIN : 0));
    }
  }

  /** The same for writes of which it holds a part: of a failed one that is too much, and any other is as absent as without it. */
  addPart(range: Omit<StoredRange, 'runner'>, mayBeInFlight: boolean, phantom: Accused): void {
    const last = Math.min(range.to, this.#addPhantoms(range, mayBeInFlight, phantom));
    const user = this.#marks.find(range.vu);
    if (user === undefined) return;
    for (let n = range.from; n <= last; n += 1) {
      const mark = this.#marks.get(user, n);
      if ((mark & ENDED) !== FAILED || (mark & (HELD | PART)) !== 0) continue;
      this.failedInPart += 1;
      this.#marks.set(user, n, mark | PART);
    }
  }

  /** Returns the number of the last write that its virtual user may have attempted; what is past it goes to `phantom`. */
  #addPhantoms(
    range: Pick<StoredRange, 'vu' | 'from' | 'to'>,
    mayBeInFlight: boolean,
    phantom: Accused,
  ): number {
    const { vu, to } = range;
    const known = this.#marks.find(vu);
    const inFlight = mayBeInFlight && (known !== undefined || vu <= this.#maxVu) ? 1 : 0;
    const limit = (known?.last ?? 0) + inFlight;
    const from = Math.max(range.from, limit + 1);
    const each = Math.min(to, from + NAMED - 1);
    for (let n = from; n <= each; n += 1) phantom.add({ id: this.id(vu, n), endedAtMs: null, window: null });
    if (to > each) phantom.add({ id: this.id(vu, to), endedAtMs: null, window: null }, to - each);
    return limit;
  }

  /** Compares. `whole` = everything that is stored was added: only then is an absent write lost. */
  settle(whole: boolean): StoredCounts {
    this.#whole = whole;
    const unknownStored = this.#stored - this.#acknowledgedStored - this.#failedStored;
    // Of the numbers one past the last, only those that turned up are counted: the others may never have been sent.
    const unknown = this.unknown + this.gaps + this.#pastLast;
    return { stored: this.#stored, unknownStored, unknownAbsent: unknown - unknownStored };
  }

  /** What a write is accused of. The answer is given once: every identity is named one time. */
  takeAccusations(vu: number, n: number): readonly Accusation[] {
    const user = this.#marks.find(vu);
    const mark = user === undefined ? 0 : this.#marks.get(user, n);
    const ended = mark & ENDED;
    const lost = this.#whole && ended === ACKNOWLEDGED && (mark & HELD) === 0;
    const failedStored = ended === FAILED && (mark & (HELD | PART)) !== 0;
    const duplicated = (mark & AGAIN) !== 0;
    if (user === undefined || (mark & TAKEN) !== 0 || (!lost && !failedStored && !duplicated)) return NOTHING;
    this.#marks.set(user, n, mark | TAKEN);
    if (duplicated) this.#duplicated -= 1;
    return [
      ...(lost ? (['lost'] as const) : []),
      ...(failedStored ? (['failedStored'] as const) : []),
      ...(duplicated ? (['duplicated'] as const) : []),
    ];
  }

  get anyAccused(): boolean {
    const lost = this.#whole && this.acknowledged > this.#acknowledgedStored;
    return lost || this.#failedStored + this.failedInPart > 0 || this.#duplicated > 0;
  }

  /** Identities stored more than once that were not taken after every line was asked about: they have none. */
  *duplicatedWithoutLine(): Generator<string> {
    if (this.#duplicated === 0) return;
    for (const { vu, n, mark } of this.#marks.entries())
      if ((mark & AGAIN) !== 0 && (mark & TAKEN) === 0) yield this.id(vu, n);
  }

  id(vu: number, n: number): string {
    return `${this.runner}/${vu}:${n}`;
  }
}
