import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Event } from './model.ts';
import { replaceFile, RunWriter } from './writer.ts';

let dir: string;
let writer: RunWriter;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'writer-test-'));
  writer = new RunWriter(dir, () => 7);
});
afterEach(() => rmSync(dir, { recursive: true }));

const history = () => readFileSync(path.join(dir, 'history.jsonl'), 'utf8');

it('takes secrets out of events, of evidence, and of what other programs logged', () => {
  writer.redact(['hunter2-hunter2', 'quo"ted\nsecret']);
  writer.emit({ kind: 'note', text: 'the token is hunter2-hunter2 and quo"ted\nsecret' });
  writer.evidence('a', 'a.txt', 'a file', 'hunter2-hunter2');
  writeFileSync(path.join(dir, 'evidence', 'pod.log'), 'started with hunter2-hunter2\n');
  writer.close();
  const written = [
    history(),
    ...['a.txt', 'pod.log'].map((name) => readFileSync(path.join(dir, 'evidence', name), 'utf8')),
  ];
  for (const text of written) expect(text).not.toMatch(/hunter2|ted.{1,2}secret/s);
  expect(written.join()).toMatch(/\[redacted\]/);
});

it('redacts a log line by line, by what is known by then, also what has several lines', () => {
  expect(writer.redactLine('hunter2-hunter2 is not known yet')).toContain('hunter2');
  writer.redact(['hunter2-hunter2', 'BEGIN KEY\n  bWluZQ==\nEND']);
  expect(writer.redactLine('token=hunter2-hunter2 "{\\"t\\":\\"hunter2-hunter2\\"}"')).not.toContain(
    'hunter2',
  );
  expect(['BEGIN KEY', 'bWluZQ==', 'END of it'].map(writer.redactLine)).toEqual([
    '[redacted]',
    '[redacted]',
    'END of it',
  ]);
});

it('takes out the whole of a secret that has another one in it', () => {
  writer.redact(['hunter2', 'hunter2-and-more']);
  writer.emit({ kind: 'note', text: 'hunter2-and-more' });
  expect(history()).not.toContain('more');
});

it('writes one line an event, stamped by the clock of the run, and none after its end', () => {
  writer.emit({ kind: 'note', text: 'a\nb' });
  writer.emit({ kind: 'note', text: 'c', at: 3 });
  writer.close();
  writer.emit({ kind: 'note', text: 'late' });
  expect(
    history()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Event),
  ).toEqual([
    { kind: 'note', text: 'a\nb', at: 7 },
    { kind: 'note', text: 'c', at: 3 },
  ]);
});

it('goes on without an observer that fails, and says so', () => {
  writer.observe(() => {
    throw new Error('broken pipe');
  });
  writer.emit({ kind: 'note', text: 'a' });
  writer.emit({ kind: 'note', text: 'b' });
  expect(history().trim().split('\n')).toHaveLength(3);
  expect(history()).toMatch(/broken pipe/);
});

it('forgets no other observer when one fails within its own failure', () => {
  const told: string[] = [];
  let nested = false;
  writer.observe(() => {
    if (!nested) {
      nested = true;
      writer.emit({ kind: 'note', text: 'inner' });
    }
    throw new Error('broken pipe');
  });
  writer.observe(() => undefined);
  writer.observe((event) => told.push(event.kind === 'note' ? event.text : event.kind));
  writer.emit({ kind: 'note', text: 'outer' });
  told.length = 0;
  writer.emit({ kind: 'note', text: 'later' });
  expect(told).toEqual(['later']);
  expect(history().match(/broken pipe/g)).toHaveLength(1);
});

it('tells observers nothing that it would not write down', () => {
  const told: Event[] = [];
  writer.observe((event) => told.push(event));
  writer.redact(['hunter2-hunter2']);
  writer.emit({
    kind: 'run.aborted',
    phase: 'deploy',
    why: 'pg: hunter2-hunter2 refused',
    verdict: 'invalid',
  });
  expect(told).toMatchObject([{ kind: 'run.aborted', why: 'pg: [redacted] refused' }]);
});

it('leaves out an event that is too long to be read line by line', () => {
  writer.emit({ kind: 'note', text: 'x'.repeat(100_000) });
  expect(history()).toMatch(/left out/);
  expect(history().length).toBeLessThan(1_000);
});

it('goes on without a disk, says why, and writes everything once there is room', () => {
  writer.emit({ kind: 'note', text: 'a' });
  expect(writer.failure).toBeNull();
  const away = `${dir}-away`;
  renameSync(dir, away); // as little can be written as on a full disk
  writer.emit({ kind: 'note', text: 'b' });
  expect(writer.failure?.message).toContain('ENOENT');
  renameSync(away, dir);
  writer.close();
  expect(writer.failure).toBeNull();
  expect(history().trim().split('\n')).toHaveLength(2);
});

it('keeps room for the end of the run until then', () => {
  const reserve = path.join(dir, 'reserve');
  expect(readFileSync(reserve).length).toBeGreaterThan(100_000);
  writer.close();
  expect(existsSync(reserve)).toBe(false);
});

it('leaves nothing of a file that could not be replaced', () => {
  mkdirSync(path.join(dir, 'summary.md'));
  expect(() => replaceFile(path.join(dir, 'summary.md'), 'report')).toThrow('EISDIR');
  expect(readdirSync(dir).filter((name) => name.includes('.new-'))).toEqual([]);
});

it('replaces a file whole, and a link in its place rather than what it leads to', () => {
  const victim = path.join(dir, 'victim');
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, path.join(dir, 'summary.md'));
  replaceFile(path.join(dir, 'summary.md'), 'report');
  expect(readFileSync(victim, 'utf8')).toBe('untouched');
  expect(readFileSync(path.join(dir, 'summary.md'), 'utf8')).toBe('report');
});
