import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { StoredRange } from '../record/contract.ts';
import type { LedgerLine } from '../record/ledger.ts';
import { type Accusation, Accused, RunnerAccount } from './accounting.ts';

const VUS = 4;
/** As many writes as a runner can have sent. */
const MOST = 1_000_000;
const line = (outcome: LedgerLine['outcome'], vu: number, n: number): LedgerLine => ({
  outcome,
  vu,
  n,
  dueMs: 0,
  latMs: 1,
  lagMs: 0,
  status: 0,
  code: 0,
  attempts: 1,
});

type Range = Omit<StoredRange, 'runner'>;

/** What the words of record/ledger.ts say, with sets of strings and no thought of speed. */
function naive(lines: readonly LedgerLine[], ranges: readonly Range[]) {
  const outcome = new Map(lines.map((one) => [`${one.vu}:${one.n}`, one.outcome]));
  const last = new Map<number, number>();
  for (const { vu, n } of lines) last.set(vu, Math.max(last.get(vu) ?? 0, n));
  const table = new Map<string, number>();
  const letters = new Map<string, number>();
  const parts = new Set<string>();
  const phantoms: string[] = [];
  for (const { vu, from, to, copies: times, form } of ranges) {
    for (let n = from; n <= to; n += 1) {
      const known = last.has(vu) || vu <= VUS ? (last.get(vu) ?? 0) + 1 : 0;
      const held = form === 'dead' ? letters : table;
      if (n > known) phantoms.push(`r/${vu}:${n}`);
      else if (form === 'part') parts.add(`${vu}:${n}`);
      else held.set(`${vu}:${n}`, (held.get(`${vu}:${n}`) ?? 0) + times);
    }
  }
  const copies = new Map([...letters, ...table]);
  const ids = [...outcome.keys()];
  const gaps = [...last].flatMap(([vu, to]) =>
    Array.from({ length: to }, (_, index) => `${vu}:${index + 1}`).filter((id) => !outcome.has(id)),
  );
  const unknown = new Set([...ids.filter((id) => outcome.get(id) === 'U'), ...gaps]);
  for (const id of copies.keys()) if (!outcome.has(id)) unknown.add(id);
  const of = (wanted: string) => ids.filter((id) => outcome.get(id) === wanted);
  return {
    lost: of('A').filter((id) => !copies.has(id)).length,
    failedStored: of('F').filter((id) => copies.has(id) || parts.has(id)).length,
    failedInPart: of('F').filter((id) => !copies.has(id) && parts.has(id)).length,
    deadLetters: of('A').filter((id) => letters.has(id) && !table.has(id)).length,
    duplicated: [...copies.keys()].filter((id) => (table.get(id) ?? 0) > 1 || (letters.get(id) ?? 0) > 1)
      .length,
    phantoms: phantoms.length,
    stored: copies.size,
    unknownStored: [...unknown].filter((id) => copies.has(id)).length,
    unknownAbsent: [...unknown].filter((id) => !copies.has(id)).length,
    gaps: gaps.length,
  };
}

function count(lines: readonly LedgerLine[], ranges: readonly Range[], mayBeInFlight = true) {
  const account = new RunnerAccount('r', VUS, MOST);
  const phantom = new Accused();
  for (const one of lines) account.add(one, 1);
  for (const { form, ...range } of ranges)
    if (form === 'part') account.addPart(range, mayBeInFlight, phantom);
    else account.addStored({ ...range, ...(form && { form }) }, mayBeInFlight, phantom);
  const gaps = account.gaps;
  const held = account.settle(true);
  const taken = lines.flatMap(({ vu, n }) => account.takeAccusations(vu, n));
  const take = (what: Accusation) => taken.filter((one) => one === what).length;
  return {
    lost: take('lost'),
    failedStored: take('failedStored'),
    failedInPart: account.failedInPart,
    deadLetters: account.deadLetters,
    duplicated: take('duplicated') + [...account.duplicatedWithoutLine()].length,
    phantoms: phantom.count,
    ...held,
    gaps,
  };
}

const identity = fc.record({ vu: fc.integer({ min: 1, max: VUS }), n: fc.integer({ min: 1, max: 600 }) });
const lines = fc.uniqueArray(
  fc.record({ id: identity, outcome: fc.constantFrom<LedgerLine['outcome'][]>('A', 'A', 'A', 'F', 'U') }),
  { selector: ({ id }) => `${id.vu}:${id.n}`, maxLength: 120 },
);
const ranges = fc.array(
  fc.record({
    vu: fc.integer({ min: 1, max: VUS + 1 }),
    from: fc.integer({ min: 1, max: 600 }),
    length: fc.integer({ min: 0, max: 300 }),
    copies: fc.constantFrom(1, 1, 1, 2),
    form: fc.constantFrom<StoredRange['form'][]>(undefined, undefined, undefined, 'dead', 'part'),
  }),
  { maxLength: 12 },
);

