/** Each cause with a failure that it explains, and beside it one that it does not. */
import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { Event } from '../../record/model.ts';
import { podEvent, type Story, viewOf } from '../testing.ts';
import { attribute } from './causes.ts';
import type { Failure } from './failure.ts';
import { podLives } from './pod-lives.ts';
import { coming, endpoints, going } from './testing.ts';

const all = endpoints(600, 'a', 'b', 'c');
/** a is asked to go at 20.0 s, is out of the endpoints at once and gets SIGTERM at 23.0 s. */
const rollout = (more: { endedMs: number; exitCode?: number; killed?: boolean }): Event[] => [
  all,
  ...going({ pod: 'a', t0Ms: 20_000, sigtermMs: 23_000, ...more }),
  endpoints(20_010, 'b', 'c', 'd'),
];

function ask(events: Event[], failure: Partial<Failure>, story: Story & { othersFail?: boolean } = {}) {
  const view = viewOf({ ...story, events });
  const { replicas, readiness } = view.plan.workload;
  const fromMs = failure.fromMs ?? 0;
  return attribute(
    {
      fromMs,
      toMs: fromMs + 5,
      status: 0,
      code: 1000,
      connection: 'reused',
      pod: 'a',
      idleMs: 5,
      ...failure,
    },
    {
      lives: podLives(view),
      replicas,
      hasReadinessProbe: readiness !== undefined,
      othersFail: () => story.othersFail ?? false,
    },
  );
}

const cut = (fromMs: number, more: Partial<Failure> = {}): Partial<Failure> => ({ fromMs, ...more });
const refused = (fromMs: number, more: Partial<Failure> = {}): Partial<Failure> => ({
  fromMs,
  code: 1212,
  connection: 'none',
  pod: null,
  ...more,
});

