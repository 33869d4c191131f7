import { describe, expect, it } from 'vitest';
import { type DeploymentWords, WatchLog } from '../analysis/rollout/testing.ts';
import { faultEvents, recordOf, type Story } from '../analysis/testing.ts';
import { buildView } from '../analysis/view.ts';
import type { Event } from '../record/model.ts';
import { judge } from './rollout-within-bounds.ts';

function ask(log: WatchLog, story: Story = {}, during?: string) {
  const record = recordOf({ ...story, watch: log.lines });
  const plan = { ...record.plan, platform: 'kubernetes' as const };
  return judge(buildView({ ...record, plan }), {}, during === undefined ? {} : { during });
}

/** Three pods of the first version, and the second one asked for at 20 s. */
function begun(words: DeploymentWords = {}): WatchLog {
  const log = new WatchLog().deployment(1_000, words).replicaSet(1_000, 'old', 1);
  for (const name of ['a', 'b', 'c']) log.pod(2_000, name, { ready: true });
  return log
    .deployment(20_000, { ...words, template: 'v2', generation: 2, status: { observed: 1 } })
    .replicaSet(20_050, 'new', 2)
    .deployment(20_060, { ...words, template: 'v2', generation: 2, revision: 2, status: { updated: 0 } });
}

/** One old pod for one new one, the old one told to go `leadMs` before the new one is ready. */
function swap(log: WatchLog, atMs: number, old: string, fresh: string, leadMs = -100, set = 'new'): WatchLog {
  const changes = [
    { atMs, make: () => log.pod(atMs, fresh, { set }) },
    { atMs: atMs + 2_000, make: () => log.pod(atMs + 2_000, fresh, { set, ready: true }) },
    {
      atMs: atMs + 2_000 - leadMs,
      make: () => log.pod(atMs + 2_000 - leadMs, old, { ready: true, grace: 30 }),
    },
    { atMs: atMs + 3_000, make: () => log.podGone(atMs + 3_000, old) },
  ];
  for (const { make } of changes.toSorted((a, b) => a.atMs - b.atMs)) make();
  return log;
}

function done(log: WatchLog, atMs: number, words: DeploymentWords = {}): WatchLog {
  return log.deployment(atMs, { ...words, template: 'v2', generation: 2, revision: 2 });
}

function whole(leadMs?: number): WatchLog {
  const log = begun();
  swap(log, 21_000, 'a', 'x', leadMs);
  swap(log, 25_000, 'b', 'y');
  swap(log, 29_000, 'c', 'z');
  return done(log, 32_500);
}

const gap: Event = {
  at: 30_000,
  kind: 'gap',
  what: 'pods watch',
  fromMs: 24_000,
  toMs: 26_000,
  why: 'ECONNRESET',
};

it('passes one that keeps to its bounds, with the figures', () => {
  const verdict = ask(whole());
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 3 }, expected: { value: 3 } });
  expect(verdict.reason).toContain('at 20.0 s (3 replicas) took 12.5 s');
  expect(verdict.reason).toContain('at least 3 pods available (3 must stay) and at most 4');
});

it('fails one that tells an old pod to go before the new one is ready, naming it', () => {
  expect(ask(whole(500))).toMatchObject({
    verdict: 'fail',
    reason: 'at 22.5 s a was told to go and left 2 pods available, 3 must stay.',
  });
});

it('goes by the order of the store, not by that of the telling', () => {
  const log = whole();
  // Pods and Deployment come by two watches, and the pods' one was late.
  const late = log.lines.map((line) => ({
    ...line,
    atMs: line.kind === 'Pod' ? line.atMs + 900 : line.atMs,
  }));
  log.lines.splice(0, log.lines.length, ...late.toSorted((a, b) => a.atMs - b.atMs));
  expect(ask(log).verdict).toBe('pass');
});

describe('a new pod that is ready and then is not', () => {
  const log = begun();
  swap(log, 21_000, 'a', 'x');
  log.pod(25_000, 'x', { set: 'new' }).pod(26_000, 'x', { set: 'new', ready: true });
  swap(log, 27_000, 'b', 'y');
  swap(log, 31_000, 'c', 'z');
  done(log, 34_500);
  const story: Story = { faults: [{ name: 'cut', fault: { chaos: 'store-partition' }, forMs: 5_000 }] };
  it('is held against the rollout', () => {
    expect(ask(log)).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('at 25.0 s x was no longer ready'),
    });
  });
  it('is not while another fault acts', () => {
    const verdict = ask(log, { ...story, events: faultEvents('cut', 24_000, 26_000) });
    expect(verdict).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('1 times fewer') });
  });
});

