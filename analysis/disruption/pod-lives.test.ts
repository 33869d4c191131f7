import { describe, expect, it } from 'vitest';
import type { Event } from '../../record/model.ts';
import { podEvent as pod, type Story, viewOf } from '../testing.ts';
import { podLives } from './pod-lives.ts';
import { coming, endpoints, going, watched } from './testing.ts';

const WALL_MS = 1_700_000_000_000;
const iso = (runMs: number) => new Date(WALL_MS + runMs).toISOString().replace(/\.\d+Z$/, 'Z');

const livesOf = (events: Event[], story: Story = {}) => podLives(viewOf({ ...story, events }));
const cluster = (events: Event[], story: Story = {}) => {
  const view = viewOf({ ...story, events });
  return podLives({ ...view, plan: { ...view.plan, platform: 'kubernetes' } });
};

const all = endpoints(600, 'a', 'b', 'c');

describe('the end of a pod', () => {
  it('is told by the local platform to the millisecond', () => {
    const { ends } = livesOf([
      all,
      ...going({ pod: 'a', t0Ms: 20_000, sigtermMs: 23_000, endedMs: 23_400 }),
      endpoints(20_010, 'b', 'c'),
    ]);
    expect(ends).toEqual([
      {
        pod: 'a',
        uid: 'a',
        how: 'asked',
        why: 'rollout',
        t0Ms: [20_000, 20_000],
        graceMs: 30_000,
        preStopFailed: false,
        sigtermMs: [23_000, 23_000],
        endedMs: [23_150, 23_400],
        goneMs: 23_400,
        leftEndpointsMs: 20_010,
        exitCode: 0,
        reason: null,
        killed: false,
      },
    ]);
  });

  it('is a kill at the end of its grace, or at once', () => {
    const { ends } = livesOf([
      all,
      ...going({ pod: 'a', t0Ms: 20_000, sigtermMs: 20_000, endedMs: 50_000, exitCode: 137, killed: true }),
      pod(21_000, 'b', 'sigkill', 'pod-kill'),
      ...going({ pod: 'b', why: 'pod-kill', t0Ms: 21_000, endedMs: 21_010, exitCode: 137 }),
    ]);
    expect(ends).toMatchObject([
      { pod: 'a', how: 'asked', killed: true, exitCode: 137 },
      { pod: 'b', how: 'forced', killed: false, graceMs: 0, sigtermMs: null },
    ]);
  });

  it('may be nobody’s doing, or that of its own probe', () => {
    const { ends } = livesOf(
      [
        pod(1_000, 'a', 'started', ''),
        { ...pod(20_000, 'a', 'exited', 'crash (OOMKilled)'), exitCode: 137 },
        pod(20_500, 'a', 'started', ''),
        pod(33_000, 'a', 'sigterm', 'liveness'),
        { ...pod(33_200, 'a', 'exited', 'liveness'), exitCode: 0 },
      ],
      { workload: { preStopMs: 3_000 } },
    );
    expect(ends).toMatchObject([
      { how: 'crashed', t0Ms: [19_750, 20_000], reason: 'OOMKilled', goneMs: null, sigtermMs: null },
      { how: 'asked', why: 'liveness', t0Ms: [30_000, 30_000], sigtermMs: [33_000, 33_000] },
    ]);
  });

  it('is none when the run itself is over', () => {
    expect(livesOf(going({ pod: 'a', why: 'remove', t0Ms: 70_000, endedMs: 71_000 })).ends).toEqual([]);
  });
});

describe('the end of a pod of a cluster', () => {
  const story = [all, ...going({ pod: 'a', t0Ms: 20_400, endedMs: 24_900 })];
  const deleted = { uid: 'a', deletionTimestamp: iso(50_000), deletionGracePeriodSeconds: 30 };
  const terminated = { exitCode: 0, reason: 'Completed', finishedAt: iso(23_000) };

  it('has the times of the API server, which are whole seconds, and a SIGTERM that can only be estimated', () => {
    const { ends } = cluster(story, {
      workload: { preStopMs: 3_000 },
      watch: [
        watched(20_380, 'Pod', { metadata: deleted }),
        // The kubelet's own last deletion.
        watched(24_800, 'Pod', {
          metadata: { ...deleted, deletionGracePeriodSeconds: 0 },
          status: { containerStatuses: [{ state: { terminated } }] },
        }),
      ],
    });
    expect(ends).toMatchObject([
      {
        t0Ms: [20_000, 20_380],
        graceMs: 30_000,
        sigtermMs: [23_000, 24_380],
        endedMs: [23_000, 24_000],
        exitCode: 0,
        reason: 'Completed',
      },
    ]);
  });

  it('has no delay when its preStop hook failed', () => {
    const { ends } = cluster(story, {
      workload: { preStopMs: 3_000 },
      watch: [
        watched(20_380, 'Pod', { metadata: deleted }),
        watched(20_500, 'Event', { reason: 'FailedPreStopHook', involvedObject: { uid: 'a' } }),
        watched(20_500, 'Event', { reason: 'FailedPreStopHook' }),
        watched(20_500, 'Pod', { metadata: 'nonsense' }),
      ],
    });
    expect(ends).toMatchObject([{ preStopFailed: true, sigtermMs: [20_000, 21_380] }]);
  });

  it('is believed to be when it was told where clocks disagree', () => {
    const ahead = { ...deleted, deletionTimestamp: iso(95_000) };
    const { ends } = cluster(story, { watch: [watched(20_380, 'Pod', { metadata: ahead })] });
    expect(ends).toMatchObject([{ t0Ms: [19_380, 20_380] }]);
  });

  it('without a watch log rests on the history', () => {
    expect(cluster(story).ends).toMatchObject([{ t0Ms: [20_400, 20_400], endedMs: [21_900, 24_900] }]);
  });
});

it('a new pod is sent requests from its first place in the endpoints on', () => {
  const { starts } = livesOf([all, ...coming('d', 20_000, 21_000), endpoints(21_900, 'a', 'b', 'c', 'd')]);
  expect(starts).toEqual([{ pod: 'd', readyMs: 21_000, firstEndpointMs: 21_900 }]);
});

it('counts ready pods as the endpoints tell them', () => {
  const lives = livesOf([all, endpoints(10_000, 'a'), endpoints(20_000, 'a', 'b')]);
  expect(lives.fewestReady(0, 500)).toBeNull();
  expect(lives.fewestReady(5_000, 9_000)).toBe(3);
  expect(lives.fewestReady(5_000, 10_000)).toBe(1);
  expect(lives.fewestReady(12_000, 25_000)).toBe(1);
  expect(lives.fewestReady(25_000, 26_000)).toBe(2);
});
