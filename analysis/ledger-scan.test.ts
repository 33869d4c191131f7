import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { type AttemptLine, formatAttemptLine, formatLedgerLine, type LedgerLine } from '../record/ledger.ts';
import { scanLedger } from './ledger-scan.ts';
import { scanStored } from './stored-scan.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

function read(text: string, size = text.length) {
  const whole = bytes(text);
  const chunks = Array.from({ length: Math.ceil(whole.length / Math.max(1, size)) }, (_, index) =>
    whole.subarray(index * size, (index + 1) * size),
  );
  const lines: LedgerLine[] = [];
  const attempts: AttemptLine[] = [];
  const scan = scanLedger(
    chunks,
    (line) => lines.push({ ...line }),
    (attempt) => attempts.push(attempt),
  );
  return { lines, attempts, scan };
}

const whole = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const time = fc.integer({ min: 0, max: 86_400_000 });
const line = fc.record({
  outcome: fc.constantFrom('A', 'F', 'U'),
  vu: whole,
  n: whole,
  dueMs: time,
  latMs: time,
  lagMs: fc.integer({ min: -5, max: 100_000 }),
  status: fc.constantFrom(0, 200, 207, 503),
  code: fc.integer({ min: 0, max: 1_701 }),
  attempts: fc.integer({ min: 1, max: 5 }),
}) satisfies fc.Arbitrary<LedgerLine>;

describe('scanLedger', () => {
  test.prop([fc.array(line, { maxLength: 30 }), fc.integer({ min: 1, max: 90 })], { seed: 1 })(
    'reads back what was written, whatever the chunks are',
    (lines, size) => {
      const { lines: seen, scan } = read(lines.map((one) => `${formatLedgerLine(one)}\n`).join(''), size);
      const plain = (one: LedgerLine) =>
        one.outcome === 'A' && one.attempts === 1 ? { ...one, status: 0, code: 0 } : one;
      expect(seen).toEqual(lines.map(plain));
      expect(scan).toEqual({ lines: lines.length, torn: false, malformed: 0, malformedAt: [] });
    },
  );

  test.prop([fc.array(line, { minLength: 1, maxLength: 5 }), fc.nat()], { seed: 2 })(
    'drops a torn last line and never more',
    (lines, at) => {
      const text = lines.map((one) => `${formatLedgerLine(one)}\n`).join('');
      const cut = text.slice(0, at % text.length);
      const { scan } = read(cut, 7);
      expect(scan.lines).toBe(cut.split('\n').length - 1);
      expect(scan.torn).toBe(cut !== '' && !cut.endsWith('\n'));
      expect(scan.malformed).toBe(0);
    },
  );

  const attempt = fc.record({
    vu: whole,
    n: whole,
    atMs: time,
    latMs: time,
    status: fc.constantFrom(0, 404, 503),
    code: fc.integer({ min: 0, max: 1_701 }),
    connection: fc.constantFrom('reused', 'new', 'none'),
    pod: fc.constantFrom(null, 'a', 'luminate-5d4f8c7b9-x2x9z'),
  }) satisfies fc.Arbitrary<AttemptLine>;

  test.prop([fc.array(fc.oneof(line, attempt), { maxLength: 30 }), fc.integer({ min: 1, max: 90 })], {
    seed: 3,
  })('tells failed attempts apart from writes, and counts none of them', (mixed, size) => {
    const texts = mixed.map((one) => ('atMs' in one ? formatAttemptLine(one) : formatLedgerLine(one)));
    const { lines, attempts, scan } = read(texts.map((text) => `${text}\n`).join(''), size);
    expect(attempts).toEqual(mixed.filter((one) => 'atMs' in one));
    expect(lines).toHaveLength(mixed.length - attempts.length);
    expect(scan).toEqual({ lines: lines.length, torn: false, malformed: 0, malformedAt: [] });
  });

  it('takes fractions and a negative lag', () => {
    expect(read('A 1:2 0.5 12.25 -1.5\n').lines[0]).toMatchObject({ dueMs: 0.5, latMs: 12.25, lagMs: -1.5 });
  });

  it.each([
    'time="2026-01-01T00:00:00Z" level=warning msg="Request Failed"',
    '',
    'A 1:2 3 4',
    'A 1:2 3 4 5 200',
    'A 1:2 3 4 5 200 0 1 9',
    'U 1:2 3 4 5',
    'F 1:2 3 4 5',
    'X 1:2 3 4 5',
    'A 0:2 3 4 5',
    'A 1:0 3 4 5',
    'A 1:2147483648 3 4 5',
    'A 1:2 3 4 5 ',
    'A 1:2 3. 4 5',
    'A  1:2 3 4 5',
    'A 1:-2 3 4 5',
    'A 1:2 99999999999 4 5',
    'A 1:2 3 4 5\r',
    'T 1:2 3 4 0 1220 r',
    'T 1:2 3 4 0 1220 x pod',
    'T 1:2 3 4 0 1220 r pod more',
    'T 1:2 3 4 0 1220 r Pod',
    'T 0:2 3 4 0 1220 r pod',
    'T 1:2 3 99999999999 0 1220 r pod',
    'T 1:2 3 4 0 1220 r ' + 'a'.repeat(300),
    `A 1:2 3 4 5${' '.repeat(1_000)}`,
  ])('counts %j as malformed, with its line', (text) => {
    const { lines, scan } = read(`A 1:1 0 1 0\n${text}\nA 1:3 2 1 0\n`, 5);
    expect(scan).toEqual({ lines: 2, torn: false, malformed: 1, malformedAt: [2] });
    expect(lines.map(({ n }) => n)).toEqual([1, 3]);
  });
});

describe('scanStored', () => {
  const stored = (text: string, size = 3) => {
    const ranges: unknown[] = [];
    const parts: unknown[] = [];
    const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
      bytes(text.slice(index * size, (index + 1) * size)),
    );
    const scan = scanStored(
      chunks,
      (range) => ranges.push(range),
      (part) => parts.push(part),
    );
    return { scan, ranges, parts };
  };

  it('reads ranges and copies', () => {
    const { scan, ranges } = stored('1:1-5\n2:7-7 x3\nend\n');
    expect(scan).toEqual({ complete: true, why: '' });
    expect(ranges).toEqual([
      { vu: 1, from: 1, to: 5, copies: 1 },
      { vu: 2, from: 7, to: 7, copies: 3 },
    ]);
  });

  it('tells parts from what is whole, and dead letters', () => {
    const { scan, ranges, parts } = stored('1:1-5 part\n1:6-6 dead\n2:7-7 x3 dead\nend\n');
    expect(scan).toEqual({ complete: true, why: '' });
    expect(parts).toEqual([{ vu: 1, from: 1, to: 5, copies: 1 }]);
    expect(ranges).toEqual([
      { vu: 1, from: 6, to: 6, copies: 1, form: 'dead' },
      { vu: 2, from: 7, to: 7, copies: 3, form: 'dead' },
    ]);
  });

  it.each([
    ['1:1-5 lost\nend\n', 'line 1'],
    ['1:1-5 dead x2\nend\n', 'line 1'],
    ['1:1-5\n', 'not "end"'],
    ['1:1-5\nend', 'not "end"'],
    ['', 'not "end"'],
    ['1:5-1\nend\n', 'line 1'],
    ['1:1-2000000000\nend\n', 'line 1'],
    ['1:1-5\nnonsense\nend\n', 'line 2'],
    ['end\n1:1-5\n', 'line 2'],
  ])('does not call %j complete', (text, why) => {
    const { scan } = stored(text);
    expect(scan.complete).toBe(false);
    expect(scan.why).toContain(why);
  });
});
