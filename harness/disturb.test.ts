import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CannotRun } from '../platforms/platform.ts';
import type { FaultObservation, PreparedFault } from '../platforms/platform.ts';
import type { EventOf } from '../record/model.ts';
import { RunWriter } from '../record/writer.ts';
import { disturb } from './disturb.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'disturb-test-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Plays a fault whose probe answers from `looks`, the last one for ever. Returns the kinds of events and what was called. */
async function play(
  looks: (FaultObservation | Error)[],
  overrides: Partial<PreparedFault> = {},
  forMs?: number,
  signal = new AbortController().signal,
  prepare?: () => Promise<PreparedFault>,
) {
  const started = performance.now();
  const nowMs = () => performance.now() - started;
  const writer = new RunWriter(dir, nowMs);
  const calls: string[] = [];
  const fault: PreparedFault = {
    targets: ['a'],
    detail: 'test',
    inject: () => Promise.resolve(void calls.push('inject')),
    heal: () => Promise.resolve(void calls.push('heal')),
    observe() {
      const look = looks.length > 1 ? looks.shift() : looks[0];
      return look instanceof Error
        ? Promise.reject(look)
        : Promise.resolve(look ?? { acting: false, detail: '' });
    },
    ...overrides,
  };
  const planned = {
    name: 'cut',
    fault: { chaos: 'cut' },
    atMs: 0,
    slotMs: 300,
    ...(forMs === undefined ? {} : { forMs }),
  };
  await disturb({
    planned,
    platform: { fault: prepare ?? (() => Promise.resolve(fault)) },
    writer,
    random: () => 0,
    nowMs,
    signal,
    leadMs: 0,
  });
  writer.close();
  const events = readFileSync(path.join(dir, 'history.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as EventOf<'fault.failed'>);
  return {
    calls,
    story: events.map((event) => (event as { saw?: string }).saw ?? event.kind),
    why: events.find((event) => event.kind === 'fault.failed')?.why,
  };
}

const idle = { acting: false, detail: 'idle' };
const acting = { acting: true, detail: 'acts' };

it('tells the whole story of a fault that acted and went', async () => {
  const { story, calls } = await play([idle, idle, acting, idle]);
  expect(story).toEqual(['fault.intent', 'acting', 'fault.injected', 'fault.healed', 'gone']);
  expect(calls[0]).toBe('inject');
});

it('does not believe a probe that sees the fault before it is there', async () => {
  const { story, why, calls } = await play([acting]);
  expect(story).toEqual(['fault.intent', 'fault.failed']);
  expect(why).toMatch(/before it was injected/);
  expect(calls).not.toContain('inject');
});

it('says that a healed fault is still there', async () => {
  const { why } = await play([idle, acting]);
  expect(why).toMatch(/still acting/);
});

it('heals a fault whose injection failed', async () => {
  const { calls, why } = await play([idle], { inject: () => Promise.reject(new Error('refused')) });
  expect(why).toMatch(/refused/);
  expect(calls).toContain('heal');
});

it('records what the fault touched besides its targets, and heals it', async () => {
  const wide = { ...acting, elsewhere: 'pod b is cut too' };
  const { story, calls } = await play([idle, wide, idle]);
  expect(story).toEqual(['fault.intent', 'elsewhere', 'acting', 'fault.injected', 'fault.healed', 'gone']);
  expect(calls).toContain('heal');
});

it('records it once where it widens while it lasts and ends late', async () => {
  const wide = { ...acting, elsewhere: 'pod b is cut too' };
  const { story } = await play([idle, acting, wide, wide, wide, idle], {}, 1_500);
  expect(story.filter((saw) => saw === 'elsewhere')).toHaveLength(1);
});

it('injects nothing where something is broken beside its targets already', async () => {
  const { why, calls } = await play([{ ...idle, elsewhere: 'pod b does not answer' }]);
  expect(why).toMatch(/before it was injected pod b does not answer/);
  expect(calls).not.toContain('inject');
});

it('says what a fault is aimed at that nobody is, and touches nothing', async () => {
  const prepare = () => Promise.reject(new CannotRun('no Ready pod has the labels app=nobody'));
  const { story, why, calls } = await play([idle], {}, undefined, undefined, prepare);
  expect(story).toEqual(['fault.failed']);
  expect(why).toContain('app=nobody');
  expect(calls).toEqual([]);
});

it('does not take for ended what could only be torn away, and heals again', async () => {
  const heal = vi.fn(() => Promise.reject(new Error('it hung on its finalizer and was torn away')));
  const { story, why } = await play([idle, acting], { heal });
  expect(story).not.toContain('gone');
  expect(why).toContain('torn away');
  expect(heal).toHaveBeenCalledTimes(2);
});

it('says that a fault stopped acting before its time', async () => {
  const { why } = await play([idle, acting, idle], {}, 5_000);
  expect(why).toMatch(/stopped acting/);
});

it('breaks nothing any more when the run has ended while targets were looked at', async () => {
  const stop = new AbortController();
  const observe = () => {
    stop.abort();
    return Promise.resolve(idle);
  };
  const { calls, why } = await play([idle], { observe }, undefined, stop.signal);
  expect(calls).not.toContain('inject');
  expect(why).toBe('the run ended before it was injected');
});

it('takes back only what has been made: a probe that fails meanwhile does not go before it', async () => {
  const done: string[] = [];
  const { calls, why } = await play([idle, new Error('no route')], {
    inject: async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      done.push('injected');
    },
    heal: () => Promise.resolve(void done.push('healed')),
  });
  expect(calls).toEqual([]);
  expect(why).toContain('no route');
  expect(done).toEqual(['injected', 'healed']);
});
