import { expect, it } from 'vitest';
import { controllerEvent, linesOf } from '../analysis/hpa/testing-lines.ts';
import { realRun, SPEC, type Step, told } from '../analysis/hpa/testing-told.ts';
import type { HpaTrace } from '../analysis/hpa/trace.ts';
import type { HpaSpec } from '../analysis/hpa/types.ts';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './scales-back.ts';

/** The load is gone at 60 s; syncs at 20.0, 35.2, 50.4, 65.6 s, ... */
function surged(trace: HpaTrace, story: Story = {}): Story {
  const events = [controllerEvent(), ...faultEvents('surge', 10_000, 60_000), ...(story.events ?? [])];
  return {
    workload: { name: 'web' },
    watch: linesOf(trace),
    ...story,
    faults: [{ name: 'surge', fault: { surge: 'to-max' } }],
    events,
  };
}
const ask = (story: Story, options: object = { to: 'min' }) =>
  judge(viewOf(story), options, { during: 'surge' });

const PEAK: Step[] = [
  [3, 6, 130],
  [6, 6, 70],
  [6, 6, 71],
];
/** The last sync that asked for 6 is that at 50.4 s; its window is over at 110.4 s, and the sync at 111.2 s may act. */
const BACK: Step[] = [...PEAK, [6, 6, 31], [6, 6, 30], [6, 6, 29], [6, 3, 28], [3, 3, 58]];

function withSpec(trace: HpaTrace, change: Partial<NonNullable<HpaSpec['behavior']>['scaleDown']>): HpaTrace {
  const behavior = SPEC.behavior && {
    ...SPEC.behavior,
    scaleDown: { ...SPEC.behavior.scaleDown, ...change },
  };
  return { ...trace, writes: trace.writes.map((write) => ({ ...write, spec: { ...SPEC, behavior } })) };
}

it('passes a return in time, with its path, and judges the peak by the ends that were legal', () => {
  const verdict = ask(surged(told(BACK)));
  expect(verdict).toMatchObject({ verdict: 'pass', observed: { value: 51.2, unit: 's' } });
  expect(verdict.reason).toContain('3 replicas were back 51.1 s after the load was gone at 60.0 s');
  expect(verdict.reason).toContain(
    'by 6 > 3; at the peak of 6, with 71m of CPU in each pod, the legal ends were 6.',
  );
});

it('passes a real run', () => {
  const { lines, events } = realRun();
  const faults = [{ name: 'surge', fault: { surge: 'to-max' as const } }];
  const verdict = ask({ workload: { name: 'luminate' }, watch: lines, edit: () => null, faults, events });
  expect(verdict.verdict).toBe('pass');
  expect(verdict.reason).toContain('by 10 > 9 > 8 > 7 > 6 > 5 > 4 > 3');
});

it('looks at its own surge alone', () => {
  // Back in time at 111.2 s, and up again when another surge begins at 125 s.
  const again = surged(told([...BACK, [3, 6, 130], [6, 6, 70]]));
  const next = (atMs: number): Story => ({
    ...again,
    faults: [...(again.faults ?? []), { name: 'again', fault: { surge: 'to-max' } }],
    events: [...(again.events ?? []), ...faultEvents('again', atMs, 900_000)],
  });
  expect(ask(next(125_000))).toMatchObject({ verdict: 'pass', observed: { value: 51.2 } });
  // One that begins before it may be back leaves the question open.
  expect(ask(next(100_000))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the record ends'),
  });
});

it('fails a return before stabilisation allows it', () => {
  const verdict = ask(surged(told([...PEAK, [6, 3, 30], [3, 3, 60]])));
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toContain('earlier than allowed: at 65.6 s, with 6 replicas');
  expect(verdict.reason).toContain('only 6 was legal and 3 was set');
});

it('fails a return that comes too late, or never, and says what the metrics still ask for', () => {
  expect(ask(surged(told(BACK)), { to: 'min', withinMs: 30_000 })).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('returned only after 51.1 s to 3 replicas, allowed were 30.0 s'),
  });
  const stays = [...PEAK, ...Array.from({ length: 30 }, (_, index): Step => [6, 6, 66 + (index % 2)])];
  const verdict = ask(surged(told(stays)));
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toContain('did not return to 3 replicas');
  expect(verdict.reason).toContain('the last sync saw cpu at 67 % of a target of 70 %');
});

it('fails a spec that never scales in', () => {
  const verdict = ask(surged(withSpec(told(PEAK), { selectPolicy: 'Disabled' })));
  expect(verdict).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('scaleDown.selectPolicy is Disabled'),
  });
});

it('cannot tell when the record ends before the latest legal moment, or nothing had grown', () => {
  expect(ask(surged(told([...PEAK, [6, 6, 30]])))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining(
      'the record ends, or something else began, 5.6 s after the load was gone',
    ),
  });
  expect(
    ask(
      surged(
        told([
          [3, 3, 60],
          [3, 3, 61],
          [3, 3, 62],
          [3, 3, 60],
        ]),
      ),
    ),
  ).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('nothing to return from'),
  });
  expect(ask(surged(told(BACK), { watch: [] })).verdict).toBe('inconclusive');
  const story = surged(told(BACK));
  const unended =
    story.events?.filter((event) => !(event.kind === 'fault.proof' && event.saw === 'gone')) ?? [];
  expect(ask({ ...story, events: unended })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the end of surge was not seen'),
  });
});

it('holds nothing against a window that is assumed', () => {
  const early = withSpec(told([...PEAK, [6, 3, 30], [3, 3, 60]]), { stabilizationMs: null });
  const story = surged(early);
  const assumed =
    story.events?.map((event) =>
      event.kind === 'hpa.controller' ? controllerEvent({}, 'assumed default') : event,
    ) ?? [];
  expect(ask(story).verdict).toBe('fail');
  expect(ask({ ...story, events: assumed })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('downscale-stabilization is assumed and may be shorter'),
  });
});

it('cannot tell how late a return was in a stretch without sight, and adds the time without metrics', () => {
  const stays = [...PEAK, ...Array.from({ length: 30 }, (_, index): Step => [6, 6, 66 + (index % 2)])];
  const gap = {
    at: 90_000,
    kind: 'gap' as const,
    what: 'Deployment watch',
    fromMs: 70_000,
    toMs: 90_000,
    why: 'ECONNREFUSED',
  };
  expect(ask(surged(told(stays), { events: [gap] }))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('the target was not watched from 70.0 s to 90.0 s'),
  });
  const trace = told(BACK);
  const failing = trace.writes.map((write, index) =>
    index === 4
      ? {
          ...write,
          metrics: [null],
          conditions: { ScalingActive: { status: false, reason: 'FailedGetResourceMetric' } },
        }
      : write,
  );
  const bound = (of: HpaTrace) => ask(surged(of)).expected?.value ?? 0;
  expect(bound({ ...trace, writes: failing }) - bound(trace)).toBeCloseTo(15.2, 1);
});

it('is invalid when the surge was never seen acting, or the flags are not on record', () => {
  const story = surged(told(BACK));
  expect(
    ask({ ...story, events: story.events?.filter(({ kind }) => kind !== 'fault.proof') ?? [] }).verdict,
  ).toBe('invalid');
  expect(
    ask({ ...story, events: story.events?.filter(({ kind }) => kind !== 'hpa.controller') ?? [] }).verdict,
  ).toBe('invalid');
});
