import { describe, expect, it } from 'vitest';
import { decide, firstSyncMs } from './decide.ts';
import {
  type Behavior,
  CONTROLLER_DEFAULTS,
  type ControllerState,
  EMPTY_STATE,
  type HpaSpec,
  type MetricSpec,
  type Proposal,
} from './types.ts';

const CPU: MetricSpec = { source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 50 } };
const QPS: MetricSpec = { source: 'External', name: 'qps', target: { type: 'value', value: 100 } };
const NOW_MS = 1_000_000;

function asks(replicas: number): Proposal {
  return { ok: true, replicas, usage: 0, usageMilli: 0, readyPods: 0 };
}
function fails(reason: string): Proposal {
  return { ok: false, reason, message: '' };
}
function sync(
  current: number,
  [min, max]: [number, number],
  proposals: Proposal[],
  options: { metrics?: MetricSpec[]; behavior?: Behavior; state?: ControllerState; nowMs?: number } = {},
) {
  const spec: HpaSpec = {
    min,
    max,
    metrics: options.metrics ?? [CPU, QPS],
    behavior: options.behavior ?? null,
  };
  return decide(options.state ?? EMPTY_STATE, {
    nowMs: options.nowMs ?? NOW_MS,
    current,
    spec,
    proposals,
    parameters: { ...CONTROLLER_DEFAULTS, version: [1, 35] },
  });
}
const DEFAULT_BEHAVIOR: Behavior = {
  scaleUp: {
    stabilizationMs: 0,
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }],
    tolerance: null,
  },
  scaleDown: {
    stabilizationMs: 60_000,
    selectPolicy: 'Max',
    policies: [{ type: 'Pods', value: 1, periodMs: 60_000 }],
    tolerance: null,
  },
};
const yes = (reason: string) => ({ status: true, reason });
const no = (reason: string) => ({ status: false, reason });

describe('one reconcile (TestReplicaLimits, TestMetricsEdgeCases and others)', () => {
  it('below minReplicas it scales at once, whatever the metrics say', () => {
    expect(sync(2, [3, 5], [])).toMatchObject({
      desired: 3,
      rescale: true,
      rescaleReason: 'Current number of replicas below Spec.MinReplicas',
      conditions: { AbleToScale: yes('SucceededRescale') },
    });
    expect(sync(2, [3, 5], []).conditions.ScalingActive).toBeUndefined();
  });

  it('above maxReplicas it scales down at once, without stabilisation or rate', () => {
    const recent = { ...EMPTY_STATE, recommendations: [{ replicas: 10, atMs: NOW_MS - 1 }] };
    expect(sync(10, [3, 5], [asks(10)], { state: recent, behavior: DEFAULT_BEHAVIOR })).toMatchObject({
      desired: 5,
      rescale: true,
      rescaleReason: 'Current number of replicas above Spec.MaxReplicas',
      conditions: { AbleToScale: yes('SucceededRescale') },
      next: { scaleDowns: [{ change: 5, atMs: NOW_MS }] },
    });
  });

  it('clamps to max', () => {
    expect(sync(3, [2, 5], [asks(40)], { metrics: [CPU] })).toMatchObject({
      desired: 5,
      rescaleReason: 'cpu resource utilization (percentage of request) above target',
      conditions: {
        AbleToScale: yes('SucceededRescale'),
        ScalingActive: yes('ValidMetricFound'),
        ScalingLimited: yes('TooManyReplicas'),
      },
    });
  });

  it('TestSuperfluousMetrics: 24 of 6', () => {
    expect(sync(4, [2, 6], [asks(24)])).toMatchObject({
      desired: 6,
      conditions: { AbleToScale: yes('SucceededRescale'), ScalingLimited: yes('TooManyReplicas') },
    });
  });

  it('all metrics invalid: nothing happens, and the reason is that of the first', () => {
    expect(
      sync(4, [2, 6], [fails('FailedGetResourceMetric'), fails('FailedGetExternalMetric')]),
    ).toMatchObject({
      desired: null,
      rescale: false,
      conditions: {
        AbleToScale: yes('SucceededGetScale'),
        ScalingActive: no('FailedGetResourceMetric'),
      },
    });
  });

  it('TestScaleUpOneMetricEmpty: one invalid, the other scales up', () => {
    expect(sync(3, [2, 6], [asks(4), fails('FailedGetExternalMetric')])).toMatchObject({
      desired: 4,
      conditions: { AbleToScale: yes('SucceededRescale'), ScalingLimited: no('DesiredWithinRange') },
    });
  });

  it('TestNoScaleDownOneMetricEmpty: one invalid, the other would scale down', () => {
    expect(sync(5, [2, 6], [asks(3), fails('FailedGetExternalMetric')])).toMatchObject({
      desired: null,
      rescale: false,
      conditions: {
        AbleToScale: yes('SucceededGetScale'),
        ScalingActive: no('FailedGetExternalMetric'),
      },
    });
  });

  it('one invalid, the other asks for what there is: that is no scale-down', () => {
    expect(sync(5, [2, 6], [asks(5), fails('FailedGetExternalMetric')])).toMatchObject({
      desired: 5,
      conditions: { ScalingActive: yes('ValidMetricFound') },
    });
  });

  it('a target of 0 disables it', () => {
    expect(sync(0, [3, 5], [asks(5)])).toMatchObject({
      desired: 0,
      rescale: false,
      conditions: { AbleToScale: yes('SucceededGetScale'), ScalingActive: no('ScalingDisabled') },
    });
  });

  it('with a minimum of 0 it scales from 0', () => {
    expect(sync(0, [0, 5], [asks(2)], { metrics: [QPS] })).toMatchObject({
      desired: 2,
      rescaleReason: 'external metric qps(nil) above target',
    });
  });

  it('an HPA without any metric that can be read does nothing', () => {
    expect(sync(3, [1, 5], [], { metrics: [] })).toMatchObject({ desired: null, rescale: false });
  });
});

