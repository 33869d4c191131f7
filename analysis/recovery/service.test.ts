import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ANCHOR_MS, faultEvents, type Story } from '../testing.ts';
import { budgetBurnt } from './service.ts';
import { costsOf } from './testing.ts';

const cut = { name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 };
/** Seen acting from 20.9 s .. 21 s to 25.9 s .. 26 s; writes fail from 21 s on, `forMs` long. 20 writes a second, 3 good seconds asked. */
const story = (forMs: number, rest: Story = {}): Story => ({
  faults: [cut],
  events: faultEvents('cut', 21_000, 26_000),
  write: (_, dueMs) => (dueMs >= 20_000 && dueMs < 20_000 + forMs ? { outcome: 'F', status: 503 } : {}),
  ...rest,
});

it('measures impact, RTO from the start and from the end, and availability beside the stretch before', () => {
  const { figure, row } = costsOf(story(9_000));
  expect(figure('time to impact of cut')).toBeCloseTo(0.1);
  expect(figure('RTO of cut, clients')).toBeCloseTo(9.1);
  expect(figure('RTO of cut, clients, from its end')).toBeCloseTo(4.1);
  // The seconds from 20 s to 30 s: nine of ten bad.
  expect(figure('served during cut')).toBeCloseTo(0.1);
  expect(figure('worst ten seconds of cut')).toBeCloseTo(0.1);
  expect(figure('bad seconds of cut')).toBe(9);
  expect(figure('served before cut')).toBe(1);
  expect(figure('budget burnt by cut')).toBeCloseTo(180 / (0.01 * 20 * 30 * 86_400), 9);
  expect(row('cut')).toContain('clients: <= 9.1 s +- 1.1 s, 4.1 s after its end +- 1.1 s');
  expect(row('cut')).toContain('first bad second: after 0.1 s +- 1.1 s');
  expect(row('cut')).toContain('10.00 % of 200 served in 9.1 s; 100.00 % in 10.0 s right before');
  expect(row('cut')).toContain('0.0347 % of the 30-day budget of 99.00 % burnt');
});

it('tells a recovery while the fault still lasts, and that it was bad again', () => {
  const { figure, row } = costsOf(
    story(0, {
      write: (_, dueMs) =>
        dueMs >= 20_000 && dueMs < 26_000 && (dueMs < 21_000 || dueMs >= 24_000)
          ? { outcome: 'F', status: 503 }
          : {},
    }),
  );
  expect(figure('RTO of cut, clients')).toBeCloseTo(1.1);
  expect(figure('RTO of cut, clients, from its end')).toBeCloseTo(-3.9);
  expect(figure('bad seconds of cut')).toBe(3);
  expect(row('cut')).toContain('3.9 s before its end +- 1.1 s, bad again later');
});

it('takes no good second before the first bad one for a recovery', () => {
  const late = story(0, {
    write: (_, dueMs) => (dueMs >= 24_000 && dueMs < 27_000 ? { outcome: 'F', status: 503 } : {}),
  });
  const { figure } = costsOf(late);
  expect(figure('time to impact of cut')).toBeCloseTo(4.1);
  expect(figure('RTO of cut, clients')).toBeCloseTo(7.1);
});

it('says that no second was bad, and burns nothing', () => {
  const { figure, row } = costsOf(story(0));
  expect(figure('RTO of cut, clients')).toBe(0);
  expect(figure('time to impact of cut')).toBeUndefined();
  expect(row('cut')).toContain('clients: no bad second +- 1.1 s');
  expect(row('cut')).toContain('nothing of the 30-day budget');
});

it('bounds from below what it never saw recover: to the last bad second', () => {
  const never = costsOf(story(60_000));
  expect(never.figure('RTO of cut, clients')).toBeNull();
  expect(never.row('cut')).toContain('clients: > 40.1 s (not seen before the end of the load)');
  // Two good seconds at the end may be the first of a recovery.
  const nearly = costsOf(story(9_000, { forMs: 31_000 }));
  expect(nearly.figure('RTO of cut, clients')).toBeNull();
  expect(nearly.row('cut')).toContain('> 9.1 s');
});

