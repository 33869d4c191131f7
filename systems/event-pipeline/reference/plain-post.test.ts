import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPosted } from './event.ts';
import { PlainPost } from './plain-post.ts';
import type { Place } from './plain-post.ts';

const UUID = '00000000-0001-8000-8001-00000000000A';
const EVENT = { event: 'view', distinct_id: 'u1', uuid: UUID, timestamp: '2026-11-21T10:00:00Z' };

/** The post as it was read, or null for one that is not plain. */
function read(text: string): unknown {
  const post = new PlainPost(Buffer.from(text));
  const textOf = (place: Place) => post.textOf(place);
  const batch: unknown[] = [];
  const isPlain = post.read(() => {
    batch.push({
      event: textOf(post.event),
      distinct_id: textOf(post.user),
      uuid: textOf(post.uuid),
      timestamp: textOf(post.timestamp),
      ...(post.properties.to > 0 && { properties: JSON.parse(textOf(post.properties)) as unknown }),
    });
    return true;
  });
  return isPlain ? { project_id: textOf(post.project), batch } : null;
}

const posted = (...batch: unknown[]) => ({ project_id: 'p', batch });

describe('a plain post', () => {
  it.each<[string, unknown]>([
    ['one event', posted(EVENT)],
    ['several', posted(EVENT, { ...EVENT, event: 'click' }, EVENT)],
    ['a hundred', posted(...Array.from({ length: 100 }, () => EVENT))],
    ['properties', posted({ ...EVENT, properties: { path: '/a', '': '' } }, { ...EVENT, properties: {} })],
    ['an empty project', { ...posted(EVENT), project_id: '' }],
    [
      'fields in another order',
      posted({ properties: {}, timestamp: '', uuid: UUID, distinct_id: 'u', event: 'e' }),
    ],
    ['the longest names', posted({ ...EVENT, event: 'e'.repeat(4_096), distinct_id: 'd'.repeat(4_096) })],
  ])('is %s', (_, body) => {
    expect(read(JSON.stringify(body))).toEqual(body);
  });

  it.each<[string, unknown]>([
    ['no event', posted()],
    ['a hundred and one', posted(...Array.from({ length: 101 }, () => EVENT))],
    ['a batch before its project', { batch: [EVENT], project_id: 'p' }],
    ['a batch without a project', { batch: [EVENT] }],
    ['a single event', EVENT],
    ['two users', posted(EVENT, { ...EVENT, distinct_id: 'u2' })],
    ['a user that begins like the other', posted(EVENT, { ...EVENT, distinct_id: 'u' })],
    ['an event without its uuid', posted({ ...EVENT, uuid: undefined })],
    ['an event without its time', posted({ ...EVENT, timestamp: undefined })],
    ['null', posted({ ...EVENT, properties: null })],
    ['a field that nobody knows', posted({ ...EVENT, more: '1' })],
    ['a project of its own', posted({ ...EVENT, project_id: 'q' })],
    ['no UUID', posted({ ...EVENT, uuid: UUID.replace('A', 'G') })],
    ['a UUID without dashes', posted({ ...EVENT, uuid: '0'.repeat(36) })],
    ['an empty name', posted({ ...EVENT, event: '' })],
    ['a name too long', posted({ ...EVENT, event: 'e'.repeat(4_097) })],
    ['a number among the properties', posted({ ...EVENT, properties: { a: 1 } })],
    ['an object among the properties', posted({ ...EVENT, properties: { a: {} } })],
    [
      'fifty-one properties',
      posted({ ...EVENT, properties: Object.fromEntries([...Array(51).keys()].map((n) => [n, ''])) }),
    ],
    ['properties too large', posted({ ...EVENT, properties: { a: 'a'.repeat(32_768) } })],
    ['an escape', posted({ ...EVENT, event: 'a"b' })],
    ['a character outside ASCII', posted({ ...EVENT, event: 'ä' })],
  ])('is not %s', (_, body) => {
    expect(read(JSON.stringify(body))).toBeNull();
  });

  it('is not one with blanks, a field twice, or more behind its end', () => {
    const text = JSON.stringify(posted(EVENT));
    expect(read(JSON.stringify(posted(EVENT), null, 1))).toBeNull();
    expect(read(text.replace('{"event"', '{"event":"x","event"'))).toBeNull();
    expect(read(`${text} `)).toBeNull();
    for (let length = 0; length < text.length; length += 1) expect(read(text.slice(0, length))).toBeNull();
  });

  it('ends with the first event that is not wanted', () => {
    let seen = 0;
    const post = new PlainPost(Buffer.from(JSON.stringify(posted(EVENT, EVENT, EVENT))));
    expect(post.read(() => (seen += 1) < 2)).toBe(false);
    expect(seen).toBe(2);
  });

  it('is what JSON.parse makes of the same bytes, and what the rules allow', () => {
    const text = JSON.stringify(posted(EVENT, { ...EVENT, properties: { path: '/a', title: 'A' } }));
    const pieces = [
      '"',
      '\\',
      '\\u0041',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      ' ',
      '\n',
      '\0',
      '\u007f',
      'é',
      'a',
      '1',
      'null',
    ];
    const change = fc.record({
      at: fc.nat(text.length),
      cut: fc.nat(3),
      piece: fc.oneof(
        fc.constantFrom('', ...pieces),
        fc.nat(text.length - 8).map((at) => text.slice(at, at + 8)),
      ),
    });
    let plain = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        let changed = text;
        for (const { at, cut, piece } of changes)
          changed = changed.slice(0, at) + piece + changed.slice(at + cut);
        const found = read(changed);
        if (found === null) return;
        plain += 1;
        const parsed: unknown = JSON.parse(changed);
        expect(found).toEqual(parsed);
        expect(readPosted(parsed)).toMatchObject({ projectId: expect.any(String) as unknown });
      }),
      { seed: 1, numRuns: 3_000 },
    );
    expect(plain).toBeGreaterThan(100);
  });
});