describe('a connection that was in use', () => {
  it('was not drained by a pod that ended as soon as it got SIGTERM, with any exit code', () => {
    for (const exitCode of [0, 1, 143])
      expect(ask(rollout({ endedMs: 23_300, exitCode }), cut(23_150))).toMatchObject({
        cause: 'not-drained',
        pod: 'a',
        evidence: `a connection in use was closed; a was asked to go at 20.0 s (rollout, grace 30.0 s), SIGTERM 23.0 s, ended 23.3 s with exit code ${exitCode}`,
      });
    // The default action of the signal, however late it was seen.
    expect(ask(rollout({ endedMs: 26_000, exitCode: 143 }), cut(25_900))).toMatchObject({
      cause: 'not-drained',
    });
  });

  it('raced with the end of a pod that did drain for a while', () => {
    expect(ask(rollout({ endedMs: 27_000 }), cut(26_900))).toMatchObject({
      cause: 'keep-alive-race',
      pod: 'a',
    });
  });

  it('is not blamed on a crash that it came after', () => {
    const crash = [all, { ...podEvent(10_000, 'a', 'exited', 'crash'), exitCode: 1 }];
    const at = (fromMs: number, idleMs: number | null) => ask(crash, cut(fromMs, { idleMs }));
    expect(at(10_000, 20)).toMatchObject({ cause: 'oom-or-crash', pod: 'a' });
    // It had slept over the crash, or nobody knows for how long it had slept.
    expect(at(40_000, 35_000)).toMatchObject({ cause: 'oom-or-crash' });
    expect(at(40_000, null)).toMatchObject({ cause: 'oom-or-crash' });
    expect(at(40_000, 6_000)).toMatchObject({ cause: 'keep-alive-race' });
    expect(at(40_000, 20)).toMatchObject({ cause: 'unattributed', pod: null });
  });

  it('is not blamed on a pod before its SIGTERM, or on another one', () => {
    const before = ask(rollout({ endedMs: 23_300 }), cut(21_000));
    expect(before).toMatchObject({ cause: 'unattributed', pod: null });
    expect(ask(rollout({ endedMs: 23_300 }), cut(23_150, { pod: 'b' }))).toMatchObject({
      cause: 'unattributed',
    });
  });

  it('is nobody’s when answers name nobody, although the time would fit', () => {
    expect(ask(rollout({ endedMs: 23_300 }), cut(23_150, { pod: null }))).toMatchObject({
      cause: 'unattributed',
      evidence: expect.stringContaining('X-Served-By'),
    });
  });

  const killed = { endedMs: 50_000, exitCode: 137, killed: true };
  it('was cut by SIGKILL, which one pod may have earned by being slow', () => {
    const other = going({ pod: 'b', t0Ms: 20_000, sigtermMs: 23_000, endedMs: 23_500 });
    expect(ask([...rollout(killed), ...other], cut(49_900))).toMatchObject({
      cause: 'cut-by-sigkill',
      pod: 'a',
    });
    expect(ask(rollout(killed), cut(49_900))).toMatchObject({ cause: 'cut-by-sigkill' });
    // Closed by the server long before the kill.
    expect(ask(rollout(killed), cut(30_000))).toMatchObject({ cause: 'keep-alive-race' });
  });

  it('was cut because SIGTERM is ignored, which all pods show together', () => {
    const other = going({ pod: 'b', t0Ms: 21_000, sigtermMs: 24_000, ...killed, endedMs: 51_000 });
    expect(ask([...rollout(killed), ...other], cut(49_900))).toMatchObject({
      cause: 'sigterm-ignored',
      evidence: expect.stringMatching(/SIGKILL at the end of its grace.*all 2 pods/),
    });
  });

  it('ended with a pod that was killed without grace, or that crashed', () => {
    const force = [
      all,
      podEvent(20_000, 'a', 'sigkill', 'pod-kill'),
      ...going({ pod: 'a', why: 'pod-kill', t0Ms: 20_000, endedMs: 20_005, exitCode: 137 }),
      endpoints(20_100, 'b', 'c'),
    ];
    expect(ask(force, cut(19_998))).toMatchObject({ cause: 'force-deleted', pod: 'a' });
    // Its address is gone, and with it everybody who could say so.
    expect(ask(force, cut(20_500, { toMs: 23_500, code: 1050 }))).toMatchObject({ cause: 'force-deleted' });
    const crash = [
      all,
      podEvent(1_000, 'a', 'started', ''),
      { ...podEvent(20_000, 'a', 'exited', 'crash (OOMKilled)'), exitCode: 137 },
      endpoints(20_100, 'b', 'c'),
    ];
    expect(ask(crash, cut(19_900))).toMatchObject({
      cause: 'oom-or-crash',
      evidence: expect.stringContaining('OOMKilled'),
    });
    expect(ask(crash, refused(20_050))).toMatchObject({ cause: 'oom-or-crash', pod: 'a' });
    expect(ask(crash, cut(15_000))).toMatchObject({ cause: 'unattributed' });
  });

  it('was closed while idle by a server that lives on', () => {
    expect(ask([all], cut(20_000, { idleMs: 5_010, code: 1220 }))).toMatchObject({
      cause: 'keep-alive-race',
      evidence: expect.stringContaining('after 5.0 s without a request'),
    });
    expect(ask([all], cut(20_000, { idleMs: 300 }))).toMatchObject({ cause: 'unattributed' });
    expect(ask([all], cut(20_000, { idleMs: null }))).toMatchObject({ cause: 'unattributed' });
  });

  it('fell silent while there were too few pods', () => {
    const few = [all, endpoints(20_000, 'b', 'c')];
    const silent = cut(20_500, { toMs: 23_500, code: 1050, pod: 'b' });
    expect(ask(few, silent)).toMatchObject({
      cause: 'capacity-dip',
      evidence: expect.stringContaining('2 of 3 pods'),
    });
    expect(ask([all], silent)).toMatchObject({ cause: 'unattributed' });
    // Too few pods close no connection.
    expect(ask(few, cut(20_500, { pod: 'b' }))).toMatchObject({ cause: 'unattributed' });
  });
});

