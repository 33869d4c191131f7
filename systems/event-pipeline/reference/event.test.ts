import { describe, expect, it } from 'vitest';
import { readPosted } from './event.ts';

const EVENT = { event: 'view', distinct_id: 'u1' };
const properties = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, i]));

describe('what may be posted', () => {
  it.each<[string, unknown]>([
    ['one event', EVENT],
    ['null for what may be left out', { ...EVENT, timestamp: null, properties: null, uuid: null }],
    ['fields that nobody knows', { ...EVENT, more: [1, { a: 1 }] }],
    ['the longest names', { event: 'e'.repeat(4_096), distinct_id: 'd'.repeat(4_096) }],
    ['fifty properties', { ...EVENT, properties: properties(50) }],
    ['three levels', { ...EVENT, properties: { a: { b: { c: 1 } } } }],
    ['a hundred events', { batch: Array.from({ length: 100 }, () => EVENT), project_id: 'p' }],
    ['a UUID in capitals', { ...EVENT, uuid: '00000000-0001-8000-8001-00000000000A' }],
  ])('is %s', (_, body) => {
    expect(readPosted(body)).toMatchObject({ events: expect.any(Array) as unknown });
  });

  it.each<[unknown, string]>([
    ['text', 'must be a JSON object'],
    [[EVENT], 'must be a JSON object'],
    [{ distinct_id: 'u1' }, 'event must be'],
    [{ event: '', distinct_id: 'u1' }, 'event must be'],
    [{ event: 'view' }, 'distinct_id must be'],
    [{ event: 'e'.repeat(4_097), distinct_id: 'u' }, 'event must be'],
    [{ ...EVENT, uuid: 'x' }, 'uuid must be'],
    [{ ...EVENT, timestamp: 5 }, 'timestamp must be'],
    [{ ...EVENT, $lib: 'l'.repeat(129) }, '$lib must be'],
    [{ ...EVENT, $lib_version: 'l'.repeat(65) }, '$lib_version must be'],
    [{ ...EVENT, $device_id: 'l'.repeat(257) }, '$device_id must be'],
    [{ ...EVENT, project_id: 'p'.repeat(257) }, 'project_id must be'],
    [{ ...EVENT, properties: [] }, 'properties must be an object'],
    [{ ...EVENT, properties: properties(51) }, 'more than 50 keys'],
    [{ ...EVENT, properties: { a: { b: { c: { d: 1 } } } } }, 'more than 3 levels'],
    [{ ...EVENT, properties: { a: 'ä'.repeat(16_385) } }, 'larger than 32768 bytes'],
    [{ batch: [] }, '1 to 100 events'],
    [{ batch: Array.from({ length: 101 }, () => EVENT) }, '1 to 100 events'],
    [{ batch: EVENT }, '1 to 100 events'],
    [{ batch: [EVENT], project_id: 7 }, 'project_id must be'],
    [{ batch: [EVENT, null] }, 'batch[1]: an event must be an object'],
  ])('is not %j', (body, why) => {
    expect(readPosted(body)).toContain(why);
  });
});
