import { expect, it } from 'vitest';
import { type Story, viewOf } from '../analysis/testing.ts';
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
  const verdict = ask(`${HEAD}${bad}end\n`);
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 3 } });
  expect(verdict.reason).toContain('1 lost: load/1:3');
  expect(verdict.reason).toContain('1 failed-by-recovery: load/2:1');
  expect(verdict.reason).toContain('1 moved-twice: load/3:300');
});

it('names twenty and counts all', () => {
  const verdict = ask(`${HEAD}${ALL.replace('1:1-300 waiting\n', '')}end\n`);
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
  ['a write has two states', `${HEAD}${ALL}1:7-7 moved\nend\n`, 'two states'],
  ['a line is damaged', `${HEAD}${ALL}1:x\nend\n`, 'no range of states'],
  [
    'a state is not of the contract',
    `${HEAD}${ALL.replace('4:1-300 waiting', '4:1-300 dreaming')}end\n`,
    '"dreaming"',
  ],
])('cannot tell when %s', (_, states, why) => {
  expect(ask(states)).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining(why) });
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
