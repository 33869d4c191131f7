import { describe, expect, it } from 'vitest';
import { DeadWrites } from './dead-writes.ts';
import { distinctIdOf, uuidOf } from './identity.ts';
import { deadLetter, inSends } from './reference/dead-letters.ts';

const WRITE = { runner: 'load', vu: 2, n: 9 };
const DEAD = { runner: 'load', vu: 2, from: 9, to: 9, copies: 1, form: 'dead' };
const event = (point: number, points = 3) => ({
  event: 'e',
  distinct_id: distinctIdOf(WRITE),
  uuid: uuidOf({ ...WRITE, point, points }),
});
const letter = (raw: unknown) => deadLetter({ raw, kind: 'insert_failed', message: 'm' }, 0).value;

describe('writes among the dead letters', () => {
  it('are those of the run whose every event is there, as a batch or one by one', () => {
    const dead = new DeadWrites('r');
    dead.add(letter({ project_id: 'r', batch: [0, 1, 2].map((point) => event(point)) }));
    expect([...dead.ranges()]).toEqual([DEAD]);
    const other = new DeadWrites('r');
    for (const point of [0, 1, 2]) other.add(letter({ project_id: 'r', ...event(point) }));
    expect([...other.ranges()]).toEqual([DEAD]);
  });

  it('are not there in part, unless the table holds the rest', () => {
    const dead = new DeadWrites('r');
    dead.add(letter({ project_id: 'r', ...event(1) }));
    expect([...dead.ranges()]).toEqual([{ ...DEAD, form: 'part' }]);
    dead.addStored(WRITE, 0);
    dead.addStored({ ...WRITE, n: 10 }, 2);
    expect([...dead.ranges()]).toEqual([{ ...DEAD, form: 'part' }]);
    dead.addStored(WRITE, 2);
    expect([...dead.ranges()]).toEqual([DEAD]);
  });

  it('count as often as their events make up', () => {
    const dead = new DeadWrites('r');
    for (const point of [0, 1, 2, 2]) dead.add(letter({ project_id: 'r', ...event(point) }));
    expect([...dead.ranges()]).toEqual([{ ...DEAD, copies: 2 }]);
  });

  it('are no second copy of what the table holds as well', () => {
    const dead = new DeadWrites('r');
    for (const point of [0, 1, 2]) dead.add(letter({ project_id: 'r', ...event(point) }));
    dead.addStored(WRITE, 1);
    expect([...dead.ranges()]).toEqual([DEAD]);
  });

  it('are no more than can be held in memory', () => {
    const dead = new DeadWrites('r', 1);
    dead.add(letter({ project_id: 'r', ...event(0) }));
    dead.add(letter({ project_id: 'r', ...event(1) }));
    const next = { ...event(0), uuid: uuidOf({ ...WRITE, n: 10, point: 0, points: 3 }) };
    expect(() => dead.add(letter({ project_id: 'r', ...next }))).toThrow('more than 1 writes');
  });

  it('are nobody else’s', () => {
    const dead = new DeadWrites('r');
    dead.add(letter({ project_id: 'other', batch: [event(0, 1)] }));
    dead.add(letter('no JSON'));
    dead.add(letter({ project_id: 'r', event: 'e', distinct_id: 'u', uuid: 'x' }));
    expect(dead.isEmpty).toBe(true);
    expect(() => dead.add(Buffer.from('{'))).toThrow();
  });
});

it('sends dead letters in groups that a broker takes', () => {
  const of = (mib: number) => ({ key: 'k', value: Buffer.alloc(mib * 1024 * 1024) });
  expect(inSends([of(1), of(2), of(2), of(6), of(1)]).map((send) => send.length)).toEqual([2, 1, 1, 1]);
  expect(inSends([])).toEqual([]);
});
