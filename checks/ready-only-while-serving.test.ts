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
