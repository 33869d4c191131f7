import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { memoryJournal } from './fixture.ts';
import { killAndWait, logTail, startProcess } from './process.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string) => {
  const full = path.join(folder, name);
  writeFileSync(full, text);
  return full;
};

test('the tail of a log is its last lines, however long it is', () => {
  expect(logTail(file('short', 'one\ntwo\n'))).toBe('one\ntwo');
  const long = file(
    'long',
    `${'x'.repeat(300_000)}\n${Array.from({ length: 50 }, (_, i) => i).join('\n')}\n`,
  );
  expect(logTail(long)).toBe([38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49].join('\n'));
  expect(logTail(file('one line', 'x'.repeat(300_000)))).toHaveLength(2000);
  expect(logTail(file('empty', ''))).toBe('(its log is empty)');
  expect(logTail(path.join(folder, 'none'))).toBe('(it has no log)');
});

test('killAndWait ends a process that is stopped and deaf', async () => {
  const undo = memoryJournal();
  const running = startProcess({
    what: 'sleeper',
    file: '/bin/sh',
    args: ['-c', 'trap "" TERM; kill -STOP $$; sleep 60'],
    env: { PATH: process.env['PATH'] ?? '' },
    runId: 'test-process',
    logFile: path.join(folder, 'sleeper.log'),
    undo,
  });
  await killAndWait(running, 'sleeper');
  expect(await running.exited).toEqual({ exitCode: null, signal: 'SIGKILL' });
  expect(undo.open.size).toBe(0);
});
