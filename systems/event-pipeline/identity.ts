/**
 * Who wrote an event. A client's write `n` of virtual user `vu` is one POST of `points` events: `project_id` is the run,
 * `distinct_id` is `<runner>:<vu>`, and each event's `uuid` is a version-8 UUID (RFC 9562, section 5.8) with the rest:
 *
 *   nnnnnnnn-nnnn-8ppp-8sss-vvvvvvvvvvvv    n, index of the event in the write, events in the write, vu; hexadecimal
 *
 * So an event tells of which write it is a part, and how many parts there are. scenarios/k6/lib/event-batch.ts writes the same.
 */
import type { WriteIdentity } from '../../record/contract.ts';

export interface EventIdentity extends WriteIdentity {
  /** 0, 1, 2, ... in its write. */
  point: number;
  /** Events in the write. */
  points: number;
}

const UUID = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-8([0-9a-f]{3})-([0-9a-f]{12})$/;
const DISTINCT_ID = /^([a-z0-9-]{1,64}):(\d{1,10})$/;

export function uuidOf({ vu, n, point, points }: Omit<EventIdentity, 'runner'>): string {
  const write = hex(n, 12);
  return `${write.slice(0, 8)}-${write.slice(8)}-8${hex(point, 3)}-8${hex(points, 3)}-${hex(vu, 12)}`;
}

export function distinctIdOf({ runner, vu }: Pick<WriteIdentity, 'runner' | 'vu'>): string {
  return `${runner}:${vu}`;
}

/** Null for an event that no load of ours wrote. */
export function identityOf(uuid: unknown, distinctId: unknown): EventIdentity | null {
  if (typeof uuid !== 'string' || typeof distinctId !== 'string') return null;
  const parts = UUID.exec(uuid.toLowerCase());
  const runner = DISTINCT_ID.exec(distinctId)?.[1];
  if (parts === null || runner === undefined) return null;
  const [, high = '', low = '', point = '', points = '', vu = ''] = parts;
  const read = (digits: string) => parseInt(digits, 16);
  return { runner, vu: read(vu), n: read(high + low), point: read(point), points: read(points) };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
