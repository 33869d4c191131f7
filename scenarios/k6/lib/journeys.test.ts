import { expect, it } from 'vitest';
import { eventMeaning, triggerMeaning } from './journeys.ts';

it.each<[number, number, string | null, string, boolean]>([
  [201, 0, '{"instance_id":"x"}', 'A', true],
  [201, 0, '{}', 'U', true],
  [201, 0, 'cut sho', 'U', true],
  [409, 1409, '{}', 'F', true],
  [422, 1422, '{}', 'F', true],
  [404, 1404, null, 'F', true],
  [500, 1500, null, 'U', false],
  [0, 1050, null, 'U', false],
  [0, 1212, null, 'F', false],
])('a trigger answered %i, code %i, %j: %s', (status, code, body, outcome, named) => {
  expect(triggerMeaning(status, code, body)).toEqual({ outcome, named });
});

it.each<[number, string | null, string, boolean]>([
  [202, '{"routed":1}', 'A', true],
  [202, '{"routed":2}', 'A', true],
  [202, '{"routed":0}', 'F', true],
  [202, '[]', 'U', true],
  [400, null, 'F', true],
  [503, null, 'U', false],
])('an event answered %i %j: %s', (status, body, outcome, named) => {
  expect(eventMeaning(status, 0, body)).toEqual({ outcome, named });
});
