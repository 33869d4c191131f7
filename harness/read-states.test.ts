import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Contract, StateRange } from '../record/contract.ts';
import type { Event } from '../record/model.ts';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { readStates } from './read-states.ts';
import { openSession } from './session.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-states-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function setUp(read: (() => AsyncIterable<StateRange>) | null) {
  const events: Event[] = [];
  const states: Contract['states'] =
    read === null ? undefined : { kept: ['good'], broken: ['bad', 'worse'], read };
  const session = openSession({
    plan: SAMPLE_PLAN,
    platform: { storeEnv: () => ({}) } as never,
    contract: { ...(states && { states }) } as Contract,
    systemDir: dir,
    k6Path: '/nowhere/k6',
    outDir: dir,
    guards: {},
    observers: [{ event: (event) => void events.push(event), progress: () => undefined }],
    signal: new AbortController().signal,
  });
  for (const runner of ['load', 'probe'])
    writeFileSync(path.join(session.dir, 'ledger', `${runner}.log`), '');
  const file = (runner: string) => path.join(session.dir, 'ledger', `${runner}.states`);
  return { session, events, file, text: (runner: string) => readFileSync(file(runner), 'utf8') };
}

const HEAD = '# kept good\n# broken bad worse\n';

it('saves the states of every runner, also of one without any, and trusts no word', async () => {
  const { session, events, text, file } = setUp(async function* states() {
    yield { runner: 'load', vu: 1, from: 1, to: 7, state: 'good' };
    yield { runner: 'load', vu: 1, from: 8, to: 8, state: 'b\nend' };
    yield { runner: '../../x', vu: 1, from: 1, to: 1, state: 'bad' };
    yield { runner: 'made-up', vu: 1, from: 2, to: 2, state: 'bad' };
  });
  await readStates(session);
  expect(text('load')).toBe(`${HEAD}1:1-7 good\n1:8-8 unreadable\nend\n`);
  expect(text('probe')).toBe(`${HEAD}end\n`);
  expect(text('foreign')).toBe(`${HEAD}1:1-1 bad\n1:2-2 bad\nend\n`);
  expect(existsSync(path.join(dir, 'x.states'))).toBe(false);
  expect(events.filter(({ kind }) => kind === 'evidence')).toHaveLength(3);
  expect(existsSync(file('load'))).toBe(true);
});

it('leaves the end out when the answer was cut short', async () => {
  const { session, events, text } = setUp(async function* states() {
    yield { runner: 'load', vu: 1, from: 1, to: 7, state: 'good' };
    throw new Error('connection lost');
  });
  await readStates(session);
  expect(text('load')).not.toContain('end\n');
  expect(events).toContainEqual(
    expect.objectContaining({ kind: 'note', text: expect.stringContaining('connection lost') }),
  );
});

it('does nothing for a system that tells no states', async () => {
  const { session, file } = setUp(null);
  await readStates(session);
  expect(existsSync(file('load'))).toBe(false);
});