it('cannot tell without load: none, none left, none in the window, too little after it', () => {
  const noLoad = costsOf(story(0, { edit: (event) => (event.kind === 'load.started' ? null : event) }));
  expect(noLoad.row('cut')).toContain('clients: no judged load was started');
  expect(costsOf(story(0, { forMs: 19_000 })).row('cut')).toContain('had ended when it began to act');
  const silent =
    (fromMs: number, toMs: number): NonNullable<Story['log']> =>
    (text) =>
      text
        .split('\n')
        .filter((line) => !(Number(line.split(' ')[2]) >= fromMs && Number(line.split(' ')[2]) < toMs))
        .join('\n');
  const none = costsOf(story(0, { log: silent(18_000, 60_000) }));
  expect(none.row('cut')).toContain('no write was due that could have seen it');
  const hole = costsOf(story(0, { log: silent(22_000, 24_000) }));
  expect(hole.figure('RTO of cut, clients')).toBeNull();
  expect(hole.row('cut')).toContain('clients: not known (2 s hold no write, or none sent in time)');
  const short = costsOf(story(0, { forMs: 21_000 }));
  expect(short.row('cut')).toContain('not known (only 2 s could be seen, 3 are asked)');
});

it('leaves what two faults share to nobody: the first ends with the next, and both rows say that the other acted', () => {
  const two = costsOf(
    story(20_000, {
      faults: [cut, { ...cut, name: 'slow' }],
      events: [...faultEvents('cut', 21_000, 40_000), ...faultEvents('slow', 31_000, 36_000)],
    }),
  );
  expect(two.row('cut')).toContain('not seen before the next fault');
  expect(two.row('cut')).toContain('slow acted meanwhile, too');
  expect(two.row('slow')).toContain('cut acted meanwhile, too');
  // Of the first: 20 s to 30 s, as the next one's intent is at 30.8 s. Not one second is counted twice.
  expect(two.figure('bad seconds of cut')).toBe(9);
  expect(two.figure('bad seconds of slow')).toBe(11);
  expect(two.figure('served before slow')).toBeNull();
  expect(two.row('slow')).toContain('no steady second right before');
});

it('says which arrivals the generator itself did not send', () => {
  const { row } = costsOf(story(0, { write: (index) => (index >= 400 && index < 410 ? null : {}) }));
  expect(row('cut')).toContain('(10 were never sent)');
});

it('agrees with the definition: the first run of three good seconds from the first bad one on', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (bad) => {
      // Second i of the run, from 21 s on, is bad as told; those after are good.
      const isBad = (second: number) => bad[second - 21] ?? false;
      const told = costsOf(
        story(0, {
          write: (_, dueMs) =>
            isBad(Math.floor((dueMs + ANCHOR_MS) / 1_000)) ? { outcome: 'F', status: 503 } : {},
          good: { bins: 3 },
          events: faultEvents('cut', 21_000, 32_000),
        }),
      );
      const first = bad.indexOf(true);
      let back = first + 21;
      while (isBad(back) || isBad(back + 1) || isBad(back + 2)) back += 1;
      expect(told.figure('RTO of cut, clients')).toBeCloseTo(first < 0 ? 0 : back - 20.9);
    }),
    { seed: 6, numRuns: 60 },
  );
});

it('burns what published budgets allow: 99 % is 432 bad minutes in 30 days, 99.9 % 3.6 s an hour', () => {
  for (const [objective, minutes] of [
    [0.99, 432],
    [0.995, 216],
    [0.9995, 21.6],
  ] as const)
    expect(budgetBurnt(minutes * 60 * 50, objective, 50)).toBeCloseTo(1, 9);
  for (const [objective, badS] of [
    [0.99, 36],
    [0.999, 3.6],
  ] as const)
    expect(budgetBurnt(badS, objective, 1)).toBeCloseTo(1 / 720, 9);
  expect(budgetBurnt(1, 1, 50)).toBeNull();
  expect(budgetBurnt(0, 0.99, 50)).toBe(0);
});
