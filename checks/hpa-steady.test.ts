import { expect, it } from 'vitest';
import { linesOf, scaleLine, unschedulableLine } from '../analysis/hpa/testing-lines.ts';
import { type Step, told, viewOfTrace } from '../analysis/hpa/testing-told.ts';
import type { HpaTrace } from '../analysis/hpa/trace.ts';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import type { Event } from '../record/model.ts';
import type { WatchLine } from '../record/watch-log.ts';
import { judge } from './hpa-steady.ts';

const STEADY: Step[] = [
  [3, 3, 60],
  [3, 6, 130],
  [6, 6, 70],
  [6, 6, 69],
];
/** The load of the story is over in 60 s: what comes after is under no load at all, and steady. */
const AFTER_THE_LOAD = { forMs: 10_000 };
const ask = (trace: HpaTrace, story: Story = {}) => judge(viewOfTrace(trace, story));
const withLines = (trace: HpaTrace, ...lines: WatchLine[]) =>
  ask(trace, { watch: [...linesOf(trace), ...lines].toSorted((a, b) => a.atMs - b.atMs) });
const set = (receivedMs: number, specReplicas: number, owner: string) =>
  scaleLine({
    receivedMs,
    revision: null,
    specReplicas,
    statusReplicas: specReplicas,
    readyReplicas: specReplicas,
    owner,
  });

it('passes an HPA that decides alone, with the sizes it set', () => {
  expect(ask(told(STEADY))).toMatchObject({
    verdict: 'pass',
    reason: expect.stringContaining('web set 3 > 6'),
  });
  const view = viewOf({ watch: linesOf(told(STEADY)).filter(({ kind }) => kind !== 'Lease') });
  const cluster = { ...view, plan: { ...view.plan, platform: 'kubernetes' as const } };
  expect(judge(cluster).reason).toContain('its lease was not watched');
  // Where the controller is a part of the platform there is no lease.
  expect(judge(view).reason).not.toContain('lease');
});

it('names who else set the replicas, and when', () => {
  const verdict = withLines(told(STEADY), set(60_000, 4, 'kubectl/scale'));
  expect(verdict).toMatchObject({ verdict: 'fail' });
  expect(verdict.reason).toContain('kubectl/scale set the replicas from 6 to 4 at 60.0 s, against web');
  // Before its first sync nobody has a claim, and the first size is whoever's made it.
  expect(withLines(told(STEADY), set(5_000, 3, 'kubectl/scale')).verdict).toBe('pass');
});

it('does not hold the disturbance of the run against anybody', () => {
  const trace = told(STEADY);
  const intent: Event = { at: 59_000, kind: 'fault.intent', fault: 'down', targets: [], detail: '' };
  const story = { faults: [{ name: 'down', fault: { scaleTo: 4 } }], events: [intent] };
  const watch = [...linesOf(trace), set(60_000, 4, 'proofload')].toSorted((a, b) => a.atMs - b.atMs);
  expect(ask(trace, { ...story, watch }).verdict).toBe('pass');
  expect(ask(trace, { watch }).verdict).toBe('fail');
});

it('fails two HPAs of one target, and an ambiguous selector', () => {
  const second = linesOf({ ...told(STEADY), name: 'web-2' }).filter(
    ({ kind }) => kind === 'HorizontalPodAutoscaler',
  );
  expect(withLines(told(STEADY), ...second)).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('web and web-2 both scale Deployment/web'),
  });
  const ambiguous = told(STEADY);
  const writes = ambiguous.writes.map((write) => ({
    ...write,
    conditions: { ScalingActive: { status: false, reason: 'AmbiguousSelector' } },
  }));
  expect(ask({ ...ambiguous, writes }).reason).toContain('AmbiguousSelector');
});

it('fails a size that is taken back and set again while nobody changed the load', () => {
  const steps: Step[] = [
    ...Array.from({ length: 6 }, (): Step => [3, 3, 60]),
    [3, 6, 130],
    [6, 3, 20],
    [3, 6, 130],
    [6, 6, 70],
  ];
  const verdict = ask(told(steps), AFTER_THE_LOAD);
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toMatch(/web turned at 126\.\d s \(to 3\) and again at 141\.\d s \(to 6\)/);
  // Under a load that changed meanwhile it may be right.
  expect(ask(told(steps), { forMs: 120_000 }).verdict).toBe('pass');
});

