/** Writes among the dead letters: kept, though not in the table. */
import { z } from 'zod';
import type { StoredRange } from '../../record/contract.ts';
import { identityOf } from './identity.ts';

/** Each takes about 350 bytes of memory. */
const MAX_WRITES = 2_000_000;

const Letter = z.object({ raw: z.unknown().optional() });
const Event = z.looseObject({
  uuid: z.unknown().optional(),
  distinct_id: z.unknown().optional(),
  project_id: z.unknown().optional(),
});
const Posted = z.object({ batch: z.array(z.unknown()), project_id: z.unknown().optional() });

/** One write, as far as it is known: how often each of its events was seen. */
interface Write {
  runner: string;
  vu: number;
  n: number;
  seen: Uint8Array;
}

export class DeadWrites {
  readonly #runId: string;
  readonly #maxWrites: number;
  readonly #writes = new Map<string, Write>();

  constructor(runId: string, maxWrites = MAX_WRITES) {
    this.#runId = runId;
    this.#maxWrites = maxWrites;
  }

  get isEmpty(): boolean {
    return this.#writes.size === 0;
  }

  /** @param value of a record of `events-dlq`; throws for one that is no dead letter, and for one write too many */
  add(value: Buffer): void {
    const { raw } = Letter.parse(JSON.parse(value.toString('utf8')));
    const posted = Posted.safeParse(raw);
    if (!posted.success) return this.#addEvent(raw, undefined);
    for (const event of posted.data.batch) this.#addEvent(event, posted.data.project_id);
  }

  /** An event of a write that the table holds in part; its letter besides is no second copy. Of writes without a dead letter nothing is kept. */
  addStored(write: Omit<Write, 'seen'>, point: number): void {
    const seen = this.#writes.get(keyOf(write))?.seen;
    if (seen !== undefined) seen[point] ||= 1;
  }

  /** Each by itself: dead where every event was seen, `copies` = as often as its letters make up; else a part. */
  *ranges(): Generator<StoredRange> {
    for (const { seen, n, ...user } of this.#writes.values()) {
      const events = seen.reduce((total, times) => total + times, 0);
      const range = { ...user, from: n, to: n };
      if (seen.includes(0)) yield { ...range, copies: 1, form: 'part' };
      else yield { ...range, copies: Math.ceil(events / seen.length), form: 'dead' };
    }
  }

  #addEvent(event: unknown, projectId: unknown): void {
    const known = Event.safeParse(event).data;
    if (known === undefined || (known.project_id ?? projectId) !== this.#runId) return;
    const identity = identityOf(known.uuid, known.distinct_id);
    if (identity === null) return;
    const { point, points, ...id } = identity;
    const key = keyOf(id);
    const write = this.#writes.get(key) ?? { ...id, seen: new Uint8Array(points) };
    this.#writes.set(key, write);
    if (this.#writes.size > this.#maxWrites)
      throw new Error(
        `event-pipeline: more than ${this.#maxWrites} writes among the dead letters, too many to tell which are whole`,
      );
    write.seen[point] = Math.min(255, (write.seen[point] ?? 0) + 1);
  }
}

function keyOf({ runner, vu, n }: Omit<Write, 'seen'>): string {
  return `${runner} ${vu} ${n}`;
}