describe('a new connection', () => {
  /** Without a hook: SIGTERM comes at once, and the news a second later. */
  const bare = [
    all,
    ...going({ pod: 'a', t0Ms: 20_000, sigtermMs: 20_000, endedMs: 20_900 }),
    endpoints(21_000, 'b', 'c'),
  ];

  it('was refused by a listener that closed before the endpoints knew', () => {
    expect(ask(bare, refused(20_300))).toMatchObject({ cause: 'listener-closed-before-endpoints', pod: 'a' });
    // Through a proxy a refusal is a reset.
    expect(ask(bare, refused(20_300, { code: 1220, connection: 'new' }))).toMatchObject({
      cause: 'listener-closed-before-endpoints',
    });
  });

  it('went to a pod that was gone', () => {
    expect(ask(bare, refused(21_500, { toMs: 24_500, code: 1050 }))).toMatchObject({
      cause: 'stale-route',
      pod: 'a',
    });
    expect(ask(bare, refused(21_500, { code: 1213 }))).toMatchObject({ cause: 'stale-route' });
    // Long after everybody should have heard.
    expect(ask(bare, refused(40_000))).toMatchObject({ cause: 'stale-route', pod: 'a' });
    expect(ask(bare, refused(22_500))).toMatchObject({ cause: 'listener-closed-before-endpoints' });
  });

  it('is not explained by a pod that left the endpoints long before its SIGTERM', () => {
    expect(ask(rollout({ endedMs: 23_300 }), refused(22_900))).toMatchObject({ cause: 'unattributed' });
    expect(ask(bare, refused(60_000))).toMatchObject({
      cause: 'unattributed',
      evidence: 'a new connection was refused at 60.0 s, and no pod was on its way out or in',
    });
  });

  it('names the cause and no pod where two went the same way, and no cause where they went different ways', () => {
    const same = going({ pod: 'b', t0Ms: 20_100, sigtermMs: 20_100, endedMs: 20_800 });
    expect(ask([...bare, ...same], refused(20_300))).toMatchObject({
      cause: 'listener-closed-before-endpoints',
      pod: null,
      evidence: expect.stringMatching(/a was asked.*; or b was asked/),
    });
    const killed = [
      podEvent(20_000, 'b', 'sigkill', 'pod-kill'),
      ...going({ pod: 'b', why: 'pod-kill', t0Ms: 20_000, endedMs: 20_005 }),
    ];
    expect(ask([...bare, ...killed], refused(20_300))).toMatchObject({
      cause: 'unattributed',
      evidence: expect.stringContaining('listener-closed-before-endpoints or force-deleted'),
    });
  });

  it('had nowhere to go', () => {
    expect(ask([all, endpoints(20_000)], refused(20_500))).toMatchObject({
      cause: 'capacity-dip',
      evidence: expect.stringContaining('no pod was ready'),
    });
  });

  it('came too early to a pod that nobody asked whether it was ready', () => {
    const fresh = [all, ...coming('d', 20_000, 20_100), endpoints(20_100, 'a', 'b', 'c', 'd')];
    const view = viewOf({ events: fresh });
    const setting = { lives: podLives(view), replicas: 3, hasReadinessProbe: false, othersFail: () => false };
    const failure: Failure = {
      fromMs: 20_200,
      toMs: 20_201,
      status: 0,
      code: 1212,
      connection: 'none',
      pod: null,
      idleMs: null,
    };
    expect(attribute(failure, setting)).toMatchObject({ cause: 'ready-too-early', pod: 'd' });
    expect(attribute(failure, { ...setting, hasReadinessProbe: true })).toMatchObject({
      cause: 'unattributed',
    });
  });
});