it('does not hold evictions, kills and node failures against the rollout', () => {
  const log = begun();
  log.pod(20_500, 'a', { ready: true, grace: 30, disruption: 'EvictionByEvictionAPI' }).podGone(21_000, 'a');
  log.pod(20_600, 'b', { ready: true, grace: 0 }).podGone(21_100, 'b', { grace: 0 });
  log.pod(20_700, 'c', { ready: false, phase: 'Failed' }).podGone(21_200, 'c');
  for (const name of ['x', 'y', 'z']) log.pod(22_000, name, { set: 'new', ready: true });
  expect(ask(done(log, 25_000))).toMatchObject({ verdict: 'pass', observed: { value: 0 } });
});

describe('too many pods', () => {
  const crowded = (forMs: number) => {
    const log = begun();
    for (const name of ['x', 'y']) log.pod(21_000, name, { set: 'new' });
    for (const old of ['a', 'b', 'c']) log.pod(21_000 + forMs, old, { ready: true, grace: 30 });
    return log;
  };
  it('fails where they stay', () => {
    const log = crowded(5_000);
    expect(ask(log).reason).toContain(
      'from 21.0 s to 26.0 s there were 5 pods that nobody had told to go, at most 4 may be',
    );
  });
  it('allows what the controllers need to catch up', () => {
    const { reason } = ask(crowded(300));
    expect(reason).not.toContain('nobody had told to go');
  });
});

describe('bounds', () => {
  it('round maxSurge up and maxUnavailable down', () => {
    const verdict = ask(done(begun({ maxSurge: '25%', maxUnavailable: '25%' }), 21_000));
    expect(verdict.expected).toMatchObject({ value: 3 });
  });
  it('count 0 and 0 as one unavailable', () => {
    const words = { maxSurge: 0, maxUnavailable: '1%' };
    const log = begun(words).pod(21_000, 'a', { ready: true, grace: 30 }).podGone(22_000, 'a');
    expect(ask(log)).toMatchObject({ verdict: 'inconclusive', expected: { value: 2 } });
    log.pod(23_000, 'b', { ready: true, grace: 30 });
    expect(ask(log)).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('left 1 pods available, 2 must stay'),
    });
  });
  it('follow an HPA: nobody is missed before he was there, and fewer may stay at once', () => {
    const up = { template: 'v2', generation: 3, revision: 2 };
    const log = begun().deployment(21_000, { ...up, replicas: 6, status: { total: 3 } });
    for (const name of ['x', 'y', 'z']) log.pod(22_000, name, { set: 'new', ready: true });
    expect(ask(log).verdict).toBe('inconclusive');
    log.pod(23_000, 'x', { set: 'new' });
    expect(ask(log).reason).toContain('x was no longer ready and left 5 pods available, 6 must stay');
    const down = begun().deployment(21_000, { ...up, replicas: 2, status: { total: 3 } });
    down.pod(21_100, 'a', { ready: true, grace: 30 });
    expect(ask(down).verdict).toBe('inconclusive');
  });
  it('wait for minReadySeconds', () => {
    const words = { minReadySeconds: 10 };
    const log = begun(words)
      .pod(21_000, 'x', { set: 'new', ready: true })
      .pod(25_000, 'a', { ready: true, grace: 30 });
    expect(ask(log)).toMatchObject({ verdict: 'fail' });
    const patient = begun(words).pod(21_000, 'x', { set: 'new', ready: true });
    expect(ask(patient.pod(30_500, 'a', { ready: true, grace: 30 })).verdict).toBe('inconclusive');
  });
});

