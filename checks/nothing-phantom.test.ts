import { expect, it } from 'vitest';
import { fileOf, recordOf, type Story, viewOf } from '../analysis/testing.ts';
import { buildView } from '../analysis/view.ts';
import type { Event } from '../record/model.ts';
import { judge } from './nothing-phantom.ts';

const ask = (story: Story) => judge(viewOf(story));
const look: Event = { at: 9_000, kind: 'serves', pod: 'a', uid: 'a', ready: true, serves: true, detail: '' };
const refused: NonNullable<Story['write']> = (index) => (index === 8 ? { outcome: 'F', status: 503 } : {});
const ended =
  (patch: object): NonNullable<Story['edit']> =>
  (event) =>
    event.kind === 'load.ended' ? { ...event, ...patch } : event;
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

it('names a refused write of which a part is stored, and no other one', () => {
  const verdict = ask({ write: refused, stored: withLine('1:3-3 part') });
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
  expect(verdict.reason).toContain('1 of 1 failed writes are stored (1 in part): load/1:3');
  const unknown: NonNullable<Story['write']> = (index) => (index === 8 ? { outcome: 'U', status: 0 } : {});
  expect(ask({ write: unknown, stored: withLine('1:3-3 part') }).verdict).toBe('pass');
  expect(ask({ stored: withLine('1:302-302 part') })).toMatchObject({
    verdict: 'fail',
    observed: { value: 1 },
  });
});

it('names a stored write that nobody sent', () => {
  // Every virtual user wrote 300. However the generator ended, 301 may have been in flight, since k6 interrupts what its grace does not wait for.
  expect(ask({ stored: withLine('1:301-301'), edit: ended({ exitCode: 105 }) }).verdict).toBe('pass');
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

it.each<[string, Story, string]>([
  ['left no count of its writes', { edit: ended({ iterations: null, exitCode: null }) }, 'no count'],
  ['has no end', { edit: (event) => (event.kind === 'load.ended' ? null : event) }, 'end of its writer'],
  ['has fewer lines than iterations', { edit: ended({ iterations: 1_300 }) }, '1200 lines for 1300'],
  [
    'has a number above all that were sent',
    { log: (text) => `${text}U 1:5000000 5 1 0 0 0 1\n` },
    'impossible number (line 1201)',
  ],
  [
    'has numbers without a line',
    { log: (text) => text.replace(/A 1:7 .*\n/, 'A 1:301 0 1 0\n') },
    '1 numbers',
  ],
])('accuses nobody when the ledger of a runner %s', (_, story, words) => {
  const verdict = ask({ ...story, stored: withLine('1:302-310') });
  expect(verdict).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining(words) });
});

it.each<[string, Event[], boolean, string | null]>([
  ['is whole', [], true, null],
  ['lacks the lines of looks that the history tells of', [look, look], true, '1 lines for 2 looks'],
  ['ends with a killed harness', [], false, 'did not come to its end'],
])('of what the harness wrote itself when its ledger %s', (_, events, ends, words) => {
  const record = recordOf({ events });
  const started = record.events.find((event) => event.kind === 'load.started')!;
  record.events.push({ ...started, runner: 'probe', vus: 1, forMs: 0, judged: false });
  record.events = record.events
    .map((event) => (event.kind === 'readback' ? { ...event, runners: ['load', 'probe'] } : event))
    .filter(({ kind }) => ends || kind !== 'run.ended');
  record.logs.push(fileOf('probe', 'A 1:1 0 5 0\n'));
  record.stored.push(fileOf('probe', '1:1-2\nend\n'));
  const verdict = judge(buildView(record));
  expect(verdict.verdict).toBe(words === null ? 'fail' : 'inconclusive');
  expect(verdict.reason).toContain(words ?? 'probe/1:2');
});

it('accuses nothing of a ledger that belongs to no load', () => {
  const view = viewOf({
    write: (index) => (index === 8 ? { outcome: 'F', status: 207 } : {}),
    stored: (text) => text.replace('2:2-2\n', '2:2-2 x2\n').replace('1:1-1\n', '1:3-3\n'),
    edit: (event) => (event.kind === 'load.started' ? null : event),
  });
  const { lost, duplicated, failedStored, partial, acknowledged } = view.account;
  expect([lost, duplicated, failedStored, partial].map(({ count }) => count)).toEqual([0, 0, 0, 0]);
  expect(acknowledged).toBe(0);
  expect(judge(view).verdict).toBe('inconclusive');
});
