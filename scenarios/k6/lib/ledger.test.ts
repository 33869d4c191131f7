import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAnchorLine,
  formatAttemptLine,
  formatLedgerLine,
  parseAttemptLine,
} from '../../../record/ledger.ts';
import {
  anchorLine,
  attemptLine,
  attemptOutcome,
  isContractAnswer,
  type Outcome,
  writeLine,
  writeOutcome,
} from './ledger.ts';

describe('the ledger lines of the k6 scripts', () => {
  it('are those of record/ledger.ts', () => {
    const number = fc.nat();
    fc.assert(
      fc.property(
        fc.constantFrom<Outcome>('A', 'F', 'U'),
        fc.tuple(number, number, number, number, number),
        fc.constantFrom(0, 200, 207, 429, 503),
        fc.constantFrom(0, 1050, 1212),
        fc.integer({ min: 1, max: 3 }),
        (outcome, [vu, n, dueMs, latMs, lagMs], status, code, attempts) => {
          expect(writeLine(outcome, vu, n, dueMs, latMs, lagMs, status, code, attempts)).toBe(
            formatLedgerLine({ outcome, vu, n, dueMs, latMs, lagMs, status, code, attempts }),
          );
        },
      ),
      { seed: 1 },
    );
    fc.assert(
      fc.property(
        fc.tuple(number, number).map(([vu, n]) => [vu + 1, n + 1] as const),
        fc.tuple(number, number),
        fc.constantFrom(0, 500, 503),
        fc.constantFrom(0, 1050, 1212, 1220),
        fc.constantFrom(['r', 'reused'] as const, ['n', 'new'] as const, ['-', 'none'] as const),
        fc.option(fc.stringMatching(/^[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?$/)),
        ([vu, n], [atMs, latMs], status, code, [letter, connection], pod) => {
          const line = attemptLine(vu, n, atMs, latMs, status, code, letter, pod ?? undefined);
          const attempt = { vu, n, atMs, latMs, status, code, connection, pod };
          expect(line).toBe(formatAttemptLine(attempt));
          expect(parseAttemptLine(line)).toEqual(attempt);
        },
      ),
      { seed: 2 },
    );
    expect(anchorLine(1_795_236_322_831)).toBe(formatAnchorLine(1_795_236_322_831));
  });
});

describe('attemptLine', () => {
  it.each(['a b', 'a\nA 1:1 0 0 0', '', 'Pod', '-a', 'a'.repeat(129)])('names nobody by %j', (pod) => {
    expect(attemptLine(1, 2, 3, 4, 503, 1503, 'r', pod)).toBe('T 1:2 3 4 503 1503 r -');
  });

  it('is for answers that the contract does not name', () => {
    expect([200, 207, 400, 401, 413, 429].every(isContractAnswer)).toBe(true);
    expect([0, 301, 404, 408, 500, 502, 503, 504].some(isContractAnswer)).toBe(false);
  });
});

describe('attemptOutcome', () => {
  it.each<[number, number, boolean, Outcome, string]>([
    [200, 0, true, 'A', 'all of it was taken'],
    [200, 0, false, 'U', 'a 200 that claims fewer'],
    [207, 0, true, 'U', 'partly taken'],
    [400, 1400, false, 'F', 'refused'],
    [401, 1401, false, 'F', 'refused'],
    [413, 1413, false, 'F', 'refused'],
    [429, 1429, false, 'F', 'refused'],
    [404, 1404, false, 'U', 'the contract does not say'],
    [500, 1500, false, 'U', 'may come after the deed'],
    [503, 1503, false, 'U', 'may come after the deed'],
    [0, 1020, false, 'F', 'bad URL'],
    [0, 1101, false, 'F', 'no such host'],
    [0, 1111, false, 'F', 'blocked host'],
    [0, 1210, false, 'F', 'dial'],
    [0, 1211, false, 'F', 'dial timeout'],
    [0, 1212, false, 'F', 'connection refused'],
    [0, 1213, false, 'F', 'dial, other error'],
    [0, 1310, false, 'F', 'unknown authority'],
    [0, 1311, false, 'F', 'wrong host name'],
    [0, 1000, false, 'U', 'EOF'],
    [0, 1050, false, 'U', 'timeout: sent, perhaps'],
    [0, 1200, false, 'U', 'connection broke'],
    [0, 1201, false, 'U', 'broken pipe'],
    [0, 1220, false, 'U', 'reset'],
    [0, 1301, false, 'U', 'TLS record'],
    [0, 1610, false, 'U', 'HTTP/2 GOAWAY'],
    [0, 1701, false, 'U', 'the answer could not be unpacked'],
  ])('status %i code %i, all taken %s: %s (%s)', (status, code, tookAll, outcome) => {
    expect(attemptOutcome(status, code, tookAll)).toBe(outcome);
  });
});

describe('writeOutcome', () => {
  it('is A if any attempt was, F only if all were, else U', () => {
    const outcomes = fc.array(fc.constantFrom<Outcome>('A', 'F', 'U'), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(outcomes, (attempts) => {
        const expected = attempts.includes('A') ? 'A' : attempts.every((each) => each === 'F') ? 'F' : 'U';
        expect(attempts.reduce(writeOutcome, 'F')).toBe(expected);
      }),
      { seed: 1 },
    );
  });
});
