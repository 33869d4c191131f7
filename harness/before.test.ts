import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileOf } from '../analysis/testing.ts';
import { formatLedgerLine } from '../record/ledger.ts';
import { Aim } from '../scenarios/k6/lib/aim.ts';
import { aimAt, writesOf } from './before.ts';

const line = (outcome: 'A' | 'F' | 'U', vu: number, n: number) =>
  `${formatLedgerLine({ outcome, vu, n, dueMs: 0, latMs: 1, lagMs: 0, status: 201, code: 0, attempts: 1 })}\n`;

describe('what events are aimed at', () => {
  it('is every acknowledged journey of the load before, each once, and nothing else', () => {
    const outcome = fc.constantFrom('A' as const, 'A' as const, 'F' as const, 'U' as const);
    const users = fc.array(fc.array(outcome, { minLength: 1, maxLength: 30 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(users, users, fc.integer({ min: 1, max: 9 }), (first, second, k) => {
        const text = (of: typeof first) =>
          of.flatMap((outcomes, v) => outcomes.map((each, i) => line(each, v + 1, i + 1))).join('');
        const logs = [
          fileOf('before', text(first)),
          fileOf('before-round-2', text(second)),
          fileOf('load', line('A', 9, 9)),
        ];
        const owed = [first, second].flatMap((of, index) =>
          of.flatMap((outcomes, v) =>
            outcomes.flatMap((each, i) => (each === 'A' ? [`${index} ${v + 1} ${i + 1}`] : [])),
          ),
        );
        const { text: told, aimed, acknowledged } = aimAt(logs);
        expect([aimed, acknowledged]).toEqual([owed.length, owed.length]);
        if (aimed === 0) return;
        const aim = new Aim(told);
        const hit: string[] = [];
        for (let m = 1; hit.length < aim.count; m += 1)
          for (let v = 1; v <= k; v += 1) {
            const at = aim.at(m, v, k);
            if (at) hit.push(`${at.runner === 'before' ? 0 : 1} ${at.vu} ${at.n}`);
          }
        expect(hit.toSorted()).toEqual(owed.toSorted());
        expect(aim.at(aim.count + 1, 1, 1)).toBeNull();
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('fits into one environment variable, whatever was acknowledged', () => {
    const lines = Array.from({ length: 40_000 }, (_, i) =>
      line('A', (i % 500) + 1, 2 * Math.floor(i / 500) + 1),
    );
    const { text, aimed, acknowledged } = aimAt([fileOf('before', lines.join(''))]);
    expect(acknowledged).toBe(40_000);
    expect(text.length).toBeLessThan(128 * 1_024);
    expect(aimed).toBeGreaterThan(5_000);
    expect(new Aim(text).count).toBe(aimed);
  });

  it.each(['', 'before', 'before 1:2', 'before 0:1-2', 'before 1:3-2', ' 1:1-2'])('refuses %j', (text) => {
    expect(() => new Aim(text)).toThrow('AIM');
  });
});

it('counts what a schedule asks for', () => {
  const load = { script: 'x', ratePerS: 400, pointsPerWrite: 1, forMs: 15_001, warmupMs: 0 };
  expect(writesOf(load)).toBe(6_000);
});
