import { expect, it } from 'vitest';
import { controllerEvent, linesOf, podLine } from '../analysis/hpa/testing-lines.ts';
import { realRun, type Step, told } from '../analysis/hpa/testing-told.ts';
import type { HpaTrace } from '../analysis/hpa/trace.ts';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './scales-out.ts';

/** More load from 30 s on, until 30 s + `heldMs`. Pods of a size are Ready 5.2 s after it was set, at 40.4 s, 55.6 s, ... */
function surged(trace: HpaTrace, heldMs = 900_000, story: Story = {}): Story {
  const events = [
    controllerEvent(),
    ...faultEvents('surge', 30_000, 30_000 + heldMs),
    ...(story.events ?? []),
  ];
  return {
    workload: { name: 'web' },
    watch: linesOf(trace),
    ...story,
    faults: [{ name: 'surge', fault: { surge: 'to-max' } }],
    events,
  };
}
const ask = (story: Story, options: object = { to: 'max' }) =>
  judge(viewOf(story), options, { during: 'surge' });

const started = (runner: string, at: number) => ({
  at,
  kind: 'load.started' as const,
  runner,
  wallMs: 1_700_000_000_000 + at,
  ratePerS: 10,
  pointsPerWrite: 1,
  vus: 1,
  warmupMs: 0,
  forMs: 1_000,
  judged: false,
});

const UP: Step[] = [
  [3, 3, 60],
  [3, 6, 130],
  [6, 10, 120],
  [10, 10, 80],
];

it('passes pods that were Ready in time, with the stages apart and the bound that it computed', () => {
  const verdict = ask(surged(told(UP)));
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 25.6, unit: 's' } });
  expect(verdict.reason).toContain(
    '10 pods were Ready 25.7 s after the load began to grow at 29.9 s, 25.6 s after it had grown',
  );
  expect(verdict.reason).toMatch(
    /1 further step \(6 > 10\) 15\.2 s, the last pod p9: schedule 0\.0 s, start 0\.0 s, ready 0\.0 s/,
  );
  // With samples every 15 s: 91 s until all is seen from idle, and twice 81 s for a step after it.
  expect(verdict.expected).toEqual({ value: 253, unit: 's, at most' });
});

it('counts from the moment at which a load that comes in steps is there in full', () => {
  const verdict = ask(
    surged(told(UP), 900_000, { events: [started('surge-1', 29_000), started('surge-2', 45_000)] }),
  );
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 10.6 } });
});

it('looks at its own surge alone', () => {
  const two = (options: object, name: string) => {
    const story = surged(told(UP), 10_000);
    const events = [
      ...(story.events ?? []),
      ...faultEvents(name, 45_000, 900_000),
      started(`${name}-1`, 46_000),
    ];
    const faults = [...(story.faults ?? []), { name, fault: { surge: 'to-max' as const } }];
    return judge(viewOf({ ...story, events, faults }), options, { during: 'surge' });
  };
  // 6 pods at 40.4 s, and 10 at 55.6 s only because of the second surge, however it is called.
  for (const name of ['again', 'surge-2']) {
    expect(two({ to: 6, withinMs: 20_000 }, name).verdict).toBe('pass');
    expect(two({ to: 'max', withinMs: 60_000 }, name)).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('the load was held for'),
    });
  }
});

it('does not fail pods that had time left when the record ended, or something else began', () => {
  const trace = told(UP);
  const pods = trace.pods.map((change) =>
    change.name === 'p9' && change.pod
      ? { ...change, pod: { ...change.pod, ready: { status: false, changedAtMs: 0 } } }
      : change,
  );
  const unready = { ...trace, pods };
  const within = (withinMs: number) => ask(surged(unready), { to: 'max', withinMs });
  expect(within(30_000)).toMatchObject({ verdict: 'fail' });
  expect(within(200_000)).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the HPA had set 10, and they had until 230.0 s'),
  });
});

it('passes a real run', () => {
  const { lines, events } = realRun();
  const faults = [{ name: 'surge', fault: { surge: 'to-max' as const } }];
  const verdict = ask({ workload: { name: 'luminate' }, watch: lines, edit: () => null, faults, events });
  expect(verdict.verdict).toBe('pass');
  expect(verdict.reason).toContain('10 pods were Ready 42.5 s after the load began to grow at 122.0 s');
  expect(verdict.reason).toContain('2 further steps (5 > 6 > 10) 20.1 s');
});

it('fails pods that came too late', () => {
  const verdict = ask(surged(told(UP)), { to: 'max', withinMs: 20_000 });
  expect(verdict).toMatchObject({ verdict: 'fail', expected: { value: 20 } });
  expect(ask(surged(told(UP)), { to: 6, withinMs: 20_000 }).verdict).toBe('pass');
});

