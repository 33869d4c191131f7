import { expect, it } from 'vitest';
import { linesOf } from '../analysis/hpa/testing-lines.ts';
import { type Step, SYNC_MS, told, viewOfTrace } from '../analysis/hpa/testing-told.ts';
import type { HpaTrace, ShownCondition } from '../analysis/hpa/trace.ts';
import { faultEvents, type Story, viewOf } from '../analysis/testing.ts';
import { judge } from './hpa-can-work.ts';

const ask = (trace: HpaTrace, story: Story = {}) => judge(viewOfTrace(trace, story));

/** The syncs from one on fail for a reason; the last of them is the last line. */
function failing(
  type: 'AbleToScale' | 'ScalingActive',
  condition: Omit<ShownCondition, 'status'>,
  from: number,
  to: number,
): HpaTrace {
  const trace = told(Array.from({ length: 10 }, (): Step => [3, 3, 60]));
  const writes = trace.writes.map((write, index) =>
    index >= from && index < to
      ? {
          ...write,
          metrics: [null],
          conditions: { ...write.conditions, [type]: { status: false, ...condition } },
        }
      : write,
  );
  return { ...trace, writes };
}

const noMetrics = {
  reason: 'FailedGetResourceMetric',
  message:
    'the HPA was unable to compute the replica count: failed to get cpu utilization: no metrics returned from resource metrics API',
};

it('passes an HPA with its target and its metrics, and says how long it had none', () => {
  expect(
    ask(
      told([
        [3, 3, 60],
        [3, 3, 61],
      ]),
    ).verdict,
  ).toBe('pass');
  const verdict = ask(failing('ScalingActive', noMetrics, 2, 5));
  expect(verdict.verdict).toBe('pass');
  expect(verdict.reason).toContain('except for 45.6 s from 50.4 s on (FailedGetResourceMetric)');
});

it('fails one without metrics for longer than new pods take, and says that the metrics API did not answer', () => {
  const trace = failing('ScalingActive', noMetrics, 2, 10);
  const verdict = ask(trace);
  expect(verdict.verdict).toBe('fail');
  expect(verdict.reason).toContain('for 106.4 s there were no metrics');
  expect(verdict.reason).toContain('failed to get cpu utilization');
  const gap = {
    at: 120_000,
    kind: 'gap' as const,
    what: 'PodMetrics',
    fromMs: 60_000,
    toMs: 120_000,
    why: '503',
  };
  expect(ask(trace, { events: [gap] }).reason).toContain('did not answer us either (503)');
});

it('fails a container without the request, without waiting', () => {
  const message = 'failed to get cpu utilization: missing request for cpu in container web of Pod web-1';
  const verdict = ask(failing('ScalingActive', { reason: 'FailedGetResourceMetric', message }, 3, 4));
  expect(verdict).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('missing request for cpu in container web'),
  });
});

it('fails a target that is not there, one at 0, and pods that another HPA has', () => {
  const notFound = { reason: 'FailedGetScale', message: 'deployments/scale.apps "web" not found' };
  expect(ask(failing('AbleToScale', notFound, 0, 10))).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('its target cannot be read'),
  });
  // Made a moment before its target.
  expect(ask(failing('AbleToScale', notFound, 0, 1)).verdict).toBe('pass');
  expect(ask(failing('ScalingActive', { reason: 'ScalingDisabled' }, 3, 10)).reason).toContain('0 replicas');
  expect(ask(failing('ScalingActive', { reason: 'AmbiguousSelector' }, 3, 10)).reason).toContain(
    'another HPA',
  );
  expect(
    ask(failing('ScalingActive', { reason: 'InvalidSelector', message: 'no selector' }, 3, 10)).verdict,
  ).toBe('fail');
});

it('cannot tell when the record ends too early, or has no HPA or sync', () => {
  expect(ask(failing('ScalingActive', noMetrics, 7, 10))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('too short a time'),
  });
  expect(judge(viewOf())).toMatchObject({ verdict: 'inconclusive' });
  const never = linesOf(told([[3, 3, 60]])).filter(
    ({ kind, atMs }) => kind !== 'HorizontalPodAutoscaler' || atMs < SYNC_MS,
  );
  expect(judge(viewOf({ watch: never })).reason).toContain('no sync');
  // Whether there is a target is for the controller to say, not for the log.
  const alone = linesOf(told([[3, 3, 60]])).filter(({ kind }) => kind !== 'Deployment');
  expect(judge(viewOf({ watch: alone })).verdict).toBe('pass');
});

it('cannot tell when it was not watched for as long as it would be accused of', () => {
  const gap = (forMs: number): Story => ({
    events: [
      {
        at: forMs,
        kind: 'gap',
        what: 'HorizontalPodAutoscaler watch',
        fromMs: 0,
        toMs: forMs,
        why: 'ECONNREFUSED',
      },
    ],
  });
  const seen = told(Array.from({ length: 10 }, (): Step => [3, 3, 60]));
  expect(ask(seen, gap(95_000))).toMatchObject({
    verdict: 'inconclusive',
    reason: expect.stringContaining('was not watched from 0.0 s to 95.0 s (ECONNREFUSED)'),
  });
  expect(ask(seen, gap(60_000)).verdict).toBe('inconclusive');
  expect(ask(seen, gap(30_000)).verdict).toBe('pass');
});

it('does not take what nobody watched for a time without metrics', () => {
  const gap = (fromMs: number, toMs: number): Story => ({
    events: [
      { at: toMs, kind: 'gap', what: 'HorizontalPodAutoscaler watch', fromMs, toMs, why: 'ECONNREFUSED' },
    ],
  });
  // Told at 50.4 s, ended by 156.8 s: with nobody looking from 52 s on it may have lasted for two seconds.
  const trace = failing('ScalingActive', noMetrics, 2, 3);
  const hidden = { ...trace, writes: trace.writes.filter((_, index) => index < 3 || index > 8) };
  expect(ask(hidden).verdict).toBe('fail');
  expect(ask(hidden, gap(52_000, 156_000)).verdict).toBe('inconclusive');
  // A watch that came back without news came back to the same status.
  expect(ask(hidden, gap(90_000, 110_000)).verdict).toBe('fail');
  // What was seen for long enough before it stays a finding.
  expect(ask(failing('ScalingActive', noMetrics, 0, 9), gap(140_000, 150_000)).verdict).toBe('fail');
});

it('does not hold against it that the run itself set the target to 0', () => {
  const trace = failing('ScalingActive', { reason: 'ScalingDisabled' }, 3, 5);
  const down: Story = {
    faults: [{ name: 'down', fault: { scaleTo: 0 }, forMs: 40_000 }],
    events: faultEvents('down', 60_000, 100_000),
  };
  expect(ask(trace, down).verdict).toBe('pass');
  expect(ask(trace, { ...down, faults: [{ name: 'down', fault: { scaleTo: 2 } }] }).verdict).toBe('fail');
});
