import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { States } from './states-scan.ts';

const HEAD = '# kept waiting done\n# broken lost-it\n';
const read = (text: string, cut = text.length) => {
  const bytes = new TextEncoder().encode(text);
  return new States([bytes.subarray(0, cut), bytes.subarray(cut)]);
};

describe('States', () => {
  it('knows the state of every identity, wherever the chunks end', () => {
    const states = ['waiting', 'done', 'lost-it'];
    const spans = fc.array(
      fc.record({
        gap: fc.nat(3),
        length: fc.integer({ min: 1, max: 5 }),
        state: fc.constantFrom(...states),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(fc.array(spans, { maxLength: 4 }), fc.nat(), (users, cutAt) => {
        let text = HEAD;
        const expected = new Map<string, string>();
        for (const [user, list] of users.entries()) {
          let next = 1;
          for (const { gap, length, state } of list) {
            const from = next + gap;
            next = from + length;
            text += `${user + 1}:${from}-${next - 1} ${state}\n`;
            for (let n = from; n < next; n += 1) expected.set(`${user + 1}:${n}`, state);
          }
        }
        text += 'end\n';
        const found = read(text, cutAt % text.length);
        expect(found.why).toBe('');
        expect([...found.kept, ...found.broken]).toEqual(states);
        for (let vu = 1; vu <= 5; vu += 1)
          for (let n = 1; n <= 170; n += 1) expect(found.of(vu, n)).toBe(expected.get(`${vu}:${n}`));
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it('knows both states of an identity that has two, and one where the same is said twice', () => {
    const states = fc.array(
      fc.record({
        from: fc.integer({ min: 1, max: 20 }),
        length: fc.integer({ min: 1, max: 10 }),
        state: fc.constantFrom('waiting', 'done', 'lost-it'),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(states, (list) => {
        const lines = list.map(({ from, length, state }) => `1:${from}-${from + length - 1} ${state}\n`);
        const found = read(`${HEAD}${lines.join('')}end\n`);
        let covered = 0;
        for (let n = 1; n <= 31; n += 1) {
          const here = list
            .filter(({ from, length }) => n >= from && n < from + length)
            .map(({ state }) => state);
          if (here.length > 0) covered += 1;
          if (here.length > 1) expect(found.why).toContain('has two states');
          const several = new Set(here).size > 1;
          const named = found.contested(1, n)?.split(' and ') ?? [];
          expect(named).toHaveLength(several ? 2 : 0);
          expect(new Set(named).size).toBe(named.length);
          expect(here).toEqual(expect.arrayContaining(named));
          expect(here.length === 0 ? [undefined] : here).toContain(found.of(1, n));
        }
        expect(found.covered).toBe(covered);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('stops at a limit of ranges, and says so', () => {
    const bytes = new TextEncoder().encode(`${HEAD}1:1-1 done\n1:2-2 done\n1:3-3 lost-it\nend\n`);
    expect(new States([bytes], 3).why).toBe('');
    const cut = new States([bytes], 2);
    expect(cut.why).toBe('more than 2 ranges: the rest, from line 5 on, was not read');
    expect(cut.of(1, 2)).toBe('done');
    expect(cut.of(1, 3)).toBeUndefined();
  });

  it.each([
    ['', 'cut short'],
    [`${HEAD}1:1-2 waiting\n`, 'cut short'],
    [`${HEAD}1:1-2 waiting\nend`, 'cut short'],
    [`${HEAD}1:2-1 waiting\nend\n`, 'line 3'],
    [`${HEAD}0:1-1 waiting\nend\n`, 'line 3'],
    [`${HEAD}1:1-1\nend\n`, 'line 3'],
    [`${HEAD}1:1-1 Two words\nend\n`, 'line 3'],
    [`${HEAD}end\n1:1-1 waiting\n`, 'line 4'],
    [`${HEAD}end\nend\n`, 'line 4'],
    [`${HEAD}1:1-5 waiting\n1:5-5 done\nend\n`, '1:5 has two states'],
  ])('doubts %j', (text, why) => {
    expect(read(text).why).toContain(why);
  });
});