it('fails replicas that were set and never became Ready', () => {
  const trace = told(UP);
  const pods = trace.pods.map((change) =>
    change.name === 'p9' && change.pod
      ? { ...change, pod: { ...change.pod, ready: { status: false, changedAtMs: 0 } } }
      : change,
  );
  const verdict = ask(surged({ ...trace, pods }), { to: 'max', withinMs: 30_000 });
  expect(verdict).toMatchObject({ verdict: 'fail' });
  expect(verdict.reason).toContain('never more than 9 of 10 pods were Ready, although the HPA had set 10');
});

it('fails an HPA that does not act although the load asks for more', () => {
  const idle = Array.from({ length: 30 }, (_, index): Step => [3, 3, index === 0 ? 60 : 200 + index]);
  expect(ask(surged(told(idle), 440_000))).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('never more than 3 of 10 pods were Ready within'),
  });
});

it('cannot tell when the load was held too short, had another legal end, or was not needed', () => {
  const tooShort = ask(
    surged(
      told([
        [3, 3, 60],
        [3, 6, 130],
        [6, 6, 120],
      ]),
      40_000,
    ),
  );
  expect(tooShort).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the load was held for 39.9 s only'),
  });
  const rests = Array.from({ length: 30 }, (_, index): Step => [9, 9, index === 0 ? 71 : 77]);
  expect(ask(surged(told(rests), 440_000))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining("the load's legal ends are 9 or 10"),
  });
  expect(
    ask(
      surged(
        told([
          [10, 10, 60],
          [10, 10, 61],
        ]),
      ),
    ),
  ).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('nothing to scale'),
  });
});

it('cannot tell while pods were not watched, without an HPA, or under an assumed sync period', () => {
  const gap = {
    at: 90_000,
    kind: 'gap' as const,
    what: 'pods watch',
    fromMs: 40_000,
    toMs: 90_000,
    why: 'ECONNREFUSED',
  };
  expect(ask(surged(told(UP), 900_000, { events: [gap] }), { to: 'max', withinMs: 20_000 })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('pods were not watched from 40.0 s to 90.0 s'),
  });
  expect(ask(surged(told(UP), 900_000, { watch: [] })).verdict).toBe('inconclusive');
  const without = linesOf(told(UP)).filter(({ kind }) => kind !== 'Pod');
  expect(ask(surged(told(UP), 900_000, { watch: without })).reason).toContain(
    'no pod of its target is in the watch log',
  );
  const counted = told(UP).scales.map((scale) => ({ ...scale, readyReplicas: scale.specReplicas }));
  const unready = told(UP).pods.filter(({ name }) => name !== 'p9');
  expect(ask(surged({ ...told(UP), scales: counted, pods: unready }))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('Deployment/web counted 10'),
  });
  const late = told(UP, {});
  const slow = {
    ...late,
    pods: late.pods.map((change) => (change.name === 'p9' ? { ...change, receivedMs: 600_000 } : change)),
  };
  const story = surged(slow);
  const assumed =
    story.events?.map((event) =>
      event.kind === 'hpa.controller' ? controllerEvent({}, 'assumed default') : event,
    ) ?? [];
  expect(ask(story).verdict).toBe('fail');
  expect(ask({ ...story, events: assumed })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('sync-period is assumed'),
  });
});

it('is invalid when the surge was never seen acting, or no bound can be computed', () => {
  const story = surged(told(UP));
  const unproven = story.events?.filter(({ kind }) => kind !== 'fault.proof') ?? [];
  expect(ask({ ...story, events: unproven }).verdict).toBe('invalid');
  const unknown = story.events?.filter(({ kind }) => kind !== 'hpa.controller') ?? [];
  expect(ask({ ...story, events: unknown })).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('set withinMs'),
  });
  expect(ask({ ...story, events: unknown }, { to: 'max', withinMs: 60_000 }).verdict).toBe('pass');
});

it('shows each stage of a pod that takes its time', () => {
  const trace = told(UP);
  const early = { name: 'p9', phase: 'Pending', deleted: false, containers: [] };
  const pending = podLine({ receivedMs: 50_600, revision: null, name: 'p9', pod: early });
  const unscheduled = {
    ...pending,
    object: { ...pending.object, status: { phase: 'Pending', conditions: [] } },
  };
  const scheduled = { ...pending, atMs: 51_000 };
  const running = podLine({
    receivedMs: 53_000,
    revision: null,
    name: 'p9',
    pod: { ...early, phase: 'Running', ready: { status: false, changedAtMs: 53_000 } },
  });
  const watch = [...linesOf(trace), unscheduled, scheduled, running].toSorted((a, b) => a.atMs - b.atMs);
  expect(ask(surged(trace, 900_000, { watch })).reason).toContain(
    'the last pod p9: schedule 0.4 s, start 2.0 s, ready 2.6 s',
  );
});
