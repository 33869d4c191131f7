import { describe, expect, it } from 'vitest';
import { coming, endpoints, going } from '../analysis/disruption/testing.ts';
import { ANCHOR_MS, faultEvents, podEvent, type Story, viewOf } from '../analysis/testing.ts';
import type { AttemptLine } from '../record/ledger.ts';
import type { Event } from '../record/model.ts';
import { judge, options } from './no-request-lost.ts';

/** A rollout from 20 s to 30 s; pod a is asked to go at 21.0 s, gets SIGTERM at 24.0 s and ends at 24.2 s. */
const events: Event[] = [
  endpoints(600, 'a', 'b', 'c'),
  ...faultEvents('rollout', 20_000, 30_000),
  ...coming('d', 20_100, 20_900),
  endpoints(20_950, 'a', 'b', 'c', 'd'),
  ...going({ pod: 'a', t0Ms: 21_000, sigtermMs: 24_000, endedMs: 24_200 }),
  endpoints(21_010, 'b', 'c', 'd'),
];
const told: Story = {
  faults: [{ name: 'rollout', fault: 'rollout-restart' }],
  workload: { graceMs: 8_000 },
  events,
};

const ask = (story: Story = {}, retriesAllowed = false) =>
  judge(viewOf({ ...told, ...story }), options.parse({ retriesAllowed }), { during: 'rollout' });

/** Index of the write that is due at a moment of the run. */
const at = (runMs: number) => Math.round((runMs - ANCHOR_MS) / 50);
const attempt = (runMs: number, more: Partial<AttemptLine> = {}): Omit<AttemptLine, 'vu' | 'n'> => ({
  atMs: runMs - ANCHOR_MS,
  latMs: 2,
  status: 0,
  code: 1000,
  connection: 'reused',
  pod: 'a',
  ...more,
});
/** One write ends unknown, cut on the connection of pod a. */
const cutAt = (runMs: number): Story => ({
  write: (index) => (index === at(runMs) ? { outcome: 'U', status: 0, code: 1000 } : {}),
  attempts: (index) => (index === at(runMs) ? [attempt(runMs)] : []),
});

describe('a rollout in which nobody lost a request', () => {
  it('passes, with how many were at risk and what that bounds', () => {
    const verdict = ask();
    expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 0 } });
    // t0 21.0 s and 8 s of grace, at 20 requests a second.
    expect(verdict.reason).toMatch(
      /^none of 16[01] requests was lost that were in flight or arrived while 1 pod went/,
    );
    expect(verdict.reason).toContain('<= 1.8');
    expect(verdict.reason).toMatch(/of the \d{3} of the undisturbed rest none was/);
  });

  it('is told apart from one in which no pod ended, or nobody asked for anything', () => {
    const quiet = events.filter((event) => event.kind !== 'pod');
    expect(ask({ events: quiet })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('no pod ended'),
    });
    const silence = ask({ write: (_, dueMs) => (dueMs > 18_000 && dueMs < 35_000 ? null : {}) });
    expect(silence).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringMatching(/^0 requests were at risk/),
    });
  });

  it('is no pass while pods were not watched, or lines are missing', () => {
    const gap: Event = {
      at: 26_000,
      kind: 'gap',
      what: 'pods watch',
      fromMs: 22_000,
      toMs: 26_000,
      why: 'ECONNREFUSED',
    };
    expect(ask({ events: [...events, gap] })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('not watched'),
    });
    const damaged = ask({ log: (text) => text.replace(/^A 1:90 .*$/m, 'A 1:90') });
    expect(damaged).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('ledger/load.log'),
    });
  });

  it('is no pass where the times of the load may be those of another window', () => {
    const known = (anchorBoundMs: number): Story => ({
      edit: (event) => (event.kind === 'load.ended' ? { ...event, anchorBoundMs } : event),
    });
    expect(ask(known(1_400))).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('the times of load are known to +- 1.4 s only'),
    });
    expect(ask(known(300)).verdict).toBe('pass');
  });

  it('is no failure either where the times of the load may be those of another window', () => {
    expect(ask(cutAt(23_100)).verdict).toBe('fail');
    const edit: Story['edit'] = (event) =>
      event.kind === 'load.ended' ? { ...event, anchorBoundMs: 6_000 } : event;
    expect(ask({ ...cutAt(23_100), edit })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('so whether that was in rollout is not'),
    });
  });

  it('counts an attempt whose own line was lost', () => {
    const verdict = ask({ write: (index) => (index === at(23_100) ? { attempts: 2 } : {}) });
    expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
    expect(verdict.reason).toContain('1 request acknowledged only at another attempt');
  });

  it('does not answer for what the next fault does while its pods would still have grace', () => {
    const next = (endedMs: number): Story => ({
      faults: [...(told.faults ?? []), { name: 'cut', fault: { chaos: 'cut' }, forMs: 3_000 }],
      events: [
        ...events,
        ...going({ pod: 'b', t0Ms: 29_000, sigtermMs: 29_100, endedMs }),
        ...faultEvents('cut', 33_000, 36_000),
      ],
      write: (index) => (index === at(34_000) ? { outcome: 'U', status: 503, code: 1503 } : {}),
    });
    expect(ask(next(29_900)).verdict).toBe('pass');
    expect(ask(next(34_500))).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('another disturbance began at 32.8 s'),
    });
  });

  it('needs a load that outlives the pods, and an end of theirs that was seen', () => {
    expect(ask({ forMs: 22_500 })).toMatchObject({
      verdict: 'inconclusive',
      reason:
        'the load was over at 23.5 s, before a had ended, so nobody asked anything of it when it stopped.',
    });
    const endless = events.filter(({ kind, at: atMs }) => kind !== 'pod' || atMs < 24_200);
    expect(ask({ events: endless })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('before a had ended'),
    });
  });

  it('does not pass over arrivals that the generator dropped while the pod went', () => {
    const dropped = ask({
      write: (index) => (index >= at(23_900) && index < at(24_300) ? null : {}),
    });
    expect(dropped).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('the generator dropped 8 of 80 arrivals'),
    });
    // Elsewhere they are the business of the check of the generator.
    expect(ask({ write: (index) => (index === at(50_000) ? null : {}) }).verdict).toBe('pass');
  });

  it('nor over those that it sent when the pod had gone', () => {
    const stalled = ask({
      write: (index) => (index >= at(23_900) && index < at(24_300) ? { lagMs: 400, latMs: 420 } : {}),
    });
    expect(stalled).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('the generator started 8 of 80 arrivals of the seconds in which pods'),
    });
    expect(ask({ write: (index) => (index === at(50_000) ? { lagMs: 400, latMs: 420 } : {}) }).verdict).toBe(
      'pass',
    );
  });

  it('needs an undisturbed control', () => {
    const only = ask({ write: (_, dueMs) => (dueMs >= 19_800 && dueMs < 27_000 ? {} : null) });
    expect(only.verdict).not.toBe('pass');
  });

  it('needs a fault that was proven', () => {
    const unproven = events.filter((event) => event.kind !== 'fault.proof');
    expect(ask({ events: unproven }).verdict).toBe('invalid');
  });
});

