import { expect, it } from 'vitest';
import { faultEvents, podEvent as pod, type Story, viewOf } from '../analysis/testing.ts';
import type { Event } from '../record/model.ts';
import { judge } from './no-restarts.ts';

const faults: Story['faults'] = [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 35_000 }];
const cut = faultEvents('cut', 15_000, 50_000);
const ask = (events: Event[], story: Story = {}, during?: string) =>
  judge(
    viewOf({ faults, ...story, events: [...cut, ...events] }),
    {},
    during === undefined ? {} : { during },
  );

it('passes where nothing restarted, also when a fault or a rollout ended pods', () => {
  const verdict = ask([
    pod(20_000, 'a', 'sigkill', 'pod-kill'),
    pod(20_000, 'b', 'sigterm', 'rollout'),
    pod(21_000, 'b', 'exited', 'rollout'),
  ]);
  expect(verdict.verdict).toBe('pass');
  expect(verdict.reason).toContain(
    'liveness gives up after 3 x 10.0 s = 30.0 s: cut lasted 35.1 s, longer than that',
  );
});

it('fails for each restart once, with pod, time and arithmetic', () => {
  const verdict = ask([
    pod(45_000, 'a', 'sigterm', 'liveness: HTTP 503'),
    pod(45_500, 'a', 'exited', 'liveness'),
    pod(46_000, 'b', 'exited', 'crash'),
    pod(58_000, 'a', 'exited', 'crash'),
  ]);
  expect(verdict).toMatchObject({ verdict: 'fail', observed: { value: 3 } });
  expect(verdict.reason).toContain('a at 45.0 s (liveness: HTTP 503; in the window of cut)');
  expect(verdict.reason).toContain('= 30.0 s');
});

it('does not hold against a pod that a fault ended its container, and nothing beyond that', () => {
  const killed = (restartsEach: number | undefined, ...events: Event[]) =>
    judge(
      viewOf({
        faults: [{ name: 'cut', fault: { chaos: 'container-kill' } }],
        events: [
          ...cut.map((event) =>
            event.kind === 'fault.intent' && restartsEach !== undefined ? { ...event, restartsEach } : event,
          ),
          ...events,
        ],
      }),
      {},
      {},
    );
  const first = pod(15_100, 'a', 'exited', 'crash (exit 137)');
  expect(killed(1, first)).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('but for 1 containers that a fault ended itself'),
  });
  expect(killed(undefined, first).verdict).toBe('fail');
  const red = (...events: Event[]) => killed(1, ...events).observed?.value;
  expect(red(first, pod(20_000, 'a', 'exited', 'crash (exit 1)'))).toBe(1);
  expect(red(pod(15_100, 'b', 'exited', 'crash (exit 137)'))).toBe(1);
  // Of two containers each.
  const second = pod(15_200, 'a', 'exited', 'crash (exit 137) of container proxy');
  const back = ['crash (exit 137)', 'crash (exit 137) of container proxy'].map((why): Event => ({
    ...pod(17_000, 'a', 'started', why),
    restarts: 1,
  }));
  expect(killed(2, first, second, ...back).verdict).toBe('pass');
  expect(red(first, second, ...back)).toBe(1);
  expect(red(pod(15_100, 'a', 'exited', 'crash (OOMKilled)'))).toBe(1);
  expect(red(pod(15_100, 'a', 'sigkill', 'liveness'))).toBe(1);
  expect(red(pod(55_000, 'a', 'exited', 'crash (exit 137)'))).toBe(1);
});

it('judges one window where asked', () => {
  expect(ask([pod(58_000, 'a', 'exited', 'crash')], {}, 'cut').verdict).toBe('pass');
});

it('cannot tell without pods, or with a hole in the watch', () => {
  expect(ask([], { edit: (event) => (event.kind === 'pod' ? null : event) }).verdict).toBe('inconclusive');
  expect(ask([{ at: 9, kind: 'gap', what: 'pods', fromMs: 1, toMs: 9, why: 'watch lost' }])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('watch lost'),
  });
});

it('counts a container that came back, whatever was seen of its end, and each restart once', () => {
  const back = (at: number, restarts: number): Event => ({
    at,
    kind: 'pod',
    pod: 'a',
    uid: 'a',
    state: 'started',
    restarts,
  });
  const silent = ask([back(1_000, 0), back(45_000, 1)]);
  expect(silent).toMatchObject({ verdict: 'fail', observed: { value: 1 } });
  expect(silent.reason).toContain('a at 45.0 s (it came back, and why it ended was not seen');
  expect(ask([pod(45_000, 'a', 'exited', 'crash'), back(46_000, 1)])).toMatchObject({
    observed: { value: 1 },
  });
});

it('says invalid of the window of a fault without proof, and throws for an unknown one', () => {
  const view = viewOf({ faults, events: cut.filter(({ kind }) => kind !== 'fault.proof') });
  expect(judge(view, {}, { during: 'cut' }).verdict).toBe('invalid');
  expect(() => ask([], {}, 'nothing')).toThrow('no fault "nothing"');
});
