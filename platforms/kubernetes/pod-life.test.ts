import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { PodLives } from './pod-life.ts';
import type { PodFacts, ProbeKill } from './pod-life.ts';
import { readPod } from './pod-shape.ts';

const T0 = Date.parse('2026-01-01T00:00:00Z');
const time = (seconds: number) => new Date(T0 + seconds * 1_000).toISOString().replace('.000', '');

interface Shape {
  uid?: string;
  ready?: boolean;
  /** Seconds after T0 at which the deletion was accepted. */
  deletedS?: number;
  graceS?: number;
  evicted?: boolean;
  restarts?: number;
  state?: 'waiting' | 'running' | { exit: number; atS: number; reason?: string };
  last?: { exit: number; atS: number; reason?: string };
  sidecar?: { exit: number; atS: number } | 'running';
}

const terminated = (end: { exit: number; atS: number; reason?: string }, id: string) => ({
  terminated: {
    exitCode: end.exit,
    finishedAt: time(end.atS),
    containerID: `containerd://${id}-${end.atS}`,
    ...(end.reason !== undefined && { reason: end.reason }),
  },
});

function pod({ uid = 'u1', ready = false, graceS = 30, state = 'running', ...shape }: Shape) {
  const own =
    state === 'waiting' ? { waiting: {} } : state === 'running' ? { running: {} } : terminated(state, 'app');
  const { sidecar } = shape;
  return readPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app-1',
      uid,
      ...(shape.deletedS !== undefined && {
        deletionTimestamp: time(shape.deletedS + graceS),
        deletionGracePeriodSeconds: graceS,
      }),
    },
    spec: { terminationGracePeriodSeconds: 30 },
    status: {
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', message: 'containers with unready status: [app]' },
        ...(shape.evicted === true
          ? [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }]
          : []),
      ],
      containerStatuses: [
        {
          name: 'app',
          restartCount: shape.restarts ?? 0,
          state: own,
          lastState: shape.last === undefined ? {} : terminated(shape.last, 'app'),
        },
        ...(sidecar === undefined
          ? []
          : [
              {
                name: 'sidecar',
                state: sidecar === 'running' ? { running: {} } : terminated(sidecar, 'side'),
              },
            ]),
      ],
    },
  });
}

const facts = (over: Partial<PodFacts> = {}): PodFacts => ({
  before: false,
  whyDeleted: () => 'rollout',
  probeKill: () => undefined,
  ...over,
});

/** The words of a life: `state why`. */
function life(steps: ['ADDED' | 'MODIFIED' | 'DELETED', Shape][], over: Partial<PodFacts> = {}) {
  const lives = new PodLives('app');
  const seen = steps.map(([type, shape]) => lives.see(type, pod(shape), facts(over)));
  return {
    events: seen.flatMap(({ happenings }) => happenings),
    states: seen.flatMap(({ happenings }) =>
      happenings.map(({ state, why = '' }) => `${state} ${why}`.trim()),
    ),
    unseen: seen.flatMap(({ unseen }) => unseen ?? []),
  };
}

it('tells a good life from creation to deletion', () => {
  const { states, unseen } = life([
    ['ADDED', { state: 'waiting' }],
    ['MODIFIED', { state: 'running' }],
    ['MODIFIED', { ready: true }],
    ['MODIFIED', { ready: true, deletedS: 10 }],
    ['MODIFIED', { deletedS: 10, state: { exit: 0, atS: 26 } }],
    ['DELETED', { deletedS: 10, graceS: 0, state: { exit: 0, atS: 26 } }],
  ]);
  expect(states).toEqual([
    'created',
    'started',
    'ready',
    'terminating rollout',
    'unready containers with unready status: [app]',
    'exited',
    'deleted',
  ]);
  expect(unseen).toEqual([]);
});

it.each([
  ['at the end of its grace period', 40, true],
  ['a second before, which whole seconds cannot tell apart', 39, true],
  ['long before', 20, false],
])('calls a SIGKILL %s what it is', (_, atS, graceExpired) => {
  const { events } = life([
    ['ADDED', { ready: true }],
    ['MODIFIED', { ready: true, deletedS: 10 }],
    ['DELETED', { deletedS: 10, graceS: 0, state: { exit: 137, atS } }],
  ]);
  expect(events.find(({ state }) => state === 'sigkill')).toMatchObject({ graceExpired });
  expect(events.find(({ state }) => state === 'exited')).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
});

it('does not blame the grace period for an OOM kill', () => {
  const { states } = life([
    ['ADDED', { ready: true }],
    ['MODIFIED', { ready: true, deletedS: 10 }],
    ['DELETED', { deletedS: 10, state: { exit: 137, atS: 40, reason: 'OOMKilled' } }],
  ]);
  expect(states.slice(-2)).toEqual(['exited OOMKilled', 'deleted']);
  expect(states.join(' ')).not.toContain('sigkill');
});

it('waits for the last container of a pod that is told to go', () => {
  const { states } = life([
    ['ADDED', { sidecar: 'running' }],
    ['MODIFIED', { deletedS: 10, state: { exit: 0, atS: 15 }, sidecar: 'running' }],
    ['DELETED', { deletedS: 10, state: { exit: 0, atS: 15 }, sidecar: { exit: 137, atS: 40 } }],
  ]);
  expect(states).toEqual([
    'created',
    'started',
    'terminating rollout',
    'sigkill still there 30 s after the deletion',
    'exited',
    'deleted',
  ]);
});

