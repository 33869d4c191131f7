/**
 * What the system owes its clients, and what it gave back. One bit per write: numbers are dense within a virtual user, so ten
 * million writes need a few megabytes. Rules (record/ledger.ts): a number without a line, up to one past the last of its
 * virtual user, is unknown, the one past only where the runner was cut short; everything that has a line ended as the line says.
 */
import { TypedFastBitSet } from 'typedfastbitset';
import type { StoredRange } from '../record/contract.ts';
import type { LedgerLine } from '../record/ledger.ts';

/** Names listed for each accusation; all are counted. */
const NAMED = 20;
/** No number is larger, whatever the runner is said to have sent: every number before it would need its bit. */
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
  readonly #limit: number;

  constructor(limit = NAMED) {
    this.#limit = limit;
  }

  add(write: NamedWrite, times = 1): void {
    this.count += times;
    const window = write.window ?? 'no time';
    this.byWindow[window] = (this.byWindow[window] ?? 0) + times;
    if (this.named.length < this.#limit) this.named.push(write);
  }
}

interface VuAccount {
  acknowledged: TypedFastBitSet;
  failed: TypedFastBitSet;
  seen: TypedFastBitSet;
  stored: TypedFastBitSet;
  /** Stored more than once. */
  again: TypedFastBitSet;
  last: number;
}

export type Accusation = 'lost' | 'duplicated' | 'failedStored';

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
  readonly #maxNumber: number;
  readonly #vus = new Map<number, VuAccount>();
  readonly #accused = new Map<number, Record<Accusation, TypedFastBitSet>>();
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
    const account = this.#vus.get(vu) ?? this.#open(vu);
    // Not checkedAdd(): in typedfastbitset 0.8.0 it loses the number that makes the set grow.
    if (account.seen.has(n)) {
      this.repeatedLines += 1;
      return;
    }
    account.seen.add(n);
    if (n > account.last) account.last = n;
    // A runner that opens its lanes one by one has at most one more than it showed.
    if (vu >= this.#maxVu) this.#maxVu = vu + 1;
    if (outcome === 'A') {
      this.acknowledged += 1;
      account.acknowledged.add(n);
    } else if (outcome === 'F') {
      this.failed += 1;
      account.failed.add(n);
    } else this.unknown += 1;
  }

  /** Numbers up to a virtual user's last one that left no line: cut off between send and line. */
  get gaps(): number {
    let gaps = 0;
    for (const { last, seen } of this.#vus.values()) gaps += last - seen.size();
    return gaps;
  }

  /**
   * What the system holds; what was never attempted goes to `phantom`. After all lines. `cutShort`: the runner was ended while it wrote, so
   * each virtual user may have sent one write that has no line.
   */
  addStored(range: Omit<StoredRange, 'runner'>, cutShort: boolean, phantom: Accused): void {
    const { vu, from, to, copies } = range;
    const known = this.#vus.get(vu);
    const inFlight = cutShort && (known !== undefined || vu <= this.#maxVu) ? 1 : 0;
    const limit = (known?.last ?? 0) + inFlight;
    if (to > limit) this.#addPhantoms(vu, Math.max(from, limit + 1), to, phantom);
    if (from > limit) return;
    const account = known ?? this.#open(vu);
    for (let n = from; n <= Math.min(to, limit); n += 1) {
      if (copies > 1 || account.stored.has(n)) account.again.add(n);
      account.stored.add(n);
    }
  }

  #addPhantoms(vu: number, from: number, to: number, phantom: Accused): void {
    const each = Math.min(to, from + NAMED - 1);
    for (let n = from; n <= each; n += 1) phantom.add({ id: this.id(vu, n), endedAtMs: null, window: null });
    if (to > each) phantom.add({ id: this.id(vu, to), endedAtMs: null, window: null }, to - each);
  }

  /** Compares. `whole` = everything that is stored was added: only then is an absent write lost. */
  settle(whole: boolean): StoredCounts {
    let [stored, unknownStored, unknownAbsent] = [0, 0, 0];
    for (const [vu, account] of this.#vus) {
      const { acknowledged, failed, seen, last } = account;
      const certain = acknowledged.size() + failed.size();
      const held = account.stored.size();
      const certainHeld =
        account.stored.intersection_size(acknowledged) + account.stored.intersection_size(failed);
      stored += held;
      unknownStored += held - certainHeld;
      // Of the numbers one past the last, only those that turned up are counted: the others may never have been sent.
      const inFlight = account.stored.has(last + 1) && !seen.has(last + 1) ? 1 : 0;
      unknownAbsent += last + inFlight - certain - (held - certainHeld);
      const accused = {
        lost: whole ? acknowledged.new_difference(account.stored) : new TypedFastBitSet(),
        duplicated: account.again,
        failedStored: failed.new_intersection(account.stored),
      };
      if (!accused.lost.isEmpty() || !accused.duplicated.isEmpty() || !accused.failedStored.isEmpty())
        this.#accused.set(vu, accused);
    }
    return { stored, unknownStored, unknownAbsent };
  }

  /** Is this write accused? The answer is yes once: every identity is named one time. */
  takeAccused(accusation: Accusation, vu: number, n: number): boolean {
    const accused = this.#accused.get(vu)?.[accusation];
    if (accused === undefined || !accused.has(n)) return false;
    accused.remove(n);
    return true;
  }

  get anyAccused(): boolean {
    return this.#accused.size > 0;
  }

  /** Identities that are still accused after every line was asked about: they have none. */
  *remaining(accusation: Accusation): Generator<string> {
    for (const [vu, accused] of this.#accused) for (const n of accused[accusation]) yield this.id(vu, n);
  }

  id(vu: number, n: number): string {
    return `${this.runner}/${vu}:${n}`;
  }

  #open(vu: number): VuAccount {
    const account = {
      acknowledged: new TypedFastBitSet(),
      failed: new TypedFastBitSet(),
      seen: new TypedFastBitSet(),
      stored: new TypedFastBitSet(),
      again: new TypedFastBitSet(),
      last: 0,
    };
    this.#vus.set(vu, account);
    return account;
  }
}