describe('an end', () => {
  it('is the last old pod, not the word of the Deployment', () => {
    const log = begun();
    for (const name of ['x', 'y', 'z']) log.pod(21_000, name, { set: 'new', ready: true });
    for (const old of ['a', 'b', 'c']) log.pod(21_500, old, { ready: true, grace: 30 });
    log.podGone(23_000, 'a').podGone(23_000, 'b');
    done(log, 23_100);
    expect(ask(log)).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('1 old pods are still there (c)'),
    });
    expect(ask(log.podGone(51_000, 'c'))).toMatchObject({
      verdict: 'pass',
      reason: expect.stringContaining('took 31.0 s'),
    });
  });
  it('that never comes is a failure where the controller gives up', () => {
    const log = begun().deployment(50_000, {
      template: 'v2',
      generation: 2,
      revision: 2,
      status: { updated: 1, stalled: true },
    });
    expect(ask(log).reason).toContain('of 20.0 s was given up at 50.0 s (ProgressDeadlineExceeded)');
  });
  it('is that of the last one, where a rollout overtakes another', () => {
    const log = swap(begun(), 21_000, 'a', 'x');
    log.deployment(25_000, { template: 'v3', generation: 3, revision: 2, status: { observed: 2 } });
    log.replicaSet(25_050, 'newest', 3);
    for (const [index, old] of ['b', 'c', 'x'].entries())
      swap(log, 26_000 + index * 4_000, old, `p${index}`, -100, 'newest');
    expect(ask(log).reason).toContain('the rolling update of 25.0 s was not over');
    log.deployment(38_000, { template: 'v3', generation: 3, revision: 3 });
    expect(ask(log)).toMatchObject({
      verdict: 'pass',
      reason: expect.stringMatching(/at 20\.0 s .* was overtaken by the next.*at 25\.0 s .* took 13\.0 s/),
    });
  });
});

it('cannot tell of what was not watched, and accuses all the same of what was seen before it', () => {
  expect(ask(whole(), { events: [gap] })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('pods watch: nothing was seen from 24.0 s to 26.0 s (ECONNRESET)'),
  });
  expect(ask(whole(500), { events: [gap] }).verdict).toBe('fail');
  const early: Event = {
    ...gap,
    at: 23_000,
    kind: 'gap',
    what: 'pods watch',
    fromMs: 21_000,
    toMs: 22_000,
    why: '',
  };
  expect(ask(whole(500), { events: [early] }).verdict).toBe('inconclusive');
});

it('says nothing of a run without one, of the first deployment, of Recreate, of a run without a cluster', () => {
  const first = new WatchLog()
    .deployment(1_000, {})
    .replicaSet(1_000, 'old', 1)
    .pod(2_000, 'a', { ready: true });
  expect(ask(first)).toMatchObject({
    verdict: 'inconclusive',
    reason: 'no rolling update of told is on record.',
  });
  expect(ask(begun({ strategy: 'Recreate' })).reason).toContain('Recreate, which has no bounds');
  const local = recordOf({});
  expect(judge(buildView(local), {}, {}).verdict).toBe('not_run');
});

it('judges one window where asked', () => {
  const story: Story = {
    faults: [
      { name: 'rollout', fault: 'rollout-restart' },
      { name: 'drain', fault: 'drain' },
    ],
  };
  const events = [...faultEvents('rollout', 20_000, 33_000), ...faultEvents('drain', 40_000, 50_000)];
  expect(ask(whole(), { ...story, events }, 'rollout').verdict).toBe('pass');
  expect(ask(whole(500), { ...story, events }, 'rollout').verdict).toBe('fail');
  expect(ask(whole(), { ...story, events }, 'drain').reason).toContain('in the window of drain');
  expect(ask(whole(), story, 'rollout').verdict).toBe('invalid');
  expect(() => ask(whole(), {}, 'nothing')).toThrow('no fault "nothing"');
});

it('knows nothing of pods that it never saw available', () => {
  const log = whole();
  log.lines.splice(0, log.lines.length, ...log.lines.filter(({ kind }) => kind !== 'Pod'));
  expect(ask(log)).toMatchObject({
    verdict: 'inconclusive',
    reason: 'when the update of 20.0 s began, 0 pods were seen to be available, and 3 must stay.',
  });
});

it('cannot tell a rollout from a kill where pods have no grace period', () => {
  const log = begun();
  log.podGone(20_500, 'a', { ready: true });
  for (const name of ['x', 'y', 'z']) log.pod(22_000, name, { set: 'new', ready: true });
  log.podGone(24_000, 'b', { ready: true }).podGone(24_000, 'c', { ready: true });
  done(log, 25_000);
  expect(ask(log).verdict).toBe('pass');
  expect(ask(log, { workload: { graceMs: 0 } })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('no grace period'),
  });
});