describe('a request that was lost', () => {
  it('fails, with its cause, its pod and the life of that pod', () => {
    expect(ask(cutAt(24_100))).toMatchObject({
      verdict: 'fail',
      observed: { value: 1 },
      reason: expect.stringMatching(
        /^1 request lost in rollout: not-drained 1 \(load\/\d+:\d+ at 24\.1 s, not-drained: .*a was asked to go at 21\.0 s \(rollout, grace 8\.0 s\), SIGTERM 24\.0 s, ended 24\.2 s with exit code 0\)\. 16\d requests at risk/,
      ),
    });
  });

  it('fails without a cause, too, and blames nobody', () => {
    expect(ask(cutAt(22_000))).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('unattributed 1'),
    });
    // A ledger without lines of attempts.
    expect(ask({ ...cutAt(24_100), attempts: () => [] })).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('unattributed 1'),
    });
  });

  it('counts for the disturbance when a pod that ended in it cut the request after its window', () => {
    const late = going({ pod: 'b', t0Ms: 29_500, sigtermMs: 32_500, endedMs: 32_700 });
    const story = { ...cutAt(32_600), events: [...events, ...late] };
    const of = {
      ...story,
      attempts: (index: number) => (index === at(32_600) ? [attempt(32_600, { pod: 'b' })] : []),
    };
    expect(ask(of)).toMatchObject({ verdict: 'fail', reason: expect.stringContaining('not-drained') });
  });

  it('makes the run invalid where nothing was disturbed', () => {
    expect(ask(cutAt(12_000))).toMatchObject({
      verdict: 'invalid',
      reason: expect.stringMatching(/^1 of the \d+ requests of the undisturbed rest/),
    });
    expect(ask(cutAt(50_000)).verdict).toBe('invalid');
    // Of the warm-up nothing is asked.
    expect(ask(cutAt(2_000)).verdict).toBe('pass');
  });

  it('may be the end of the load itself: that is no loss', () => {
    const edit: Story['edit'] = (event) =>
      event.kind === 'load.ended' ? { ...event, exitCode: 105 } : event;
    const story = { ...cutAt(60_900), edit };
    expect(ask(story).verdict).not.toBe('invalid');
  });
});

describe('a request that was made good by another attempt', () => {
  const story: Story = {
    write: (index) => (index === at(24_100) ? { status: 200, attempts: 2 } : {}),
    attempts: (index) => (index === at(24_100) ? [attempt(24_100, { status: 503, code: 1503 })] : []),
  };

  it('is a failure for clients that do not try again', () => {
    expect(ask(story)).toMatchObject({
      verdict: 'fail',
      reason: expect.stringMatching(
        /^1 request acknowledged only at another attempt.*dependency-closed-first 1/,
      ),
    });
  });

  it('is none, and is told, where all clients do', () => {
    expect(ask(story, true)).toMatchObject({
      verdict: 'pass',
      reason: expect.stringContaining('retried with success: dependency-closed-first 1'),
    });
  });
});

it('tells late requests with their cause and fails none of them', () => {
  const few = [...events, endpoints(25_000, 'b', 'c'), endpoints(26_000, 'b', 'c', 'd')];
  const verdict = ask({ events: few, write: (index) => (index === at(25_200) ? { latMs: 900 } : {}) });
  expect(verdict).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('late: capacity-dip 1') });
});

it('does not blame one pod for what all of them answer', () => {
  const fresh = [...events, podEvent(20_950, 'd', 'ready', '')];
  const answer503 = (pod: string): Story => ({
    events: fresh,
    write: (index) =>
      index === at(22_000) || index === at(22_050)
        ? { outcome: 'U', status: 503, code: 1503, attempts: 1 }
        : {},
    attempts: (index) =>
      index === at(22_000)
        ? [attempt(22_000, { status: 503, code: 1503, pod: 'd' })]
        : index === at(22_050)
          ? [attempt(22_050, { status: 503, code: 1503, pod })]
          : [],
  });
  expect(ask(answer503('d')).reason).toContain('ready-too-early 2');
  expect(ask(answer503('b')).reason).toContain('unattributed 2');
});
