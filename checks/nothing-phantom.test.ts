import { expect, it } from 'vitest';
import { type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './nothing-phantom.ts';

const ask = (story: Story) => judge(viewOf(story));
const refused: NonNullable<Story['write']> = (index) => (index === 8 ? { outcome: 'F', status: 503 } : {});
const withLine =
  (line: string): NonNullable<Story['stored']> =>
  (text) =>
    text.replace('end\n', `${line}\nend\n`);

it('passes when everything stored was attempted and nothing refused is there', () => {
  expect(ask({ write: refused })).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('none of the 1 failed'),
  });
});

it('names a refused write that is stored', () => {
  const verdict = ask({ write: refused, stored: withLine('1:3-3') });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
  expect(verdict.reason).toContain('1 of 1 failed writes are stored: load/1:3');
});

it('names a stored write that nobody sent', () => {
  // Every virtual user wrote 300: 301 may be in flight, 302 may not.
  expect(ask({ stored: withLine('1:301-301') }).verdict).toBe('pass');
  const verdict = ask({ stored: withLine('1:302-303') });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 2 } });
  expect(verdict.reason).toContain('load/1:302, load/1:303');
});

it('cannot tell from a ledger with damage, but a refused write is sure', () => {
  const log: NonNullable<Story['log']> = (text) => text.replace('A 3:5 ', 'A 3;5 ');
  expect(ask({ log, stored: withLine('1:302-302') })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('load/1:302'),
  });
  expect(ask({ log, write: refused, stored: withLine('1:3-3') }).verdict).toBe('fail');
  expect(ask({ stored: () => 'end\n' })).toMatchObject({ verdict: 'inconclusive' });
});
