import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import type { Event } from '../record/model.ts';
import { judge } from './no-acknowledged-write-lost.ts';

const cut = { name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 };
const disturbed: Story = { faults: [cut], events: faultEvents('cut', 21_000, 26_000) };
const ask = (story: Story) => judge(viewOf(story));

it('passes with the bound, and with what was at risk', () => {
  const verdict = ask(disturbed);
  expect(verdict.verdict).toBe('pass');
  expect(verdict.reason).toContain('0 lost of 1200 acknowledged writes (<= 0.250 % at 95 %)');
  expect(verdict.reason).toContain('cut: 104, outside: 1096');
  expect(verdict.evidence).toContain('ledger/load.stored');
});

it('names every lost write and the window in which it was acknowledged', () => {
  // 1:101 is write 400, due at 20 s: in the window; 1:2 at 0.2 s is not.
  const verdict = ask({
    ...disturbed,
    stored: (text) => text.replace('1:101-101\n', '').replace('1:2-2\n', ''),
  });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 2 } });
  expect(verdict.reason).toContain('cut: 1, outside: 1');
  expect(verdict.reason).toContain(
    '(cut: acknowledged within 0.0 s, all while cut acted; outside: acknowledged from 1.2 s to 1.2 s)',
  );
  expect(verdict.reason).toContain('load/1:2 (1.2 s, outside), load/1:101 (21.0 s, cut)');
});

it('says how many were late, and by how much, whether others are lost or not', () => {
  // The load ends at 61.5 s; the last look of the story is from 62.5 s to 63.5 s.
  const looked = (at: number, fromMs: number, counts: { absent: number; lagging?: number }): Event => ({
    at,
    kind: 'readback',
    fromMs,
    toMs: at,
    complete: true,
    why: '',
    runners: ['load'],
    ...counts,
  });
  const story: Story = {
    events: [looked(62_000, 61_600, { absent: 7 }), looked(62_400, 62_100, { absent: 2, lagging: 5 })],
    edit: (event) => (event.kind === 'readback' ? { ...event, absent: 0, lagging: 2 } : event),
  };
  const words =
    '; 7 were lagging: absent from the look that began 0.1 s after the end of the load, there in one that ended 2.0 s after it.';
  expect(ask(story)).toMatchObject({ verdict: 'pass', reason: expect.stringContaining(words) });
  const lost = ask({ ...story, stored: (text) => text.replace('1:2-2\n', '') });
  expect(lost).toMatchObject({ verdict: 'fail', reason: expect.stringContaining(words) });
  expect(
    ask({ edit: (event) => (event.kind === 'readback' ? { ...event, absent: 0 } : event) }).reason,
  ).not.toContain('lagging');
});

it('accuses nobody where the harness died before it could look again', () => {
  const missing = (absent: number, ended: boolean): Story => ({
    stored: (text) => text.replace('1:2-2\n', ''),
    edit: (event) => {
      if (event.kind === 'run.ended' && !ended) return null;
      return event.kind === 'readback' ? { ...event, absent } : event;
    },
  });
  expect(ask(missing(1, true)).verdict).toBe('fail');
  expect(ask(missing(1, false))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('1 acknowledged writes may still have been late'),
  });
});

it('takes a part for nothing, and a dead letter for kept, and says how many there are', () => {
  const part = ask({ stored: (text) => text.replace('1:2-2\n', '1:2-2 part\n') });
  expect(part).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
  const dead = ask({ stored: (text) => text.replace('1:2-2\n', '1:2-2 dead\n') });
  expect(dead).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('1 of them are dead letters'),
  });
  const both = ask({ stored: (text) => text.replace('1:2-2\n', '').replace('1:3-3\n', '1:3-3 dead\n') });
  expect(both).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('of the others 1 are dead letters'),
  });
  expect(ask({}).reason).not.toContain('dead');
});

it('does not accuse unknown writes', () => {
  const verdict = ask({ write: (index) => (index % 7 === 0 ? { outcome: 'U', status: 0 } : {}) });
  expect(verdict).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('172 unknown writes') });
});

it('claims nothing of unknown writes where not all was read back', () => {
  const write: Story['write'] = (index) => (index % 7 === 0 ? { outcome: 'U', status: 0 } : {});
  for (const story of [
    { edit: (event) => (event.kind === 'readback' ? null : event) },
    { stored: (text) => text.replace('end\n', '') },
  ] satisfies Story[]) {
    const { reason } = ask({ write, ...story });
    expect(reason).toContain('172 unknown writes are kept apart (which of them are stored is not known)');
    expect(reason).not.toContain('172 not)');
  }
});

it.each<[string, Story, string]>([
  ['nothing was acknowledged', { write: () => ({ outcome: 'U', status: 0 }) }, 'no write was acknowledged'],
  [
    'the read-back is missing',
    { edit: (event) => (event.kind === 'readback' ? null : event) },
    'nothing was read back',
  ],
  [
    'the ledger is damaged',
    { log: (text) => text.replace('A 3:5', 'A 3;5'), stored: (text) => text },
    'damaged lines (line 19)',
  ],
  ['the ledger is missing', { log: () => null }, 'ledger/load.log is missing'],
  [
    'nothing was at risk in a window',
    {
      ...disturbed,
      write: (_, dueMs) => (dueMs > 19_000 && dueMs < 26_000 ? { outcome: 'U', status: 0 } : {}),
    },
    'no write was acknowledged in the window of cut',
  ],
])('cannot tell when %s', (_, story, words) => {
  const verdict = ask(story);
  expect(verdict.verdict).toBe('inconclusive');
  expect(verdict.reason).toContain(words);
});

it('says how many of those at risk were acknowledged while the fault was seen acting; none is no doubt', () => {
  expect(ask(disturbed).reason).toContain('acknowledged while the fault was seen acting: cut: 98');
  const total = ask({
    ...disturbed,
    write: (_, dueMs) => (dueMs >= 19_950 && dueMs < 25_000 ? { outcome: 'F', status: 503 } : {}),
  });
  expect(total).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('acting: cut: 0') });
});
