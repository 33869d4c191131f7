import { appendFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openActions, openJournal } from './undo.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'undo-test-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

it('gives back what was begun and not undone, the newest first, with what the deed added', () => {
  const journal = openJournal(dir);
  const folder = journal.intent({ kind: 'directory', path: '/tmp/x' });
  const pod = journal.intent({ kind: 'process', what: 'pod' });
  journal.acted(pod, { kind: 'process', what: 'pod', pid: 7, startTicks: 9 });
  const store = journal.intent({ kind: 'process', what: 'store' });
  journal.done(store);
  expect(openActions(dir)).toEqual([
    { id: pod, action: { kind: 'process', what: 'pod', pid: 7, startTicks: 9 } },
    { id: folder, action: { kind: 'directory', path: '/tmp/x' } },
  ]);
});

it('goes on counting where an earlier harness stopped', () => {
  const first = openJournal(dir).intent({ kind: 'process', what: 'a' });
  expect(openJournal(dir).intent({ kind: 'process', what: 'b' })).toBe(first + 1);
});

it('drops a torn last line', () => {
  openJournal(dir).intent({ kind: 'process', what: 'a' });
  appendFileSync(path.join(dir, 'undo.jsonl'), '{"id":2,"step":"int');
  expect(openActions(dir)).toHaveLength(1);
  // and what is appended after it is read again
  openJournal(dir).done(1);
  expect(openActions(dir)).toEqual([]);
});

it('passes over lines that are not of the journal', () => {
  appendFileSync(path.join(dir, 'undo.jsonl'), 'null\n7\n"x"\n{}\n');
  openJournal(dir).intent({ kind: 'process', what: 'a' });
  expect(openActions(dir)).toHaveLength(1);
});

it('begins nothing that it cannot write down, and does not fail where the deed is done', () => {
  const journal = openJournal(dir);
  const id = journal.intent({ kind: 'process', what: 'pod' });
  const away = `${dir}-away`;
  renameSync(dir, away); // as little can be written as on a full disk
  expect(() => journal.intent({ kind: 'process', what: 'store' })).toThrow('ENOENT');
  journal.acted(id, { kind: 'process', what: 'pod', pid: 7 });
  journal.done(id);
  renameSync(away, dir);
  expect(openActions(dir)).toHaveLength(1);
  journal.done(2);
  expect(openActions(dir)).toEqual([]);
});

it('has nothing to say of a run without a journal', () => {
  expect(openActions(dir)).toEqual([]);
});
