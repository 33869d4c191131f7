import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge, options } from './quiet.ts';

const ask = (story: Story) => judge(viewOf(story), options.parse({}));

it('passes when nothing happens, also at the end of the run', () => {
  expect(
    ask({ events: [{ at: 70_000, kind: 'pod', pod: 'a', uid: 'a', state: 'terminating', why: 'remove' }] })
      .verdict,
  ).toBe('pass');
});

it('fails when a pod moves or a write fails', () => {
  const restarted = ask({
    events: [{ at: 30_000, kind: 'pod', pod: 'a', uid: 'a', state: 'unready', why: 'readiness: 503' }],
  });
  expect(restarted).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('a unready at 30.0 s (readiness: 503)'),
  });
  const failing = ask({ write: (index) => (index === 300 ? { outcome: 'F', status: 503 } : {}) });
  expect(failing).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('1 of 1100 arrivals') });
});

it('does not take the end of a run that was interrupted in its warm-up for unrest', () => {
  const removed = (atMs: number): Story => ({
    warmupMs: 10_000,
    log: () => '',
    edit: (event) =>
      event.kind === 'run.ended'
        ? { ...event, interrupted: true }
        : event.kind === 'load.ended'
          ? { ...event, at: 4_000, exitCode: 105 }
          : event,
    events: [
      { at: 5_000, kind: 'phase', phase: 'undo' },
      { at: atMs, kind: 'pod', pod: 'a', uid: 'a', state: 'terminating', why: 'remove' },
    ],
  });
  expect(ask(removed(5_500)).verdict).toBe('inconclusive');
  expect(ask(removed(3_500)).verdict).toBe('fail');
});

it('cannot tell without writes or pods', () => {
  expect(ask({ log: () => '' }).verdict).toBe('inconclusive');
  expect(ask({ edit: (event) => (event.kind === 'pod' ? null : event) }).verdict).toBe('inconclusive');
});

it('cannot tell while pods were not watched', () => {
  const gap = {
    at: 40_000,
    kind: 'gap' as const,
    what: 'pods watch',
    fromMs: 20_000,
    toMs: 40_000,
    why: 'ECONNREFUSED',
  };
  const blind = ask({ events: [gap] });
  expect(blind.verdict).toBe('inconclusive');
  expect(blind.reason).toContain('from 20.0 s to 40.0 s (ECONNREFUSED)');
});

it('is not for a run that disturbs', () => {
  const faults = [{ name: 'cut', fault: { chaos: 'cut' } }];
  expect(ask({ faults, events: faultEvents('cut', 21_000, 26_000) }).verdict).toBe('not_run');
});

it('does not hold against the system what the end of the run cut off', () => {
  // Stopped at 30 s: writes in flight end unknown with it, and then the pods are taken down.
  const stopped: Story = {
    forMs: 60_000,
    write: (_, dueMs) => (dueMs >= 29_900 && dueMs < 30_000 ? { outcome: 'U', status: 0, latMs: 20 } : {}),
    log: (text) =>
      text
        .split('\n')
        .filter((line) => Number(line.split(' ')[2] ?? 0) < 30_000)
        .map((line) => `${line}\n`)
        .join(''),
    events: [
      { at: 31_500, kind: 'phase', phase: 'undo' },
      { at: 31_600, kind: 'pod', pod: 'a', uid: 'a', state: 'terminating', why: 'remove' },
    ],
  };
  const edit: Story['edit'] = (event) =>
    event.kind === 'run.ended'
      ? { ...event, interrupted: true }
      : event.kind === 'load.ended'
        ? { ...event, at: 31_400, exitCode: 105, iterations: 600 }
        : event;
  expect(ask({ ...stopped, edit }).verdict).toBe('pass');
  // The harness was killed before it could tell of any end.
  const killed: Story['edit'] = (event) =>
    ['load.ended', 'run.ended', 'readback'].includes(event.kind) ? null : event;
  expect(ask({ ...stopped, edit: killed }).verdict).toBe('pass');
});
