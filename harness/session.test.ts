import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Event } from '../record/model.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { openSession, type RunRequest } from './session.ts';

let outDir: string;
beforeEach(() => {
  outDir = mkdtempSync(path.join(os.tmpdir(), 'proofload-session-'));
});
afterEach(() => rmSync(outDir, { recursive: true, force: true }));

function open(asker = new AbortController()) {
  const events: Event[] = [];
  const session = openSession({
    plan: SAMPLE_PLAN,
    outDir,
    observers: [{ event: (event: Event) => events.push(event), progress: () => undefined }],
    signal: asker.signal,
  } as unknown as RunRequest);
  return { session, aborted: () => events.filter(({ kind }) => kind === 'run.aborted') };
}

it('ends once, with one reason, when the history cannot be written', () => {
  const { session, aborted } = open();
  const away = `${session.dir}-away`;
  renameSync(session.dir, away); // as little can be written as on a full disk
  session.writer.emit({ kind: 'note', text: 'a' });
  renameSync(away, session.dir);
  expect(session.signal.aborted).toBe(true);
  expect(aborted()).toMatchObject([{ verdict: 'invalid', why: expect.stringContaining('ENOENT') as string }]);
  session.writer.close();
});

it('keeps the first reason', () => {
  const { session, aborted } = open();
  session.abort('inconclusive', 'one');
  session.abort('invalid', 'two');
  expect(aborted()).toMatchObject([{ verdict: 'inconclusive', why: 'one', phase: 'deploy' }]);
  session.writer.close();
});

it('tells its own end from that of whoever asked for the run', () => {
  const asker = new AbortController();
  const asked = open(asker).session;
  asker.abort();
  asked.abort('invalid', 'too late');
  expect([asked.signal.aborted, asked.isAborted()]).toEqual([true, false]);
  asked.writer.close();
  const { session } = open();
  session.abort('invalid', 'why');
  expect([session.signal.aborted, session.isAborted()]).toEqual([true, true]);
  session.writer.close();
});
