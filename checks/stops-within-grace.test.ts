import { expect, it } from 'vitest';
import { podEvent as pod, type Story, viewOf } from '../analysis/testing.ts';
import type { Event } from '../record/model.ts';
import { judge } from './stops-within-grace.ts';

const ask = (events: Event[], story: Story = {}, during?: string) =>
  judge(viewOf({ ...story, events }), {}, during === undefined ? {} : { during });

const gentle = [
  pod(20_000, 'a', 'terminating', 'rollout'),
  pod(20_000, 'a', 'sigterm', 'rollout'),
  pod(24_000, 'a', 'exited', 'rollout'),
];
const killed = [
  pod(20_000, 'b', 'terminating', 'rollout'),
  pod(20_100, 'b', 'sigterm', 'rollout'),
  pod(50_000, 'b', 'sigkill', 'rollout: still there 30000 ms after SIGTERM'),
  pod(50_010, 'b', 'exited', 'rollout'),
];

it('passes pods that went by themselves, with the slowest', () => {
  expect(ask(gentle)).toMatchObject({ verdict: 'pass', observed: { value: 4 }, expected: { value: 30 } });
});

it('fails pods that were killed when their grace was over, naming them', () => {
  const verdict = ask([...gentle, ...killed]);
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toContain('1 of 2 pods');
  expect(verdict.reason).toContain('b 30.0 s after 20.0 s');
  const early = [
    pod(1, 'c', 'terminating', 'rollout'),
    pod(2, 'c', 'sigterm', 'rollout'),
    pod(9, 'c', 'sigkill', 'grace'),
  ];
  expect(ask(early).verdict).toBe('fail');
});

it('asks nothing of a kill without grace, or of the end of the run', () => {
  const events = [
    pod(20_000, 'c', 'sigkill', 'pod-kill'),
    pod(20_000, 'c', 'terminating', 'pod-kill'),
    pod(60_000, 'd', 'terminating', 'remove'),
  ];
  expect(ask(events)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('no pod was told to stop'),
  });
  // Killed by something else before its time: not the pod's doing.
  expect(ask([...killed.slice(0, 2), pod(21_000, 'b', 'sigkill', 'pod-kill')]).verdict).toBe('inconclusive');
});

it('cannot tell of a pod whose end was not seen', () => {
  expect(ask(gentle.slice(0, 2))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the end of a'),
  });
});

it('cannot tell while pods were not watched, and accuses all the same whom it saw', () => {
  const gap = {
    at: 40_000,
    kind: 'gap' as const,
    what: 'pods watch',
    fromMs: 30_000,
    toMs: 40_000,
    why: 'ECONNREFUSED',
  };
  expect(ask([...gentle, gap])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('from 30.0 s to 40.0 s'),
  });
  expect(ask([...killed, gap]).verdict).toBe('fail');
});

it('judges one window where asked', () => {
  const story: Story = { faults: [{ name: 'rollout', fault: 'rollout-restart' }] };
  const intent: Event = { at: 30_000, kind: 'fault.intent', fault: 'rollout', targets: [], detail: '' };
  const acting: Event = {
    at: 31_000,
    kind: 'fault.proof',
    fault: 'rollout',
    saw: 'acting',
    notBeforeMs: 30_900,
    detail: '',
  };
  expect(ask([...gentle, intent, acting], story, 'rollout').verdict).toBe('inconclusive');
  expect(ask([...gentle, intent], story, 'rollout').verdict).toBe('invalid');
  expect(() => ask(gentle, {}, 'nothing')).toThrow('no fault "nothing"');
});

it('goes by what the platform says of the grace period, where it says it', () => {
  const kill = (graceExpired: boolean): Event => ({
    ...pod(50_000, 'b', 'sigkill', 'rollout'),
    graceExpired,
  });
  expect(ask([...killed.slice(0, 2), kill(false)]).verdict).toBe('inconclusive');
  // The hook took most of the grace: only the platform knows when it began.
  const early = { ...pod(35_000, 'b', 'sigkill', 'rollout'), graceExpired: true };
  expect(ask([...killed.slice(0, 2), early]).verdict).toBe('fail');
});

it('judges a container that its own probe stopped, too', () => {
  const restart = (kill: Event[]): Event[] => [
    pod(20_000, 'a', 'sigterm', 'liveness'),
    ...kill,
    pod(36_000, 'a', 'exited', 'liveness'),
    pod(40_000, 'a', 'terminating', 'remove'),
  ];
  const kill = { ...pod(35_000, 'a', 'sigkill', 'liveness'), graceExpired: true };
  expect(ask(restart([kill]))).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('a 15.0 s'),
  });
  expect(ask(restart([]))).toMatchObject({ verdict: 'pass' });
});