it('knows an eviction, a kill without grace, and the end of the run', () => {
  const why = (shape: Shape, over: Partial<PodFacts> = {}) =>
    life(
      [
        ['ADDED', { ready: true }],
        ['MODIFIED', { ready: true, ...shape }],
      ],
      over,
    ).states.at(-1);
  expect(why({ deletedS: 5, evicted: true })).toBe('terminating eviction');
  expect(why({ deletedS: 5, graceS: 0 })).toBe('terminating pod-kill');
  expect(why({ deletedS: 5 }, { whyDeleted: () => 'remove' })).toBe('terminating remove');
  expect(why({ deletedS: 5, graceS: 0 }, { whyDeleted: () => 'remove' })).toBe('terminating remove');
});

it('tells a restart once, with its cause', () => {
  const crash = { exit: 1, atS: 5, reason: 'Error' };
  const { events } = life([
    ['ADDED', {}],
    ['MODIFIED', { state: crash }],
    ['MODIFIED', { state: 'waiting', last: crash }],
    ['MODIFIED', { restarts: 1, last: crash }],
    ['MODIFIED', { restarts: 1, last: crash, ready: true }],
  ]);
  expect(events).toEqual([
    { state: 'created' },
    { state: 'started', restarts: 0 },
    { state: 'exited', exitCode: 1, signal: null, why: 'crash (exit 1)' },
    { state: 'started', restarts: 1, why: 'crash (exit 1)' },
    { state: 'ready' },
  ]);
});

it('names the probe that had a container killed, and whether it used up its grace period', () => {
  const kill: ProbeKill = { probe: 'liveness', wallMs: T0 + 10_000 };
  const { events } = life(
    [
      ['ADDED', { ready: true }],
      ['MODIFIED', { restarts: 1, last: { exit: 137, atS: 40 } }],
    ],
    { probeKill: () => kill },
  );
  expect(events.filter(({ state }) => state === 'sigkill' || state === 'exited')).toEqual([
    { state: 'sigkill', graceExpired: true, why: 'liveness' },
    { state: 'exited', exitCode: 137, signal: 'SIGKILL', why: 'liveness' },
  ]);
});

it('does not count restarts from before the run', () => {
  const { events } = life([['ADDED', { restarts: 7, last: { exit: 1, atS: -100 }, ready: true }]], {
    before: true,
  });
  expect(events).toEqual([{ state: 'created' }, { state: 'started', restarts: 0 }, { state: 'ready' }]);
});

it('says that an end was not seen rather than call it a good one', () => {
  const { states, unseen } = life([
    ['ADDED', { ready: true }],
    ['MODIFIED', { ready: true, deletedS: 10 }],
    ['DELETED', { ready: true, deletedS: 10 }],
  ]);
  expect(states).not.toContain('deleted');
  expect(states.at(-1)).toBe('unready it is gone');
  expect(unseen).toEqual(['pod app-1 was running when last heard of and is gone; how it ended was not seen']);
});

const shapes = fc.record(
  {
    ready: fc.boolean(),
    deletedS: fc.constantFrom(10, 20),
    graceS: fc.constantFrom(0, 2, 30),
    evicted: fc.boolean(),
    restarts: fc.nat(3),
    state: fc.oneof(
      fc.constantFrom<'waiting' | 'running'>('waiting', 'running'),
      fc.record({ exit: fc.constantFrom(0, 1, 137, 143), atS: fc.nat(60) }),
    ),
    last: fc.record({ exit: fc.constantFrom(1, 137), atS: fc.nat(60) }),
  },
  { requiredKeys: [] },
);

it('tells a possible life, in whatever order updates come', () => {
  const updates = fc.array(
    fc.tuple(
      fc.constantFrom<'ADDED' | 'MODIFIED' | 'DELETED'>('ADDED', 'MODIFIED', 'MODIFIED', 'DELETED'),
      shapes,
    ),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(updates, (steps) => {
      const { events } = life(steps);
      const states = events.map(({ state }) => state);
      expect(states[0]).toBe('created');
      for (const once of ['created', 'terminating', 'deleted'])
        expect(states.filter((state) => state === once).length).toBeLessThanOrEqual(1);
      const gone = states.indexOf('deleted');
      if (gone >= 0) expect(gone).toBe(states.length - 1);
      const readiness = states.filter((state) => state === 'ready' || state === 'unready');
      readiness.forEach((state, i) => expect(state).toBe(i % 2 === 0 ? 'ready' : 'unready'));
      const starts = events.filter(({ state }) => state === 'started').map(({ restarts = 0 }) => restarts);
      expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
    }),
    { seed: 4, numRuns: 500 },
  );
});

it('does not say how a pod ended that was forced out of the API', () => {
  const killed = life([
    ['ADDED', { ready: true }],
    ['MODIFIED', { ready: true, deletedS: 5, graceS: 0 }],
    ['DELETED', { ready: true, deletedS: 5, graceS: 0 }],
  ]);
  expect(killed.states.slice(-2)).toEqual(['terminating pod-kill', 'deleted']);
  const forcedLater = life([
    ['ADDED', { ready: true }],
    ['MODIFIED', { ready: true, deletedS: 5 }],
    ['DELETED', { ready: true, deletedS: 9, graceS: 0 }],
  ]);
  expect(forcedLater.states).not.toContain('deleted');
  expect(forcedLater.unseen).toHaveLength(1);
});
