import { expect, it } from 'vitest';
import { type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './stored-once.ts';

const ask = (story: Story) => judge(viewOf(story));

it('passes with the bound', () => {
  expect(ask({})).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('0 of 1200 stored writes are there twice'),
  });
});

it('names what is there twice, told as copies or in two ranges, whatever its outcome', () => {
  const verdict = ask({
    write: (index) => (index === 4 ? { outcome: 'U', status: 0 } : {}),
    stored: (text) => text.replace('1:3-3\n', '1:3-3 x2\n').replace('end\n', '2:7-7\n1:2-2 x3\nend\n'),
  });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 3 } });
  for (const id of ['load/1:3', 'load/2:7', 'load/1:2']) expect(verdict.reason).toContain(id);
});

it('cannot tell without stored writes, or without a whole answer', () => {
  expect(ask({ stored: () => 'end\n' })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('nothing is stored'),
  });
  expect(ask({ stored: (text) => text.replace('end\n', '') }).verdict).toBe('inconclusive');
});

it('takes a dead letter beside the stored write for no second copy', () => {
  const once = (text: string) => text.replace('1:2-2\n', '1:2-2\n1:2-2 dead\n');
  expect(ask({ stored: once }).verdict).toBe('pass');
  const twice = (text: string) => text.replace('1:2-2\n', '1:2-2\n1:2-2 x2 dead\n');
  expect(ask({ stored: twice })).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
});
