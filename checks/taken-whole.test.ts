import { expect, it } from 'vitest';
import { type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './taken-whole.ts';

const ask = (story: Story) => judge(viewOf(story));

it('passes when success means all of it', () => {
  expect(ask({}).verdict).toBe('pass');
  expect(ask({ write: (index) => (index === 9 ? { outcome: 'U', status: 504 } : {}) }).verdict).toBe('pass');
});

it.each([207, 200])('names a write answered with %i that was not taken whole', (status) => {
  const verdict = ask({ write: (index) => (index === 4 ? { outcome: 'U', status } : {}) });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
  expect(verdict.reason).toContain('1 of 1200 writes');
  expect(verdict.reason).toContain('load/1:2');
});

it('cannot tell without an answer, or from a damaged ledger', () => {
  expect(ask({ write: () => ({ outcome: 'F', status: 503 }) }).verdict).toBe('inconclusive');
  expect(ask({ log: (text) => text.replace('A 3:5 ', 'A 3;5 ') }).verdict).toBe('inconclusive');
});

it.each<[string, NonNullable<Story['log']>, string]>([
  ['a line is missing', (text) => text.replace(/^A 3:5 .*\n/m, ''), '1 numbers below the last have no line'],
  ['the ledger is missing', () => null, 'ledger/load.log is missing'],
])('cannot tell where %s', (_, log, words) => {
  expect(ask({ log })).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining(words) });
});

it('does not rest on what was read back', () => {
  expect(ask({ edit: (event) => (event.kind === 'readback' ? null : event) }).verdict).toBe('pass');
});

it('accuses nobody of a refusal that is answered with success: certainly nothing was taken', () => {
  const verdict = ask({ write: (index) => (index === 4 ? { outcome: 'F', status: 202 } : {}) });
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 0 } });
});
