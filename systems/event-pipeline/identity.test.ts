import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { distinctIdOf, identityOf, uuidOf } from './identity.ts';

it('reads back what it wrote, in a UUID of version 8', () => {
  const identity = fc.record({
    runner: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
    vu: fc.integer({ min: 1, max: 2 ** 31 }),
    n: fc.integer({ min: 1, max: 2 ** 47 }),
    point: fc.integer({ min: 0, max: 4_095 }),
    points: fc.integer({ min: 1, max: 4_095 }),
  });
  fc.assert(
    fc.property(identity, (each) => {
      const uuid = uuidOf(each);
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(identityOf(uuid, distinctIdOf(each))).toEqual(each);
      expect(identityOf(uuid.toUpperCase(), distinctIdOf(each))).toEqual(each);
    }),
    { seed: 1 },
  );
});

it.each<[unknown, unknown]>([
  ['00000000-0001-4000-8001-000000000001', 'load:1'],
  ['00000000-0001-8000-9001-000000000001', 'load:1'],
  ['00000000-0001-8000-8001-000000000001', 'load'],
  ['00000000-0001-8000-8001-000000000001', 'Load/../x:1'],
  [null, 'load:1'],
  ['00000000-0001-8000-8001-000000000001', 7],
])('finds no write of ours behind %j of %j', (uuid, distinctId) => {
  expect(identityOf(uuid, distinctId)).toBeNull();
});
