import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatLedgerLine } from '../../../record/ledger.ts';
import { RunnerLedger } from './ledger.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'ledger-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

let made = 0;
function ledger() {
  made += 1;
  const at = (name: string) => path.join(dir, `${made}-${name}`);
  const files = { ledgerFile: at('l.log'), logFile: at('k6.log'), summaryFile: at('s.json') };
  const text = (file: string) => readFileSync(file, 'utf8');
  return {
    ledger: new RunnerLedger(
      files,
      () => undefined,
      (line) => line.replaceAll('s3cret-token', '[redacted]'),
    ),
    lines: () => text(files.ledgerFile).split('\n').slice(0, -1),
    log: () => text(files.logFile),
  };
}

const whole = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const anyLine = fc.record({
  outcome: fc.constantFrom('A' as const, 'F' as const, 'U' as const),
  vu: fc.integer({ min: 1, max: 99 }),
  n: fc.integer({ min: 1, max: 1e6 }),
  dueMs: fc.integer({ min: 0, max: 1e9 }),
  latMs: fc.integer({ min: 0, max: 1e6 }),
  lagMs: fc.integer({ min: 0, max: 1e6 }),
  status: whole,
  code: whole,
  attempts: fc.integer({ min: 1, max: 3 }),
});

describe('the log of a runner', () => {
  it('is taken apart: every ledger line once, in any order and however often it comes', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyLine, { selector: ({ vu, n }) => `${vu}:${n}`, maxLength: 60 }),
        fc.infiniteStream(fc.nat(59)),
        (lines, more) => {
          const to = ledger();
          const texts = lines.map(formatLedgerLine);
          for (const text of texts) to.ledger.take(text, 0);
          for (let again = 0; again < texts.length; again += 1)
            to.ledger.take(texts[(more.next().value ?? 0) % texts.length]!, 0);
          to.ledger.close();
          expect(to.lines()).toEqual(texts);
          expect(to.ledger.writes).toBe(texts.length);
        },
      ),
      { seed: 7, numRuns: 60 },
    );
  });

  it.each([
    'A 1:2 30 4',
    'U 1:2 30 4 1',
    'F 1:2 30 4 1 503 0',
    'A 1: 30 4 1',
    'T 1:2 30 4 503 1503 r',
    'Aborted by 1:2',
    '{"iterations":"many"}',
  ])('keeps "%s" out of the ledger', (line) => {
    const to = ledger();
    to.ledger.take(line, 0);
    to.ledger.close();
    expect(to.lines()).toEqual([]);
    expect(to.log()).toBe(`${line}\n`);
    expect(to.ledger.said).toBe(line);
    expect(to.ledger.iterations).toBeNull();
  });

  it('keeps each failed attempt once, however often the log is told, and counts none as a write', () => {
    const to = ledger();
    const told = [
      'T 1:7 300 3 503 1503 r luminate-a',
      'T 1:7 403 2 503 1503 r luminate-a',
      'A 1:7 300 210 0 200 0 3',
      'T 1:8 900 1 0 1212 - -',
    ];
    for (const line of [...told.slice(0, 2), ...told, ...told]) to.ledger.take(line, 0);
    to.ledger.close();
    expect(to.lines()).toEqual(told);
    expect(to.ledger.writes).toBe(1);
    expect(to.log()).toBe('');
  });

  it('has a summary, whatever k6 says right behind it', () => {
    const to = ledger();
    to.ledger.take('{"iterations":3,"dropped_iterations":1,"http_reqs":3,"vus_max":1}test run stopped', 0);
    to.ledger.close();
    expect(to.ledger).toMatchObject({ iterations: 3, dropped: 1, said: 'test run stopped' });
  });

  it('is written down without secrets, which stay out of the words of a failure, too', () => {
    const to = ledger();
    to.ledger.take('level=error msg="refused: Bearer s3cret-token"', 0);
    // Before it is closed: a harness that is killed never comes to that.
    expect(to.log()).toBe('level=error msg="refused: Bearer [redacted]"\n');
    expect(to.ledger.said).not.toContain('s3cret-token');
    to.ledger.close();
  });

  it('is no ledger twice', () => {
    ledger();
    made -= 1;
    expect(() => ledger()).toThrow(/EEXIST/);
  });
});

describe('the start of the schedule', () => {
  const released = { runner: 'load-1', sentMs: 10_000, answeredMs: 10_030 };
  it.each([
    ['is what the runner says', 10_020, 12_000, 10_020, 0],
    ['is not before the release: the clock of a node is behind', 4_000, 12_000, 10_000, -6_000],
    ['is not after the first write that was seen to end: it is ahead', 90_000, 12_000, 10_995, 79_005],
    ['is the release where the runner does not say', null, 12_000, 10_030, 0],
  ])('%s', (_name, own, seenMs, wallMs, offMs) => {
    const to = ledger();
    if (own !== null) to.ledger.take(`# anchor ${String(own).padStart(10, '0')}`, seenMs);
    to.ledger.take('A 1:1 1000 5 0', seenMs);
    expect(to.ledger.anchor(released)).toEqual({ wallMs, offMs });
    to.ledger.close();
    expect(to.lines()).toContain(`# anchor ${wallMs}`);
  });

  it('is not known before anything is', () => {
    const to = ledger();
    expect(to.ledger.anchor(null)).toBeNull();
    to.ledger.close();
  });

  it('is held against every write that is seen after it was told', () => {
    const to = ledger();
    to.ledger.take('# anchor 0000010020', 12_000);
    // The line was read 975 ms after the write had ended by that anchor: so much later it may have been.
    to.ledger.take('A 1:1 1000 5 0', 12_000);
    expect(to.ledger.anchorError()).toBeNull();
    expect(to.ledger.anchor(released)).toEqual({ wallMs: 10_020, offMs: 0 });
    expect(to.ledger.anchorError()).toEqual({ boundMs: 975, lateMs: 0 });
    // A quicker line: the bound shrinks.
    to.ledger.take('A 1:2 3000 5 0', 13_100);
    expect(to.ledger.anchorError()).toEqual({ boundMs: 75, lateMs: 0 });
    // This one ended at 72.025 by the anchor, and was seen at 70.
    to.ledger.take('A 1:3 62000 5 0', 70_000);
    expect(to.ledger.anchorError()).toEqual({ boundMs: 2_025, lateMs: 2_025 });
    to.ledger.close();
    expect(to.lines().filter((line) => line.startsWith('#'))).toEqual(['# anchor 10020']);
  });

  it('has no bound where its release was not seen, until a write contradicts it', () => {
    const to = ledger();
    to.ledger.take('# anchor 0000010020', 12_000);
    to.ledger.take('A 1:1 1000 5 0', 12_000);
    expect(to.ledger.anchor(null)).toEqual({ wallMs: 10_020, offMs: 0 });
    expect(to.ledger.anchorError()).toBeNull();
    to.ledger.take('A 1:2 9000 5 0', 18_000);
    expect(to.ledger.anchorError()).toEqual({ boundMs: 1_025, lateMs: 1_025 });
    to.ledger.close();
  });
});
