import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OWN_SEGMENT, runnerNames, segmentSequence } from './segments.ts';

/** A fraction as k6 reads it: big.Rat, in lowest terms. */
function rational(text: string): { over: bigint; under: bigint } {
  const [over = '', under = '1'] = text.split('/');
  return { over: BigInt(over), under: BigInt(under) };
}
function same(a: string, b: string): boolean {
  const [one, other] = [rational(a), rational(b)];
  return one.over * other.under === other.over * one.under;
}
/** What the shell in the pod makes of an index. */
function shell(index: number, count: number): { runner: string; from: string; to: string } {
  const text = execFileSync('/bin/sh', ['-ec', `${OWN_SEGMENT}\necho "$RUNNER $SEGMENT"`], {
    env: { JOB_COMPLETION_INDEX: String(index), RUNNER_BASE: 'load', RUNNERS: String(count) },
    encoding: 'utf8',
  });
  const [runner = '', segment = ''] = text.trim().split(' ');
  const [from = '', to = ''] = segment.split(':');
  return { runner, from, to };
}

describe('segments', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])(
    'of %i runners tile the whole, each between two places of the sequence',
    (count) => {
      const places = segmentSequence(count).split(',');
      expect(places).toHaveLength(count + 1);
      expect([places[0], places.at(-1)]).toEqual(['0', '1']);
      const parts = Array.from({ length: count }, (_, index) => shell(index, count));
      expect(parts.map(({ runner }) => runner)).toEqual(runnerNames('load', count));
      for (const [index, { from, to }] of parts.entries()) {
        expect(same(from, places[index]!)).toBe(true);
        expect(same(to, places[index + 1]!)).toBe(true);
      }
    },
  );

  it('rise by the same step for any number of runners', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (count) => {
        const places = segmentSequence(count).split(',');
        return (
          places.length === count + 1 && places.every((place, index) => same(place, `${index}/${count}`))
        );
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  it('are refused for no runners', () => {
    for (const count of [0, -1, 1.5, Number.NaN]) expect(() => segmentSequence(count)).toThrow(RangeError);
  });
});
