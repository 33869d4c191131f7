/** Reads `ledger/<runner>.stored` (record/ledger.ts has the format): what the system gave back, in ranges of identities. */
import type { StoredRange } from '../record/contract.ts';
import { append } from './ledger-scan.ts';

const MAX_LINE_BYTES = 64;
const NEWLINE = 10;
const RANGE = /^(\d{1,10}):(\d{1,10})-(\d{1,10})(?: x(\d{1,9}))?$/;
/** Numbers of the ledger are below this (analysis/ledger-scan.ts). */
const MAX_IDENTITY = 2 ** 31;
/** One line cannot speak of more identities than a run can write: a longer range is damage, and would cost memory. */
const MAX_RANGE = 200_000_000;
/** Nine digits in a line. */
const MAX_COPIES = 999_999_999;

/** Whether a range can be one of writes: for the reader of a saved one, and for whoever saves what a store answered. */
export function isStoredRange({ vu, from, to, copies }: Omit<StoredRange, 'runner'>): boolean {
  return (
    [vu, from, to, copies].every((value) => Number.isInteger(value) && value >= 1) &&
    from <= to &&
    Math.max(vu, to) < MAX_IDENTITY &&
    to - from < MAX_RANGE &&
    copies <= MAX_COPIES
  );
}

export interface StoredScan {
  /** It ends with `end`, and nothing in it is damaged. Only then may a missing write be called lost. */
  complete: boolean;
  /** Why it is not complete, or empty. */
  why: string;
}

/** Calls `onRange` for every well-formed line: identities `from` to `to` of `vu`, `copies` times each. */
export function scanStored(
  chunks: Iterable<Uint8Array>,
  onRange: (range: Omit<StoredRange, 'runner'>) => void,
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
    if (!ended && isStoredRange(range)) onRange(range);
    else if (why === '') why = `line ${number} is no range of identities`;
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