it('fails a size that could not be written', () => {
  const trace = told(STEADY);
  const AbleToScale = { status: false, reason: 'FailedUpdateScale', message: 'exceeded quota' };
  const writes = trace.writes.map((write) => ({
    ...write,
    conditions: { ...write.conditions, AbleToScale },
  }));
  expect(ask({ ...trace, writes })).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('FailedUpdateScale: exceeded quota'),
  });
});

it('passes over a conflict that the next sync gets over, and no other', () => {
  const trace = told(STEADY);
  const message =
    'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again';
  const conflicts = (...indexes: number[]) => ({
    ...trace,
    writes: trace.writes.map((write, index) =>
      indexes.includes(index)
        ? {
            ...write,
            conditions: {
              ...write.conditions,
              AbleToScale: { status: false, reason: 'FailedUpdateScale', message },
            },
          }
        : write,
    ),
  });
  expect(ask(conflicts(1)).verdict).toBe('pass');
  expect(ask(conflicts(1, 2)).verdict).toBe('fail');
  // Nobody got over one that is still the last word long after.
  expect(ask(conflicts(3)).verdict).toBe('pass');
  const later = set(200_000, 6, 'kube-controller-manager/scale');
  expect(withLines(conflicts(3), later).verdict).toBe('fail');
});

it('fails pods that found no node, and leaves the HPA its right', () => {
  const trace = told([...STEADY, [6, 6, 68]]);
  const verdict = withLines(
    trace,
    unschedulableLine(40_000, 'p9', '0/2 nodes are available: 2 Insufficient cpu.'),
  );
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toContain('1 pods that web asked for found no node, p9 for 40.8 s from 40.0 s on');
  expect(verdict.reason).toContain('the HPA is right and the cluster too small');
  // A moment is the scheduler's.
  expect(withLines(trace, unschedulableLine(75_000, 'p9', 'none')).verdict).toBe('pass');
  // Nor is it the cluster's while the run itself has closed a node.
  const watch = [...linesOf(trace), unschedulableLine(40_000, 'p9', 'node(s) were unschedulable')];
  const drained = (goneMs: number): Story => ({
    faults: [{ name: 'drain', fault: 'drain' }],
    events: faultEvents('drain', 39_000, goneMs),
    watch: watch.toSorted((a, b) => a.atMs - b.atMs),
  });
  expect(ask(trace, drained(75_000)).verdict).toBe('pass');
  expect(ask(trace, drained(60_000)).reason).toContain('p9 for 20.8 s from 40.0 s on');
});

it('fails a controller that goes silent while the samples move, not one that has nothing new to say', () => {
  const trace = told([
    ...Array.from({ length: 4 }, (): Step => [3, 3, 60]),
    [3, 3, 55],
    [3, 3, 50],
    [3, 3, 45],
    [3, 3, 40],
    [3, 3, 60],
  ]);
  const silent = { ...trace, writes: trace.writes.filter((_, index) => index < 4 || index === 8) };
  expect(ask(silent)).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('wrote nothing from 20.0 s to 141.6 s'),
  });
  const calm = told(Array.from({ length: 9 }, (): Step => [3, 3, 60]));
  expect(ask({ ...calm, writes: calm.writes.filter((_, index) => index < 4 || index === 8) }).verdict).toBe(
    'pass',
  );
});

it('cannot pass over a restart of the controller or a stretch that nobody watched', () => {
  expect(ask(told(STEADY, { restartsMs: [40_000] }))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('controller was restarted at 40.0 s'),
  });
  const gap = {
    at: 50_000,
    kind: 'gap' as const,
    what: 'Deployment watch',
    fromMs: 40_000,
    toMs: 50_000,
    why: 'ECONNREFUSED',
  };
  expect(ask(told(STEADY), { events: [gap] })).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('its target was not watched from 40.0 s to 50.0 s'),
  });
  expect(judge(viewOf()).verdict).toBe('inconclusive');
  expect(ask({ ...told(STEADY), writes: [] }).verdict).toBe('inconclusive');
});
