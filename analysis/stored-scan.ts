/** Reads `ledger/<runner>.stored` (record/ledger.ts has the format): what the system gave back, in ranges of identities. */
import type { StoredRange } from '../record/contract.ts';
import { append } from './ledger-scan.ts';

const MAX_LINE_BYTES = 64;
const NEWLINE = 10;
const RANGE = /^(\d{1,10}):(\d{1,10})-(\d{1,10})(?: x(\d{1,9}))?(?: (part|dead))?$/;
/** Numbers of the ledger are below this (analysis/ledger-scan.ts). */
const MAX_IDENTITY = 2 ** 31;
/** One line cannot speak of more identities than a run can write: a longer range is damage, and would cost memory. */
const MAX_RANGE = 200_000_000;
/** Nine digits in a line. */
const MAX_COPIES = 999_999_999;

/** Whether a range can be one of writes. */
function isStoredRange({ vu, from, to, copies }: Omit<StoredRange, 'runner'>): boolean {
  return (
    [vu, from, to, copies].every((value) => Number.isInteger(value) && value >= 1) &&
    from <= to &&
    Math.max(vu, to) < MAX_IDENTITY &&
    to - from < MAX_RANGE &&
    copies <= MAX_COPIES
  );
}

/**
 * What a store answered, as ranges that a file can hold: `within`, what a ledger can hold too, and `beyond`, which nobody can have written (number
 * 0, a flipped bit), brought within the bounds. Null = it is no range at all.
 */
export function splitStored<R extends Omit<StoredRange, 'runner'>>(
  range: R,
): { within: R | null; beyond: R | null } | null {
  const { vu, from, to, copies } = range;
  const isRange = [vu, from, to].every((value) => Number.isInteger(value) && value >= 0) && from <= to;
  if (!isRange || !Number.isInteger(copies) || copies < 1 || copies > MAX_COPIES) return null;
  const low = Math.max(1, from);
  const high = Math.min(to, MAX_IDENTITY - 1, low + MAX_RANGE - 1);
  const within = { ...range, from: low, to: high };
  const isWithin = isStoredRange(within);
  const count = Math.min(MAX_RANGE, to - from + 1 - (isWithin ? high - low + 1 : 0));
  // The writes before a whole rest are the number 0 alone.
  const last = isWithin && high === to ? 0 : to;
  const end = Math.max(count, Math.min(last, MAX_IDENTITY - 1));
  const user = Math.min(Math.max(1, vu), MAX_IDENTITY - 1);
  const beyond = { ...range, vu: user, from: end - count + 1, to: end };
  return { within: isWithin ? within : null, beyond: count > 0 ? beyond : null };
}

/** Of writes that are there whole. */
export interface WholeRange extends Omit<StoredRange, 'runner' | 'form'> {
  form?: 'dead';
}

export interface StoredScan {
  /** It ends with `end`, and nothing in it is damaged. Only then may a missing write be called lost. */
  complete: boolean;
  /** Why it is not complete, or empty. */
  why: string;
}

/**
 * Calls `onRange` for every well-formed line: identities `from` to `to` of `vu`, `copies` times each. `onPart` gets those of which only a part is
 * there: no write of theirs is stored.
 */
export function scanStored(
  chunks: Iterable<Uint8Array>,
  onRange: (range: WholeRange) => void,
  onPart?: (range: Omit<StoredRange, 'runner' | 'form'>) => void,
): StoredScan {
  const carry = new Uint8Array(MAX_LINE_BYTES);
  const decoder = new TextDecoder('latin1');
  let carried = 0;
  let number = 0;
  let ended = false;
  let why = '';
  const take = (text: string) => {
    number += 1;
    if (text === 'end' && !ended) {
      ended = true;
      return;
    }
    const found = RANGE.exec(text);
    const [vu, from, to] = [Number(found?.[1]), Number(found?.[2]), Number(found?.[3])];
    const range = { vu, from, to, copies: Number(found?.[4] ?? 1) };
    if (ended || !isStoredRange(range)) {
      if (why === '') why = `line ${number} is no range of identities`;
    } else if (found?.[5] === 'part') onPart?.(range);
    else onRange(found?.[5] === 'dead' ? { ...range, form: 'dead' } : range);
  };
  for (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      carried = append(carry, carried, chunk.subarray(start, end));
      take(decoder.decode(carry.subarray(0, carried)));
      carried = 0;
      start = end + 1;
    }
    if (start < chunk.length) carried = append(carry, carried, chunk.subarray(start));
  }
  if (why === '' && !ended) why = 'its last line is not "end": the answer was cut short';
  return { complete: why === '', why };
}