describe('the rescale reason', () => {
  it.each<[MetricSpec, string]>([
    [CPU, 'cpu resource utilization (percentage of request)'],
    [{ ...CPU, target: { type: 'averageValue', value: 1 } }, 'cpu resource'],
    [
      { ...CPU, source: 'ContainerResource', container: 'app' },
      'cpu container resource utilization (percentage of request)',
    ],
    [{ ...QPS, source: 'Pods' }, 'pods metric qps'],
    [{ ...QPS, source: 'Object', describedKind: 'Ingress' }, 'Ingress metric qps'],
    [{ ...QPS, selector: '&LabelSelector{}' }, 'external metric qps(&LabelSelector{})'],
  ])('names %j', (metric, name) => {
    expect(sync(3, [1, 9], [asks(4)], { metrics: [metric] }).rescaleReason).toBe(`${name} above target`);
  });

  it('names the metric that asks for most, the first of equals', () => {
    expect(sync(3, [1, 9], [asks(4), asks(5)]).rescaleReason).toContain('qps');
    expect(sync(3, [1, 9], [asks(5), asks(5)]).rescaleReason).toContain('cpu');
  });

  it('is empty when an older recommendation moves it, not the metrics', () => {
    // A real trace: 6 -> 8 with "New size: 8; reason: ".
    const state = { ...EMPTY_STATE, recommendations: [{ replicas: 8, atMs: NOW_MS - 5_000 }] };
    expect(sync(6, [3, 10], [asks(6)], { state })).toMatchObject({ desired: 8, rescaleReason: '' });
  });
});

describe('what it remembers', () => {
  it('the size it found, on its first sync: a restart delays a way down by a whole window', () => {
    const first = sync(10, [3, 10], [asks(3)]);
    expect(first).toMatchObject({ desired: 10, rescale: false });
    expect(first.conditions.AbleToScale).toEqual(yes('ScaleDownStabilized'));
    const at = (nowMs: number) => sync(10, [3, 10], [asks(3)], { state: first.next, nowMs }).desired;
    expect([at(NOW_MS + 300_000), at(NOW_MS + 300_001)]).toEqual([10, 3]);
  });

  it('its own changes, which the rate is counted from, only with a behavior', () => {
    const up = sync(3, [3, 100], [asks(50)], { behavior: DEFAULT_BEHAVIOR });
    expect(up).toMatchObject({ desired: 6, next: { scaleUps: [{ change: 3, atMs: NOW_MS }] } });
    const again = (nowMs: number) =>
      sync(6, [3, 100], [asks(50)], { behavior: DEFAULT_BEHAVIOR, state: up.next, nowMs }).desired;
    expect([again(NOW_MS + 14_999), again(NOW_MS + 15_000)]).toEqual([6, 12]);
    expect(sync(3, [3, 100], [asks(50)]).next.scaleUps).toEqual([]);
  });

  it('nothing of a sync whose metrics failed, but that it was', () => {
    expect(sync(5, [1, 9], [fails('x')]).next.recommendations).toEqual([{ replicas: 5, atMs: NOW_MS }]);
  });
});

it('a new HPA waits for a period, from 1.37 on it does not', () => {
  expect(firstSyncMs({ version: [1, 36], syncPeriodMs: 15_000 })).toBe(15_000);
  expect(firstSyncMs({ version: [1, 37], syncPeriodMs: 15_000 })).toBe(0);
});