describe('RunnerAccount', () => {
  test.prop([lines, ranges], { seed: 4, numRuns: 300 })(
    'agrees with a naive account by sets',
    (drawn, stored) => {
      const written = drawn.map(({ id, outcome }) => line(outcome, id.vu, id.n));
      // The allowance for one more virtual user than was seen is tested below.
      const known = written.some(({ vu }) => vu === VUS) ? VUS + 1 : VUS;
      const read = stored
        .filter(({ vu }) => vu <= VUS || known === VUS)
        .map(({ vu, from, length, copies, form }) => ({
          vu,
          from,
          to: from + length,
          copies,
          ...(form !== undefined && { form }),
        }));
      expect(count(written, read)).toEqual(naive(written, read));
    },
  );

  it('a write in flight at the end is unknown, not a phantom', () => {
    const stored = [{ vu: 1, from: 1, to: 3, copies: 1 }];
    expect(count([line('A', 1, 1), line('A', 1, 2)], stored)).toMatchObject({
      phantoms: 0,
      unknownStored: 1,
      lost: 0,
    });
    expect(count([line('A', 1, 1)], stored)).toMatchObject({ phantoms: 1, unknownStored: 1 });
  });

  it('after a clean end nothing is in flight: what has no line was never written', () => {
    const stored = [{ vu: 1, from: 1, to: 2, copies: 1 }];
    expect(count([line('A', 1, 1)], stored, false)).toMatchObject({ phantoms: 1, unknownStored: 0 });
    expect(count([], [{ vu: 3, from: 1, to: 1, copies: 1 }], false)).toMatchObject({ phantoms: 1 });
  });

  it('a number above all that the runner sent is damage, not millions of unknown writes', () => {
    const account = new RunnerAccount('r', VUS, 100);
    account.add(line('U', 1, 90_000), 3);
    expect(account).toMatchObject({ impossible: 1, impossibleAt: [3], unknown: 0, gaps: 0 });
  });

  it('a virtual user that left no line may have one write in flight', () => {
    expect(count([], [{ vu: 3, from: 1, to: 1, copies: 1 }])).toMatchObject({
      phantoms: 0,
      unknownStored: 1,
    });
    expect(count([], [{ vu: VUS + 1, from: 1, to: 1, copies: 1 }])).toMatchObject({ phantoms: 1 });
    // A runner that opens its lanes one by one was started with fewer than it shows.
    const lane = line('A', VUS + 3, 1);
    expect(count([lane], [{ vu: VUS + 4, from: 1, to: 1, copies: 1 }])).toMatchObject({ phantoms: 0 });
  });

  it('accuses no absent write when the answer is not whole', () => {
    const account = new RunnerAccount('r', VUS, MOST);
    account.add(line('A', 1, 1), 7);
    account.settle(false);
    expect(account.takeAccusations(1, 1)).toEqual([]);
  });

  it('counts identities with two lines and numbers that cannot be', () => {
    const account = new RunnerAccount('r', VUS, MOST);
    for (const n of [1, 2, 2, 2 ** 31, 2_000_000_000, 0, 1.5]) account.add(line('A', 1, n), 7);
    expect(account).toMatchObject({
      acknowledged: 2,
      repeatedLines: 1,
      impossible: 4,
      impossibleAt: [7, 7, 7, 7],
    });
  });

  it('gives what a write is accused of once', () => {
    const account = new RunnerAccount('r', VUS, MOST);
    for (const one of [line('F', 1, 1), line('A', 1, 2), line('A', 1, 3)]) account.add(one, 1);
    account.addStored({ vu: 1, from: 1, to: 2, copies: 2 }, false, new Accused());
    account.settle(true);
    const ask = () => [1, 2, 3].map((n) => account.takeAccusations(1, n));
    expect(ask()).toEqual([['failedStored', 'duplicated'], ['duplicated'], ['lost']]);
    expect(ask()).toEqual([[], [], []]);
    expect([...account.duplicatedWithoutLine()]).toEqual([]);
  });

  it('a part of a refused write is too much, one of another write is nothing', () => {
    const written = [line('F', 1, 1), line('A', 1, 2), line('U', 1, 3)];
    const part = { vu: 1, from: 1, to: 6, copies: 1, form: 'part' as const };
    const told = { failedStored: 1, failedInPart: 1, lost: 1, stored: 0, phantoms: 2, unknownStored: 0 };
    expect(count(written, [part])).toMatchObject(told);
    // Whichever is told first: that it is whole is the more of the two.
    const whole = { vu: 1, from: 1, to: 1, copies: 1 };
    for (const both of [
      [part, whole],
      [whole, part],
    ])
      expect(count(written, both)).toMatchObject({
        failedStored: 1,
        failedInPart: 0,
        stored: 1,
        duplicated: 0,
      });
  });

  it('a dead letter is kept: alone it is counted, beside the stored write it is no second copy', () => {
    const written = [line('A', 1, 1), line('A', 1, 2)];
    const dead = { vu: 1, from: 1, to: 2, copies: 1, form: 'dead' as const };
    const stored = { vu: 1, from: 1, to: 1, copies: 1 };
    for (const both of [
      [dead, stored],
      [stored, dead],
    ])
      expect(count(written, both)).toMatchObject({ lost: 0, duplicated: 0, deadLetters: 1, stored: 2 });
    expect(count(written, [{ ...dead, copies: 2 }])).toMatchObject({ duplicated: 2, deadLetters: 2 });
    expect(count(written, [stored, dead, stored])).toMatchObject({ duplicated: 1 });
  });

  it('names what is stored twice and left no line, after a damaged number far away', () => {
    const account = new RunnerAccount('r', VUS, MOST);
    for (const n of [1, 900_000]) account.add(line('A', 2, n), 1);
    account.addStored({ vu: 2, from: 1, to: 3, copies: 1 }, true, new Accused());
    account.addStored({ vu: 2, from: 3, to: 3, copies: 1 }, true, new Accused());
    expect(account.settle(true)).toEqual({ stored: 3, unknownStored: 2, unknownAbsent: 899_996 });
    expect([...account.duplicatedWithoutLine()]).toEqual(['r/2:3']);
  });

  it('names the first phantoms and counts all', () => {
    const account = new RunnerAccount('r', VUS, MOST);
    const phantom = new Accused();
    account.addStored({ vu: 9, from: 1, to: 1_000_000, copies: 1 }, true, phantom);
    expect(phantom.count).toBe(1_000_000);
    expect(phantom.named).toHaveLength(20);
    expect(phantom.named[0]?.id).toBe('r/9:1');
  });
});
