/**
 * What a defect drops, by its own word, written before it drops it: one line `runner vu n` for each write. Only tests read it, to hold the
 * checks' accusations against it. A process that was told acks 0 or 1 cannot know what is lost, so there is no line for that.
 */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { WriteIdentity } from '../../../record/contract.ts';
import { identityOf } from '../identity.ts';

const Posted = z.looseObject({ batch: z.array(z.unknown()).optional() });
const Event = z.looseObject({ uuid: z.unknown().optional(), distinct_id: z.unknown().optional() });

export class TruthLog {
  readonly #file: string | undefined;

  /** @param dir undefined: nothing is written */
  constructor(dir: string | undefined, podName: string) {
    this.#file = dir && path.join(dir, `${podName}-${process.pid}.lost`);
  }

  /** On disk when it returns. @param values Kafka records' values; what is none of ours has no identity to write down */
  drops(values: readonly Buffer[]): void {
    if (this.#file === undefined || values.length === 0) return;
    const lines = new Set(values.flatMap(writesOf).map(({ runner, vu, n }) => `${runner} ${vu} ${n}\n`));
    appendFileSync(this.#file, [...lines].join(''));
  }
}

function writesOf(value: Buffer): WriteIdentity[] {
  let body: unknown;
  try {
    body = JSON.parse(value.toString('utf8'));
  } catch {
    return [];
  }
  const events = Posted.safeParse(body).data?.batch ?? [body];
  return events.flatMap((event) => {
    const { uuid, distinct_id: distinctId } = Event.safeParse(event).data ?? {};
    return identityOf(uuid, distinctId) ?? [];
  });
}
