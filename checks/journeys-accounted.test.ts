import { expect, it } from 'vitest';
import { runnersRecord } from '../analysis/testing-runners.ts';
import { fileOf, type Story, viewOf } from '../analysis/testing.ts';
import { buildView } from '../analysis/view.ts';
import { judge } from './journeys-accounted.ts';

const HEAD = '# kept waiting moved\n# broken failed-by-recovery moved-twice\n';
/** Of the healthy minute: four virtual users with 300 writes each. */
const ALL = [1, 2, 3, 4].map((vu) => `${vu}:1-300 waiting\n`).join('');
const ask = (states: string | undefined, story: Story = {}) =>
  judge(viewOf({ ...story, ...(states !== undefined && { states }) }));

it('passes when each acknowledged write is in one good state, and counts the states', () => {
  const states = `${HEAD}${ALL.replace('2:1-300 waiting\n', '2:1-100 waiting\n2:101-300 moved\n')}end\n`;
  expect(ask(states)).toMatchObject({
    verdict: 'pass',
    reason: expect.stringMatching(
      /each of 1200 .*load: 1200 acknowledged \(1000 waiting, 200 moved\); 0 unknown/,
    ),
  });
});

it('names who is lost, and who is in a state that breaks the promise', () => {
  const bad = ALL.replace('1:1-300 waiting\n', '1:1-2 waiting\n1:4-300 waiting\n')
    .replace('2:1-300 waiting\n', '2:1-1 failed-by-recovery\n2:2-300 waiting\n')
    .replace('3:1-300 waiting\n', '3:1-299 waiting\n3:300-300 moved-twice\n');
  const verdict = ask(`${HEAD}${bad}end\n`, { stored: (text) => text.replace('1:3-3\n', '') });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 3 } });
  expect(verdict.reason).toContain('1 lost: load/1:3');
  expect(verdict.reason).toContain('1 failed-by-recovery: load/2:1');
  expect(verdict.reason).toContain('1 moved-twice: load/3:300');
});

it('names twenty and counts all', () => {
  const stored = (text: string) => text.replaceAll(/^1:.*\n/gm, '');
  const verdict = ask(`${HEAD}${ALL.replace('1:1-300 waiting\n', '')}end\n`, { stored });
  expect(verdict.reason).toMatch(/300 lost: .*load\/1:20 .* and 280 more/);
});

it('keeps unknown writes apart', () => {
  const story: Story = { write: (index) => (index === 4 ? { outcome: 'U', status: 0, attempts: 1 } : {}) };
  const states = `${HEAD}${ALL.replace('1:1-300 waiting\n', '1:1-1 waiting\n1:3-300 waiting\n')}end\n`;
  expect(ask(states, story)).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('1 unknown are kept apart (1 absent)'),
  });
});

it.each<[string, string | undefined, string]>([
  ['nobody told states', undefined, 'ledger/load.states is missing'],
  ['the states were cut short', `${HEAD}${ALL}`, 'cut short'],
  ['a state is told twice', `${HEAD}${ALL}1:7-7 waiting\nend\n`, 'two states'],
  [
    'a stored write has no state',
    `${HEAD}${ALL.replace('1:1-300', '1:2-300')}end\n`,
    'load: 1199 writes have a state, and 1200 of its ledger are stored',
  ],
  [
    'a state is of nobody',
    `${HEAD}${ALL.replace('1:1-300 waiting', '1:2-300 waiting')}9:77-77 waiting\nend\n`,
    '9:77-77 has a state, and the ledger ends before it',
  ],
  ['a line is damaged', `${HEAD}${ALL}1:x\nend\n`, 'no range of states'],
  [
    'a state is not of the contract',
    `${HEAD}${ALL.replace('4:1-300 waiting', '4:1-300 dreaming')}end\n`,
    '"dreaming"',
  ],
])('cannot tell when %s', (_, states, why) => {
  expect(ask(states)).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining(why) });
});

it('accuses what a sound line accuses, whatever else is damaged', () => {
  const bad = ALL.replace('2:1-300 waiting\n', '2:1-1 failed-by-recovery\n2:2-300 waiting\n');
  for (const damaged of [`${HEAD}${bad}1:x\nend\n`, `${HEAD}${bad}`]) {
    const verdict = ask(damaged);
    expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
    expect(verdict.reason).toContain('1 failed-by-recovery: load/2:1');
    expect(verdict.reason).toContain('besides, ledger/load.states: ');
  }
  // But nobody is lost for want of a line.
  const holes = ask(`${HEAD}${ALL.replace('1:1-300 waiting', '1:x')}end\n`);
  expect(holes).toMatchObject({ verdict: 'inconclusive', observed: { value: null } });
  expect(holes.reason).not.toContain('0 wrong');
  expect(holes.reason).toContain('not all of load could be judged');
});

it('claims nothing of a runner that told no states', () => {
  const { reason, observed } = ask(undefined);
  expect(reason).toContain(
    'not all of load could be judged: ledger/load.states is missing. By state: none known',
  );
  expect(observed).toMatchObject({ value: null });
});

it('names an acknowledged write with two different states, and keeps an unknown one apart', () => {
  const states = `${HEAD}${ALL}1:7-7 moved\nend\n`;
  const verdict = ask(states);
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
  expect(verdict.reason).toContain('1 waiting and moved: load/1:7');
  const unknown: Story = { write: (index) => (index === 24 ? { outcome: 'U', status: 0, attempts: 1 } : {}) };
  expect(ask(states, unknown).verdict).toBe('inconclusive');
});

it('doubts states of a runner without a ledger', () => {
  const view = viewOf({ states: `${HEAD}${ALL}end\n` });
  const foreign = { runner: 'foreign', chunks: () => [new TextEncoder().encode(`${HEAD}end\n`)] };
  expect(judge(view).verdict).toBe('pass');
  expect(judge({ ...view, states: [...view.states, foreign] })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('ledger/foreign.states belongs to no ledger'),
  });
});

it('holds the states of each runner against what is stored of it, and judges the others', () => {
  const of = (first: string, second: string) =>
    judge(
      buildView({
        ...runnersRecord({ count: 2 }),
        states: [fileOf('load-1', `${HEAD}${first}end\n`), fileOf('load-2', `${HEAD}${second}end\n`)],
      }),
    );
  expect(of('1:1-600 waiting\n', '2:1-600 waiting\n').verdict).toBe('pass');
  // As many as are stored in all, but one too few of the one and one too many of the other.
  const crossed = of('1:1-599 waiting\n', '2:1-601 waiting\n');
  expect(crossed.verdict).toBe('inconclusive');
  expect(crossed.reason).toContain('load-1: 599 writes have a state, and 600 of its ledger are stored');
  expect(crossed.reason).toContain('load-2: 601 writes');
  const short = of('1:1-599 waiting\n', '2:1-600 waiting\n');
  expect(short.reason).toContain('0 wrong of 600 acknowledged, but not all of load-1 could be judged');
});

it('cannot tell without anything at risk, or without a read-back', () => {
  const nothing: Story = { write: () => ({ outcome: 'F', status: 429 }), stored: () => 'end\n' };
  expect(ask(`${HEAD}end\n`, nothing)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('nothing was acknowledged'),
  });
  const unread: Story = {
    edit: (event) => (event.kind === 'readback' ? { ...event, complete: false } : event),
  };
  expect(ask(`${HEAD}${ALL}end\n`, unread).verdict).toBe('inconclusive');
});