describe('an answer that is a failure', () => {
  const answer = (fromMs: number, pod: string | null, status = 503): Partial<Failure> => ({
    fromMs,
    status,
    code: 1_000 + status,
    pod,
  });
  const fresh = [all, ...coming('d', 20_000, 21_000), endpoints(21_000, 'a', 'b', 'c', 'd')];

  it('came from a new pod that said it was ready', () => {
    expect(ask(fresh, answer(23_500, 'd'))).toMatchObject({
      cause: 'ready-too-early',
      pod: 'd',
      evidence: 'HTTP 503 2.5 s after d became an endpoint',
    });
    expect(ask(fresh, answer(40_000, 'd'))).toMatchObject({ cause: 'unattributed' });
    expect(ask(fresh, answer(23_500, 'b'))).toMatchObject({ cause: 'unattributed' });
  });

  it('came from a pod that had closed what it needs', () => {
    const events = rollout({ endedMs: 24_000 });
    expect(ask(events, answer(23_400, 'a', 500))).toMatchObject({
      cause: 'dependency-closed-first',
      pod: 'a',
    });
    expect(ask(events, answer(21_000, 'a', 500))).toMatchObject({ cause: 'unattributed' });
  });

  it('is not the doing of one pod when the others fail, too', () => {
    expect(ask(fresh, answer(23_500, 'd'), { othersFail: true })).toMatchObject({ cause: 'unattributed' });
    expect(ask(rollout({ endedMs: 24_000 }), answer(23_400, 'a'), { othersFail: true })).toMatchObject({
      cause: 'unattributed',
    });
  });

  it('or a late acknowledgement may be the doing of too few pods', () => {
    const few = [all, endpoints(20_000, 'b', 'c')];
    expect(ask(few, answer(20_500, 'b'))).toMatchObject({ cause: 'capacity-dip' });
    expect(ask(few, { ...answer(20_500, null, 200), code: 0 })).toMatchObject({ cause: 'capacity-dip' });
    expect(ask(few, answer(20_500, 'b', 404))).toMatchObject({ cause: 'unattributed' });
  });
});

const moment = fc.integer({ min: 10_000, max: 90_000 });
const anyEnd = fc.record({
  pod: fc.constantFrom('a', 'b', 'c'),
  why: fc.constantFrom('rollout', 'eviction', 'pod-kill'),
  t0Ms: moment,
  hookMs: fc.integer({ min: 0, max: 5_000 }),
  drainMs: fc.option(fc.integer({ min: 0, max: 30_000 })),
  exitCode: fc.constantFrom(0, 1, 137, 143),
  killed: fc.boolean(),
});
const anyFailure = fc.record({
  fromMs: moment,
  latMs: fc.integer({ min: 0, max: 3_000 }),
  status: fc.constantFrom(0, 200, 404, 429, 500, 503),
  code: fc.constantFrom(0, 1000, 1050, 1101, 1201, 1211, 1212, 1213, 1220, 1503),
  connection: fc.constantFrom('reused', 'new', 'none'),
  pod: fc.constantFrom('a', 'b', 'elsewhere', null),
  idleMs: fc.option(fc.integer({ min: 0, max: 10_000 })),
});

test.prop([fc.uniqueArray(anyEnd, { selector: ({ pod }) => pod, maxLength: 3 }), anyFailure], {
  seed: 4,
  numRuns: 300,
})(
  'blames no pod for what was over before it was asked to go, and none but the one at the other end',
  (ends, failure) => {
    const events = ends.flatMap(({ hookMs, drainMs, ...end }) =>
      going({
        ...end,
        sigtermMs: end.t0Ms + hookMs,
        ...(drainMs === null ? {} : { endedMs: end.t0Ms + hookMs + drainMs }),
      }),
    );
    const toMs = failure.fromMs + failure.latMs;
    const blamed = ask([all, ...events], { ...failure, toMs });
    expect(blamed.evidence).not.toBe('');
    if (blamed.cause === 'unattributed') expect(blamed.pod).toBeNull();
    if (blamed.pod === null) return;
    if (failure.pod !== null && (failure.connection === 'reused' || failure.status !== 0))
      expect(blamed.pod).toBe(failure.pod);
    const end = ends.find(({ pod }) => pod === blamed.pod);
    // A server that lives on may close what was idle; everything else needs an end that had begun.
    if (end === undefined) expect(blamed.cause).toBe('keep-alive-race');
    else if (blamed.evidence.includes('was asked')) expect(toMs).toBeGreaterThanOrEqual(end.t0Ms - 250);
  },
);
