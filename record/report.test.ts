import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  byUrgency,
  exitWords,
  figure,
  firstOf,
  headline,
  measured,
  printable,
  quantity,
  tally,
} from './report.ts';
import { SAMPLE_VERDICTS, sampleVerdict, sampleVerdictFile } from './sample.ts';

describe('printable', () => {
  it('shows what a terminal would obey', () => {
    expect(printable('a\u001b[2Jb\u0007')).toBe('a\\u{1b}[2Jb\\u{7}');
    expect(printable('user\u202Etxt.exe')).toBe('user\\u{202e}txt.exe');
    expect(printable('half \ud800 a character')).toBe('half \\u{d800} a character');
  });

  it('makes one line of many', () => {
    expect(printable('one\r\n\ttwo\u2028three')).toBe('one two three');
  });

  it('says what it cut off, and never cuts a character in two', () => {
    expect(printable('x'.repeat(12), 10)).toBe(`${'x'.repeat(10)}… (2 more characters in verdict.json)`);
    expect(printable('😀😀', 3)).toBe('😀… (2 more characters in verdict.json)');
  });

  it('leaves no character that XML 1.0 or a terminal objects to, whatever comes in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cs}\uFFFE\uFFFF\u202A-\u202E\u2066-\u2069]/u);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

describe('figure and quantity', () => {
  it('does not round a finding away', () => {
    expect(figure(99.995)).toBe('99.995');
    expect(figure(0.000123)).toBe('0.000123');
    expect(figure(1_234_567.89)).toBe('1,234,567.9');
    expect(figure(0)).toBe('0');
  });

  it('does not make a zero of what was not measured', () => {
    expect(quantity({ value: null, unit: 's' })).toBe('not measured');
    expect(quantity({ value: 0, unit: 's' })).toBe('0 s');
    expect(quantity({ value: 3, unit: '' })).toBe('3');
  });

  it('puts observed, expected and window in one line', () => {
    const verdict = sampleVerdict({
      observed: { value: 12.5, unit: 's' },
      expected: { value: 10, unit: 's' },
      windowMs: [5_000, 65_000],
    });
    expect(measured(verdict)).toBe('observed 12.5 s; expected 10 s; from 5s to 1m5s');
    expect(measured(sampleVerdict({}))).toBe('');
  });
});

describe('order and counts', () => {
  it('puts first what has to be seen first', () => {
    expect(byUrgency(SAMPLE_VERDICTS).map((v) => v.verdict)).toEqual([
      'fail',
      'invalid',
      'inconclusive',
      'not_run',
      'pass',
    ]);
    expect(SAMPLE_VERDICTS[0]?.verdict).toBe('pass');
  });

  it('counts, and says when there is nothing to count', () => {
    expect(tally(SAMPLE_VERDICTS)).toBe('1 fail, 1 invalid, 1 inconclusive, 1 not_run, 1 pass');
    expect(tally([])).toBe('no promise was judged');
  });

  it('counts what it leaves out', () => {
    expect(firstOf(['a', 'b', 'c'], 2)).toEqual(['a', 'b', 'and 1 more in verdict.json']);
    expect(firstOf(['a', 'b'], 2)).toEqual(['a', 'b']);
  });
});

describe('words of the whole', () => {
  it('names a crash before the verdicts reached in spite of it', () => {
    expect(headline(sampleVerdictFile([sampleVerdict({})]))).toBe('PASS');
    expect(headline(sampleVerdictFile([sampleVerdict({})], { exitCode: 5 }))).toBe('CRASHED');
  });

  it('has a sentence of its own for every exit code', () => {
    const sentences = [0, 1, 2, 3, 4, 5, 99].map((code) => exitWords(code));
    expect(new Set(sentences).size).toBe(7);
  });
});
