import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import type { Event } from '../record/model.ts';
import { judge } from './ready-only-while-serving.ts';

/** A look each second at two pods; `of` says what is seen. Allowed by the manifest: 3 x 2 s + 1 s + the second between looks. */
const looks = (of: (pod: string, atMs: number) => Partial<Event>): Event[] =>
  Array.from({ length: 50 }, (_, index) => index * 1_000).flatMap((at) =>
    ['a', 'b'].map(
      (pod) =>
        ({
          at,
          kind: 'serves',
          pod,
          uid: pod,
          ready: true,
          serves: true,
          detail: 'x',
          ...of(pod, at),
        }) as Event,
    ),
  );
const cut = { faults: [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }] };
const ask = (events: Event[], story: Story = {}) =>
  judge(viewOf({ ...story, events: [...events, ...faultEvents('cut', 21_000, 26_000)] }));
/** Not serving from 20 s on, ready until `untilMs`. */
const stretch = (untilMs: number) =>
  looks((pod, at) =>
    pod === 'b' && at >= 20_000 ? { serves: false, ready: at <= untilMs, detail: 'HTTP 503' } : {},
  );

it('passes as long as the probe may need to notice', () => {
  const verdict = ask(stretch(28_000), cut);
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 8 }, expected: { value: 8 } });
  expect(verdict.reason).toContain('30 of 100 looks at 2 pods');
});

it('fails beyond, naming pod and time', () => {
  const verdict = ask(stretch(29_000), cut);
  expect(verdict).toMatchObject({ verdict: 'fail', windowMs: [20_000, 29_000] });
  expect(verdict.reason).toContain('b for 9.0 s from 20.0 s (HTTP 503)');
});

it('allows no more where a slow machine looked less often', () => {
  const seldom = (untilMs: number) => stretch(untilMs).filter(({ at }) => at % 3_000 === 0 || at === 20_000);
  expect(ask(seldom(30_000), cut)).toMatchObject({ verdict: 'fail', expected: { value: 8 } });
  expect(ask(seldom(27_000), cut)).toMatchObject({ verdict: 'pass', observed: { value: 7 } });
});

it('does not join two looks with a hole between them', () => {
  const events = stretch(40_000).filter(({ at }) => at < 24_000 || at > 36_000);
  expect(ask(events, cut).verdict).toBe('pass');
});

it('cannot tell without looks, or when a fault brought no pod to the test', () => {
  expect(ask([], cut)).toMatchObject({ verdict: 'inconclusive' });
  expect(
    ask(
      looks(() => ({})),
      cut,
    ),
  ).toMatchObject({ verdict: 'inconclusive', reason: expect.stringContaining('not put to the test') });
});

it('passes a run without faults in which every look found a serving pod', () => {
  expect(ask(looks(() => ({}))).verdict).toBe('pass');
});

it('allows only a look to a pod without a readiness probe', () => {
  const view = viewOf({ ...cut, events: stretch(29_000) });
  delete view.plan.workload.readiness;
  expect(judge(view)).toMatchObject({ verdict: 'fail', expected: { value: 1 } });
});

it('joins looks that hang: each gives up after two seconds', () => {
  const hanging = stretch(40_000).filter(({ at }) => at < 20_000 || at % 3_000 === 0);
  const more = stretch(40_000).filter(({ at }) => at >= 20_000 && at % 5_000 === 0);
  expect(ask(hanging, cut)).toMatchObject({ verdict: 'fail' });
  expect(ask([...looks(() => ({})).filter(({ at }) => at < 20_000), ...more], cut).verdict).toBe('fail');
});

it('does not join looks across a gap, and does not pass one', () => {
  const gap: Event = { at: 26_000, kind: 'gap', what: 'pods', fromMs: 24_100, toMs: 24_900, why: 'stalled' };
  expect(ask([...stretch(29_000), gap], cut)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('not looked at from 24.1 s to 24.9 s (stalled)'),
  });
});

it('cannot tell of a pod that was ready in the window of a fault and hardly looked at', () => {
  const long = { faults: cut.faults, events: faultEvents('cut', 21_000, 33_000) };
  const c = (every: number) =>
    Array.from({ length: 20 }, (_, index): Event => ({
      at: index * every,
      kind: 'serves',
      pod: 'c',
      uid: 'c',
      ready: true,
      serves: true,
      detail: '',
    }));
  const told = (events: Event[]) => judge(viewOf({ ...long, events: [...long.events, ...events] }));
  expect(told([...stretch(22_000), ...c(4_000)]).verdict).toBe('pass');
  expect(told([...stretch(22_000), ...c(15_000)])).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('c was ready for 12.2 s in the window of cut and looked at 1 times'),
  });
});
