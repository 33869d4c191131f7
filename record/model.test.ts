import { expect, it } from 'vitest';
import { Event } from './model.ts';

it.each([[{ absent: -1 }], [{ absent: 0.5 }], [{ lagging: -2 }], [{ lagging: 1.5 }]])(
  'takes no %j for counts of a read-back',
  (counts) => {
    const look = { at: 2, kind: 'readback', fromMs: 1, toMs: 2, complete: true, why: '', runners: ['load'] };
    expect(Event.safeParse({ ...look, absent: 3, lagging: 0 }).success).toBe(true);
    expect(Event.safeParse({ ...look, ...counts }).success).toBe(false);
  },
);
