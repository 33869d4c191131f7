/** Dead letters: what can never be stored goes to a topic of its own, with the reason, so that it is kept and can be looked at. */
import type { Poison } from './event-rows.ts';
import type { OutRecord } from './topic-producer.ts';

/** Of one text that is no JSON: as JSON within JSON it grows, up to sixfold, and the topic takes 8 MiB. */
const MAX_TEXT = 1024 * 1024;

/** The record of one dead letter; `key` is the name of its kind. */
export function deadLetter({ raw, kind, message }: Poison, nowMs: number): OutRecord {
  const letter = {
    raw: typeof raw === 'string' ? raw.slice(0, MAX_TEXT) : raw,
    error_kind: kind,
    error_message: message,
    dlq_ts: new Date(nowMs).toISOString(),
  };
  return { key: kind, value: Buffer.from(JSON.stringify(letter)) };
}

/** At most this many bytes in one send: a broker's limit is for the batch. */
const MAX_SEND_BYTES = 4 * 1024 * 1024;

/** In order, in groups that a broker takes; a single one that is larger stays alone. */
export function inSends(letters: readonly OutRecord[]): OutRecord[][] {
  const sends: OutRecord[][] = [];
  let sizeBytes = Infinity;
  for (const letter of letters) {
    sizeBytes += letter.value.length;
    if (sizeBytes > MAX_SEND_BYTES) {
      sends.push([]);
      sizeBytes = letter.value.length;
    }
    sends.at(-1)?.push(letter);
  }
  return sends;
}
