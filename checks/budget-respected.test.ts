import { describe, expect, it } from 'vitest';
import { type PodWords, WatchLog } from '../analysis/rollout/testing.ts';
import { recordOf, type Story } from '../analysis/testing.ts';
import { buildView } from '../analysis/view.ts';
import type { Event } from '../record/model.ts';
import { judge } from './budget-respected.ts';

const DRAIN: Story = { faults: [{ name: 'drain', fault: 'drain' }] };
const INTENT: Event = {
  at: 19_900,
  kind: 'fault.intent',
  fault: 'drain',
  targets: ['n1', 'a', 'b'],
  detail: '',
};
const HEALED: Event = { at: 60_000, kind: 'fault.healed', fault: 'drain' };

function ask(log: WatchLog, story: Story = {}, during?: string) {
  const record = recordOf({ ...DRAIN, events: [INTENT, HEALED], ...story, watch: log.lines });
  const plan = { ...record.plan, platform: 'kubernetes' as const };
  return judge(buildView({ ...record, plan }), {}, during === undefined ? {} : { during });
}

/** Two pods on n1, one on n2, a budget of two, and n1 cordoned at 20 s. */
function begun(desired = 2): WatchLog {
  const log = new WatchLog().node(500, 'n1', false).node(500, 'n2', false);
  log.pod(1_000, 'a', { ready: true }).pod(1_000, 'b', { ready: true });
  log.pod(1_000, 'c', { ready: true, node: 'n2' });
  return log.budget(2_000, desired, 3 - desired).node(20_000, 'n1', true);
}

const evict = (log: WatchLog, atMs: number, name: string, words: PodWords = {}) =>
  log.pod(atMs, name, { ready: true, grace: 30, disruption: 'EvictionByEvictionAPI', ...words });

/** Evicted, gone, and a new one ready on n2. */
function moved(log: WatchLog, atMs: number, old: string, fresh: string): WatchLog {
  evict(log, atMs, old).budget(atMs + 10, 2, 0);
  log.pod(atMs + 100, fresh, { node: 'n2' }).pod(atMs + 2_000, fresh, { node: 'n2', ready: true });
  return log.budget(atMs + 2_010, 2, 1).podGone(atMs + 3_000, old);
}

function drained(): WatchLog {
  const log = moved(begun(), 21_000, 'a', 'x');
  return moved(log, 25_000, 'b', 'y').node(30_000, 'n1', false);
}

it('passes a drain that waits for each successor and leaves the node empty', () => {
  const verdict = ask(drained());
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 2 }, expected: { value: 2 } });
  expect(verdict.reason).toContain('2 healthy pods were evicted');
  expect(verdict.reason).toContain('the closest was a at 21.0 s with 2 of 2');
  expect(verdict.reason).toContain('n1 was empty when its cordon ended after 10.0 s');
  expect(ask(drained(), {}, 'drain').verdict).toBe('pass');
});

it('fails an eviction beyond the budget, naming it', () => {
  const log = evict(evict(begun(), 21_000, 'a'), 24_000, 'b');
  log.podGone(25_000, 'a').podGone(25_000, 'b').node(30_000, 'n1', false);
  expect(ask(log)).toMatchObject({
    verdict: 'fail',
    reason: 'at 24.0 s b was evicted and left 1 healthy pods, told-budget wants 2.',
    observed: { value: 1 },
  });
});

describe('what is no eviction of the budget', () => {
  const rest = (log: WatchLog) =>
    moved(moved(log, 40_000, 'a', 'x'), 44_000, 'b', 'y').node(50_000, 'n1', false);
  const back = (log: WatchLog) => log.podGone(32_000, 'c').pod(33_000, 'd', { ready: true, node: 'n2' });
  it.each<[string, PodWords]>([
    ['a rollout or a scale-down', { ready: true, grace: 30 }],
    ['a kill', { ready: true, grace: 0 }],
    ['preemption', { ready: true, grace: 30, disruption: 'PreemptionByScheduler' }],
  ])('%s', (_, words) => {
    const log = begun(3).pod(22_000, 'c', { node: 'n2', ...words });
    expect(ask(rest(back(log).budget(34_000, 2, 1))).verdict).toBe('pass');
  });
  it('a pod that was not healthy', () => {
    const log = begun().pod(20_500, 'a', { ready: false });
    evict(log, 30_000, 'a', { ready: false })
      .podGone(31_000, 'a')
      .pod(33_000, 'x', { ready: true, node: 'n2' });
    expect(ask(moved(log, 40_000, 'b', 'y').node(50_000, 'n1', false))).toMatchObject({
      verdict: 'pass',
      reason: expect.stringContaining('1 healthy pods were evicted'),
    });
  });
});

it('cannot blame an eviction that the budget could not yet know better', () => {
  const log = begun().pod(20_500, 'c', { node: 'n2', ready: true, grace: 0 });
  expect(
    ask(evict(log, 21_000, 'a').podGone(22_000, 'a').podGone(22_000, 'b').node(30_000, 'n1', false)),
  ).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('but c had been lost to something else at 20.5 s'),
  });
  const late = begun().pod(20_500, 'c', { node: 'n2', ready: true, grace: 0 });
  expect(ask(evict(late, 25_000, 'a')).verdict).toBe('fail');
});

