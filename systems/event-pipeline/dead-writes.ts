/** Writes among the dead letters: kept, though not in the table. */
import { z } from 'zod';
import { identityOf } from './identity.ts';

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
  readonly #writes = new Map<string, Write>();

  constructor(runId: string) {
    this.#runId = runId;
  }

  get isEmpty(): boolean {
    return this.#writes.size === 0;
  }

  /** @param value of a record of `events-dlq`; throws for one that is no dead letter */
  add(value: Buffer): void {
    const { raw } = Letter.parse(JSON.parse(value.toString('utf8')));
    const posted = Posted.safeParse(raw);
    if (!posted.success) return this.#addEvent(raw, undefined);
    for (const event of posted.data.batch) this.#addEvent(event, posted.data.project_id);
  }

  /** An event of a write that the table holds in part. Of writes without a dead letter nothing is kept. */
  addStored(write: Omit<Write, 'seen'>, point: number): void {
    const known = this.#writes.get(keyOf(write));
    if (known !== undefined) see(known, point);
  }

  /** Those of which every event was seen, `copies` = as often as the events make up. */
  *whole(): Generator<Omit<Write, 'seen'> & { copies: number }> {
    for (const { seen, ...write } of this.#writes.values()) {
      if (seen.includes(0)) continue;
      const events = seen.reduce((total, times) => total + times, 0);
      yield { ...write, copies: Math.ceil(events / seen.length) };
    }
  }

  #addEvent(event: unknown, projectId: unknown): void {
    const known = Event.safeParse(event).data;
    if (known === undefined || (known.project_id ?? projectId) !== this.#runId) return;
    const identity = identityOf(known.uuid, known.distinct_id);
    if (identity === null) return;
    const { point, points, ...id } = identity;
    const write = this.#writes.get(keyOf(id)) ?? { ...id, seen: new Uint8Array(points) };
    this.#writes.set(keyOf(id), write);
    see(write, point);
  }
}

function see({ seen }: Write, point: number): void {
  seen[point] = Math.min(255, (seen[point] ?? 0) + 1);
}

function keyOf({ runner, vu, n }: Omit<Write, 'seen'>): string {
  return `${runner} ${vu} ${n}`;
}
