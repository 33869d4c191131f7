import { expect, it } from 'vitest';
import { controllerEvent, hpaLine, linesOf } from '../analysis/hpa/testing-lines.ts';
import { realRun, SPEC, type Step, told, viewOfTrace } from '../analysis/hpa/testing-told.ts';
import type { HpaTrace } from '../analysis/hpa/trace.ts';
import { type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './hpa-follows-spec.ts';

const UP_AND_STAY: Step[] = [
  [3, 3, 60],
  [3, 6, 130],
  [6, 6, 70],
  [6, 6, 68],
];
const ask = (trace: HpaTrace, story: Story = {}, options: object = {}) =>
  judge(viewOfTrace(trace, story), options);
/** Without the event that says where the flags are known from. */
const assumed = (trace: HpaTrace, parameters: object = {}) =>
  judge(viewOf({ watch: linesOf(trace), events: [controllerEvent(parameters, 'assumed default')] }), {});
const blind = (what: string) => ({
  events: [{ at: 60_000, kind: 'gap' as const, what, fromMs: 0, toMs: 60_000, why: 'ECONNREFUSED' }],
});

it('passes syncs that the spec allows, with the share that was decided', () => {
  expect(ask(told(UP_AND_STAY))).toMatchObject({
    verdict: 'pass',
    observed: { value: 100 },
    reason: expect.stringContaining('4 of 4 syncs (100.00 %) could be decided'),
  });
});

it('passes a real run', () => {
  const { lines, events } = realRun();
  const verdict = judge(viewOf({ watch: lines, edit: () => null, events }), {});
  expect(verdict).toMatchObject({ verdict: 'pass', reason: expect.stringContaining('54 of 54 syncs') });
});

it('names the first step that nothing explains, with its inputs, what was legal, and what was done', () => {
  const verdict = ask(
    told([
      [3, 3, 60],
      [3, 9, 130],
      [9, 9, 70],
    ]),
  );
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toContain(
    'at 35.2 s, with 3 replicas, cpu at 130 % (target 70 %) and 3 of 3 pods counted, only 6 was legal and 9 was set',
  );
  expect(verdict.reason).not.toContain('later syncs');
});

it('says which flag or field it behaves like', () => {
  const tolerant = ask(
    told([
      [3, 3, 60],
      [3, 3, 90],
      [3, 3, 91],
    ]),
  );
  expect(tolerant.verdict).toBe('fail');
  expect(tolerant.reason).toContain('as with --horizontal-pod-autoscaler-tolerance of 0.3 to 2');
  const slow = {
    ...SPEC,
    behavior: SPEC.behavior && {
      ...SPEC.behavior,
      scaleUp: { ...SPEC.behavior.scaleUp, stabilizationMs: 0 },
    },
  };
  const early = told([
    [3, 6, 130],
    [6, 6, 70],
    [6, 3, 30],
  ]);
  expect(ask({ ...early, writes: early.writes.map((write) => ({ ...write, spec: slow })) }).reason).toMatch(
    /behaves as with .*scaleDown.stabilizationWindowSeconds 0/,
  );
});

it('holds nothing against a controller whose flags are assumed, if one of them would explain it, and names the flag', () => {
  const verdict = assumed(
    told([
      [3, 3, 60],
      [3, 3, 90],
      [3, 3, 91],
    ]),
  );
  expect(verdict.verdict).toBe('inconclusive');
  expect(verdict.reason).toContain('--horizontal-pod-autoscaler-tolerance of 0.3 to 2 would explain it');
  // No flag explains more than the maximum.
  expect(assumed(told([[3, 11, 130]])).verdict).toBe('fail');
});

it('cannot tell when too few syncs could be decided, and says why', () => {
  const verdict = ask(told(UP_AND_STAY), blind('pods watch'));
  expect(verdict.verdict).toBe('inconclusive');
  expect(verdict.reason).toContain('pods were not watched (ECONNREFUSED)');
  expect(ask(told(UP_AND_STAY), blind('HorizontalPodAutoscaler watch')).reason).toContain(
    'the HPA was not watched',
  );
  expect(ask(told(UP_AND_STAY), blind('pods watch'), { decidedShare: 0.1 }).verdict).toBe('pass');
});

it('is inconclusive without any HPA or sync, and invalid without the parameters of the controller', () => {
  expect(judge(viewOf({ events: [controllerEvent()] }), {})).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('no HorizontalPodAutoscaler'),
  });
  expect(judge(viewOf({ watch: linesOf(told(UP_AND_STAY)) }), {})).toMatchObject({
    verdict: 'invalid',
    reason: expect.stringContaining('hpa.controller'),
  });
  const never = linesOf(told([[3, 3, 60]])).filter(
    ({ kind, atMs }) => kind !== 'HorizontalPodAutoscaler' || atMs === 0,
  );
  expect(judge(viewOf({ watch: never, events: [controllerEvent()] }), {})).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('no sync'),
  });
  const unreadable = linesOf(told(UP_AND_STAY)).map((line) =>
    line.kind === 'HorizontalPodAutoscaler' ? { ...line, object: { ...line.object, spec: {} } } : line,
  );
  expect(judge(viewOf({ watch: unreadable, events: [controllerEvent()] }), {}).verdict).toBe('inconclusive');
});

it('follows a spec that is changed, and lists the change', () => {
  const trace = told([
    [3, 3, 60],
    [3, 4, 130],
    [4, 4, 70],
    [4, 4, 71],
  ]);
  const careful = SPEC.behavior && {
    ...SPEC.behavior,
    scaleUp: { ...SPEC.behavior.scaleUp, policies: [{ type: 'Pods' as const, value: 1, periodMs: 60_000 }] },
  };
  const [first, ...later] = trace.writes;
  if (!first) throw new Error('no write');
  const edited = {
    ...trace,
    writes: [first, ...later.map((write) => ({ ...write, spec: { ...SPEC, behavior: careful } }))],
  };
  expect(ask(trace).verdict).toBe('fail');
  const verdict = ask(edited, {
    watch: [...linesOf(edited), hpaLine(25_000, { ...first, spec: { ...SPEC, behavior: careful } })].toSorted(
      (a, b) => a.atMs - b.atMs,
    ),
  });
  expect(verdict).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('changed and is followed from there on (behavior at 25.0 s)'),
  });
});