describe('a drain that is stuck', () => {
  it('by a budget that never can', () => {
    const log = begun(3).node(58_000, 'n1', false);
    expect(ask(log)).toMatchObject({
      verdict: 'fail',
      reason:
        'n1 was cordoned for 38.0 s and still had a, b: told-budget has allowed no eviction since 2.0 s: it wants 3 of 3 pods healthy, so it never can.',
    });
  });
  it('by a successor that no node takes', () => {
    const log = evict(begun(), 21_000, 'a').budget(21_010, 2, 0);
    log.podGone(22_000, 'a').pod(22_100, 'x', { node: '', phase: 'Pending' }).node(58_000, 'n1', false);
    expect(ask(log).reason).toContain('allowed no eviction since 21.0 s: no node takes the replacement x');
  });
  it('by a pod that does not end', () => {
    const log = moved(begun(), 21_000, 'a', 'x');
    expect(ask(evict(log, 25_000, 'b').node(58_000, 'n1', false)).reason).toContain(
      'still had b: they were told to go and had not ended',
    );
  });
  it('is not one that was cut off soon, or by the end of the run', () => {
    const log = moved(begun(), 21_000, 'a', 'x').node(30_000, 'n1', false);
    expect(ask(log)).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('n1 still had b when its drain was cut off after 10.0 s'),
    });
    const stop: Event = {
      at: 61_000,
      kind: 'run.aborted',
      phase: 'disturb',
      why: 'interrupted',
      verdict: 'inconclusive',
    };
    expect(ask(moved(begun(), 21_000, 'a', 'x'), { events: [INTENT, stop] }).verdict).toBe('inconclusive');
  });
  it('is not one that Ctrl-C cut off, though the node is given back at once; one that was over before it is', () => {
    const log = moved(begun(), 21_000, 'a', 'x').node(55_100, 'n1', false);
    const stoppedAt = (interruptedAtMs: number): Story => ({
      edit: (event) =>
        event.kind === 'run.ended' ? { ...event, interrupted: true, interruptedAtMs } : event,
    });
    expect(ask(log, stoppedAt(55_000))).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('when its drain was cut off'),
    });
    expect(ask(log, stoppedAt(58_000)).verdict).toBe('fail');
  });
});

it('leaves pods of DaemonSets, static and ended ones where they are', () => {
  const log = begun().pod(1_500, 'log', { owner: 'DaemonSet', set: 'log', ready: true });
  log.pod(1_500, 'job', { owner: 'Job', set: 'job', phase: 'Succeeded' });
  expect(ask(moved(moved(log, 21_000, 'a', 'x'), 25_000, 'b', 'y').node(30_000, 'n1', false)).verdict).toBe(
    'pass',
  );
});

it('cannot tell of what was not watched', () => {
  const gap = (what: string): Event => ({
    at: 30_000,
    kind: 'gap',
    what,
    fromMs: 22_000,
    toMs: 23_000,
    why: 'ECONNRESET',
  });
  for (const what of ['pods watch', 'PodDisruptionBudget watch', 'Node watch', 'watch.jsonl'])
    expect(ask(drained(), { events: [INTENT, HEALED, gap(what)] })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining(`${what}: nothing was seen from 22.0 s to 23.0 s (ECONNRESET)`),
    });
  expect(ask(drained(), { events: [INTENT, HEALED, gap('Lease watch')] }).verdict).toBe('pass');
});

it('says nothing without an eviction, a budget, a cordon, a cluster or a drain that was begun', () => {
  expect(ask(new WatchLog().node(500, 'n1', false), { faults: [], events: [] }).reason).toContain(
    'no PodDisruptionBudget is on record',
  );
  const quiet = new WatchLog().budget(2_000, 2, 1);
  expect(ask(quiet, { faults: [], events: [] })).toMatchObject({
    verdict: 'inconclusive',
    reason: 'no healthy pod was evicted, so no budget was asked for anything.',
  });
  expect(ask(quiet).reason).toContain('no cordon of the node that drain drained (n1)');
  expect(ask(drained(), { events: [] }, 'drain').verdict).toBe('invalid');
  expect(() => ask(drained(), {}, 'nothing')).toThrow('no fault "nothing"');
  expect(judge(buildView(recordOf({})), {}, {}).verdict).toBe('not_run');
});

it('sees the eviction of a pod without a grace period, which is gone at once', () => {
  const log = begun(3);
  log.pod(21_000, 'a', { ready: true, disruption: 'EvictionByEvictionAPI' });
  log.podGone(21_000, 'a', { ready: true, disruption: 'EvictionByEvictionAPI' });
  expect(ask(log)).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('a was evicted and left 2 healthy pods, told-budget wants 3'),
  });
});
