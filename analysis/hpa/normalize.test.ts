/** Cases of upstream's horizontal_test.go, by their names there; `P1`, `S1` are what they are called in discussions. One long file, as the table is there. */
import { describe, expect, it } from 'vitest';
import { normalize } from './normalize.ts';
import { scaleDownLimit, scaleUpLimit, withScaleEvent } from './rate.ts';
import { type ControllerState, EMPTY_STATE, type ScalingRules } from './types.ts';

const NOW_MS = 10_000_000;
type Policy = [value: number, unit: 'pods' | '%', periodS: number];
const DEFAULT_UP: Policy[] = [
  [4, 'pods', 15],
  [100, '%', 15],
];
const DEFAULT_DOWN: Policy[] = [[100, '%', 15]];

function rules(
  policies: readonly Policy[],
  stabilizationMs: number | null = 0,
  selectPolicy: ScalingRules['selectPolicy'] = 'Max',
): ScalingRules {
  return {
    stabilizationMs,
    selectPolicy,
    policies: policies.map(([value, unit, periodS]) => ({
      type: unit === '%' ? 'Percent' : 'Pods',
      value,
      periodMs: periodS * 1_000,
    })),
    tolerance: null,
  };
}

/** generateEventsUniformDistribution: in the middles of equal parts of the last 120 s, oldest first. */
function events(changes: readonly number[] | undefined): ControllerState['scaleUps'] {
  const partS = 120 / (changes?.length ?? 1);
  return (changes ?? []).map((change, index) => ({
    change,
    atMs: NOW_MS - Math.trunc(120 - partS * (index + 1) + partS / 2) * 1_000,
  }));
}

interface Case {
  current: number;
  desired: number;
  min: number;
  max: number;
  up?: Policy[];
  down?: Policy[];
  ups?: number[];
  downs?: number[];
}

describe('TestScalingWithRules', () => {
  const all = { min: 1, max: 1_000 };
  const SCATTERED = [1, 5, 9];
  const EVEN = [8, 12, 9, 11];
  it.each<[string, Case, [replicas: number, reason: string]]>([
    ['P1 within range', { current: 5, desired: 7, min: 3, max: 8 }, [7, 'DesiredWithinRange']],
    ['desired < minReplicas', { current: 3, desired: 1, min: 2, max: 8 }, [2, 'TooFewReplicas']],
    ['P2 within range when min is 0', { current: 1, desired: 0, min: 0, max: 10 }, [0, 'DesiredWithinRange']],
    ['max < scaleUpLimit', { current: 20, desired: 1_000, min: 1, max: 10 }, [10, 'TooManyReplicas']],
    ['P3 more than max', { current: 100, desired: 1_000, min: 100, max: 150 }, [150, 'TooManyReplicas']],
    [
      'scaleUpLimit < max with user policies',
      { current: 3, desired: 1_000, min: 1, max: 2_000, up: [[1, '%', 60]] },
      [4, 'ScaleUpLimit'],
    ],
    [
      'scaleDownLimit > min with user policies',
      { current: 1_000, desired: 3, min: 3, max: 2_000, down: [[20, 'pods', 60]] },
      [980, 'ScaleDownLimit'],
    ],
    ['P4 default behavior', { current: 10, desired: 50, ...all }, [20, 'ScaleUpLimit']],
    [
      'pods policy larger than percent policy',
      {
        current: 10,
        desired: 500,
        ...all,
        up: [
          [100, 'pods', 60],
          [100, '%', 60],
        ],
      },
      [110, 'ScaleUpLimit'],
    ],
    [
      'P5 percent policy larger than pods policy',
      {
        current: 10,
        desired: 500,
        ...all,
        up: [
          [2, 'pods', 60],
          [100, '%', 60],
        ],
      },
      [20, 'ScaleUpLimit'],
    ],
    [
      'P6 large policy',
      { current: 10, desired: 50, ...all, up: [[10_000, 'pods', 60]] },
      [50, 'DesiredWithinRange'],
    ],
    ['pod policy', { current: 10, desired: 50, ...all, up: [[30, 'pods', 60]] }, [40, 'ScaleUpLimit']],
    ['P7 percent policy', { current: 10, desired: 50, ...all, up: [[200, '%', 60]] }, [30, 'ScaleUpLimit']],
    [
      'scaleDown with percent policy',
      {
        current: 100,
        desired: 2,
        ...all,
        down: [
          [20, 'pods', 60],
          [1, '%', 60],
        ],
      },
      [80, 'ScaleDownLimit'],
    ],
    [
      'P8 scaleDown with pod policy larger than percent policy',
      {
        current: 100,
        desired: 2,
        ...all,
        down: [
          [2, 'pods', 60],
          [1, '%', 60],
        ],
      },
      [98, 'ScaleDownLimit'],
    ],
    [
      'scaleDown with large pod policy',
      { current: 10, desired: 0, ...all, down: [[100, 'pods', 60]] },
      [1, 'TooFewReplicas'],
    ],
    [
      'P9 min with 100 %',
      { current: 10, desired: 2, min: 5, max: 1_000, down: [[100, '%', 60]] },
      [5, 'TooFewReplicas'],
    ],
    [
      'scaleDown with pod policy limitation',
      { current: 10, desired: 2, ...all, down: [[5, 'pods', 60]] },
      [5, 'ScaleDownLimit'],
    ],
    ['P10 down 50 %', { current: 10, desired: 5, ...all, down: [[50, '%', 60]] }, [5, 'DesiredWithinRange']],
    [
      'large pod policy and events',
      { current: 100, desired: 500, min: 1, max: 200, up: [[300, 'pods', 60]], ups: SCATTERED },
      [200, 'TooManyReplicas'],
    ],
    [
      'P11 large percent policy and events',
      { current: 100, desired: 500, min: 1, max: 200, up: [[10_000, '%', 60]], ups: SCATTERED },
      [200, 'TooManyReplicas'],
    ],
    [
      'currentReplicas limitation with a lot of recent scale up events',
      { current: 100, desired: 500, ...all, up: [[5, 'pods', 120]], ups: SCATTERED },
      [100, 'ScaleUpLimit'],
    ],
    [
      'P12 pod policy and previous scale up events',
      { current: 100, desired: 500, ...all, up: [[150, 'pods', 120]], ups: SCATTERED },
      [235, 'ScaleUpLimit'],
    ],
    [
      'percent policy and previous scale up events',
      { current: 100, desired: 500, ...all, up: [[200, '%', 120]], ups: SCATTERED },
      [255, 'ScaleUpLimit'],
    ],
    [
      'P13 percent policy and previous scale up and down events',
      { current: 6, desired: 24, ...all, up: [[300, '%', 300]], ups: [4], downs: [2] },
      [16, 'ScaleUpLimit'],
    ],
    [
      'scaleDown with default policy and previous events',
      { current: 10, desired: 5, ...all, downs: SCATTERED },
      [5, 'DesiredWithinRange'],
    ],
    [
      'P14 down 115 pods',
      { current: 100, desired: 0, ...all, down: [[115, 'pods', 120]], downs: SCATTERED },
      [1, 'TooFewReplicas'],
    ],
    [
      'down 130 pods, min 5',
      { current: 100, desired: 0, min: 5, max: 1_000, down: [[130, 'pods', 120]], downs: SCATTERED },
      [5, 'TooFewReplicas'],
    ],
    [
      'P15 down 100 %, min 5',
      { current: 100, desired: 2, min: 5, max: 1_000, down: [[100, '%', 120]], downs: SCATTERED },
      [5, 'TooFewReplicas'],
    ],
    [
      'scaleDown with pod policy limitation and previous events',
      { current: 100, desired: 2, ...all, down: [[5, 'pods', 120]], downs: SCATTERED },
      [100, 'ScaleDownLimit'],
    ],
    [
      'P16 down 50 % with events',
      { current: 100, desired: 0, ...all, down: [[50, '%', 120]], downs: [2, 4, 6] },
      [56, 'ScaleDownLimit'],
    ],
    [
      'scaleDown with percent policy and previous scale up and down events',
      { current: 10, desired: 1, ...all, down: [[50, '%', 180]], ups: [2], downs: [4] },
      [6, 'ScaleDownLimit'],
    ],
    [
      'P17 previous events preventing further scale down',
      { current: 100, desired: 0, ...all, down: [[10, '%', 120]], downs: [10, 10, 10] },
      [100, 'ScaleDownLimit'],
    ],
    [
      'previous events still allowing more scale down',
      { current: 10, desired: 5, ...all, down: [[1_000, '%', 120]], downs: [10, 10, 10] },
      [5, 'DesiredWithinRange'],
    ],
    [
      "P18 'outdated' flag for one behavior for up",
      { current: 100, desired: 200, ...all, up: [[1_000, 'pods', 60]], ups: EVEN },
      [200, 'DesiredWithinRange'],
    ],
    [
      "not 'outdated' for two different policies for up",
      {
        current: 100,
        desired: 200,
        ...all,
        up: [
          [1_000, 'pods', 120],
          [100, '%', 60],
        ],
        ups: EVEN,
      },
      [200, 'DesiredWithinRange'],
    ],
    [
      "P19 'outdated' flag for one behavior for down",
      { current: 100, desired: 5, ...all, down: [[1_000, 'pods', 60]], downs: EVEN },
      [5, 'DesiredWithinRange'],
    ],
    [
      "'outdated' for two different policies for down",
      {
        current: 100,
        desired: 5,
        ...all,
        down: [
          [1_000, 'pods', 30],
          [100, '%', 60],
        ],
        downs: EVEN,
      },
      [5, 'DesiredWithinRange'],
    ],
  ])('%s', (_name, { current, desired, min, max, up, down, ups, downs }, [replicas, reason]) => {
    const state: ControllerState = {
      ...EMPTY_STATE,
      scaleUps: events(ups),
      scaleDowns: events(downs),
    };
    const normalized = normalize(state, {
      nowMs: NOW_MS,
      current,
      desired,
      spec: {
        min,
        max,
        behavior: { scaleUp: rules(up ?? DEFAULT_UP), scaleDown: rules(down ?? DEFAULT_DOWN) },
      },
      parameters: { downscaleStabilizationMs: 300_000 },
    });
    expect(normalized.desired).toBe(replicas);
    expect(normalized.conditions.ScalingLimited).toEqual({ status: replicas !== desired, reason });
  });
});

describe('limits', () => {
  const both: Policy[] = [
    [2, 'pods', 60],
    [50, '%', 60],
  ];
  it('TestCalculateScaleUpLimitWithScalingRules: Min takes the smallest change', () => {
    expect(scaleUpLimit(1, rules(both, 0, 'Min'), EMPTY_STATE, NOW_MS)).toBe(2);
  });

  it('TestCalculateScaleDownLimitWithBehaviors: Min takes the smallest change', () => {
    expect(scaleDownLimit(5, rules(both, 0, 'Min'), EMPTY_STATE, NOW_MS)).toBe(3);
  });

  it('Disabled leaves things as they are', () => {
    expect(scaleUpLimit(5, rules(both, 0, 'Disabled'), EMPTY_STATE, NOW_MS)).toBe(5);
    expect(scaleDownLimit(5, rules(both, 0, 'Disabled'), EMPTY_STATE, NOW_MS)).toBe(5);
  });

  it('counts in doubles, as Go does', () => {
    expect(scaleUpLimit(100, rules([[10, '%', 60]]), EMPTY_STATE, NOW_MS)).toBe(111);
    expect(scaleDownLimit(10, rules([[80, '%', 60]]), EMPTY_STATE, NOW_MS)).toBe(1);
    expect(scaleDownLimit(10, rules([[90, '%', 60]]), EMPTY_STATE, NOW_MS)).toBe(0);
    expect(scaleDownLimit(5, rules([[80, '%', 60]]), EMPTY_STATE, NOW_MS)).toBe(0);
  });

  it('an event as old as the period no longer counts, one that is younger by a millisecond does', () => {
    const at = (agoMs: number) =>
      scaleUpLimit(
        6,
        rules([[2, 'pods', 15]]),
        { ...EMPTY_STATE, scaleUps: [{ change: 2, atMs: NOW_MS - agoMs }] },
        NOW_MS,
      );
    expect([at(15_000), at(14_999)]).toEqual([8, 6]);
  });
});

describe('TestStoreScaleEvents', () => {
  it.each<[string, [change: number, agoS: number][], Policy[], number[]]>([
    ['empty entries', [], [[10, 'pods', 60]], [5]],
    ['one outdated entry to be replaced', [[7, 61]], [[10, 'pods', 60]], [5]],
    ['one actual entry to be not touched', [[7, 58]], [[10, 'pods', 60]], [7, 5]],
    [
      'two entries, one of them to be replaced',
      [
        [7, 61],
        [6, 59],
      ],
      [[10, 'pods', 60]],
      [5, 6],
    ],
    [
      'replace one entry, policies with different periods',
      [
        [8, 29],
        [6, 59],
        [7, 61],
        [9, 61],
      ],
      [
        [10, 'pods', 60],
        [100, '%', 30],
      ],
      [8, 6, 7, 5],
    ],
    [
      'two entries, both actual',
      [
        [7, 58],
        [6, 59],
      ],
      [
        [10, 'pods', 120],
        [100, '%', 30],
      ],
      [7, 6, 5],
    ],
  ])('%s', (_name, before, policies, after) => {
    const kept = before.map(([change, agoS]) => ({ change, atMs: NOW_MS - agoS * 1_000 }));
    expect(withScaleEvent(kept, 5, rules(policies), NOW_MS).map(({ change }) => change)).toEqual(after);
  });
});

type Recommendation = [replicas: number, agoS: number];

function recommendations(list: readonly Recommendation[]): ControllerState {
  return {
    ...EMPTY_STATE,
    recommendations: list.map(([replicas, agoS]) => ({ replicas, atMs: NOW_MS - agoS * 1_000 })),
  };
}

describe('TestNormalizeDesiredReplicasWithBehavior', () => {
  it.each<
    [
      string,
      [current: number, desired: number, upS: number, downS: number],
      Recommendation[],
      number,
      number[] | null,
    ]
  >([
    ['S1 empty, scaling down', [100, 5, 0, 0], [], 5, [5]],
    [
      'S2 scale up stabilization',
      [1, 7, 300, 0],
      [
        [4, 120],
        [5, 60],
      ],
      4,
      [4, 5, 7],
    ],
    [
      'S3 no scale up stabilization',
      [1, 3, 0, 300],
      [
        [4, 120],
        [5, 60],
      ],
      3,
      [4, 5, 3],
    ],
    [
      'S4 reuse element',
      [1, 100, 0, 0],
      [
        [10, 600],
        [9, 540],
      ],
      100,
      [10, 100],
    ],
    [
      'S5 reuse one obsolete recommendation',
      [1, 100, 300, 0],
      [
        [10, 6_000],
        [6, 60],
        [5, 120],
        [9, 180],
      ],
      5,
      [100, 6, 5, 9],
    ],
    [
      'S6 do not scale down when the recommendation goes up',
      [2, 3, 300, 300],
      [
        [2, 6_000],
        [1, 180],
      ],
      2,
      null,
    ],
  ])('%s', (_name, [current, desired, upS, downS], before, stabilized, after) => {
    const wide: Policy[] = [[10_000, 'pods', 15]];
    const {
      desired: result,
      next,
      conditions,
    } = normalize(recommendations(before), {
      nowMs: NOW_MS,
      current,
      desired,
      spec: {
        min: 0,
        max: 1_000,
        behavior: { scaleUp: rules(wide, upS * 1_000), scaleDown: rules(wide, downS * 1_000) },
      },
      parameters: { downscaleStabilizationMs: 300_000 },
    });
    expect(result).toBe(stabilized);
    if (after) expect(next.recommendations.map(({ replicas }) => replicas)).toEqual(after);
    const direction = desired >= current ? 'ScaleUpStabilized' : 'ScaleDownStabilized';
    expect(conditions.AbleToScale).toEqual({
      status: true,
      reason: stabilized === desired ? 'ReadyForNewScale' : direction,
    });
  });

  it("a window that the HPA leaves open is the controller's own", () => {
    const at = (downscaleStabilizationMs: number) =>
      normalize(recommendations([[9, 60]]), {
        nowMs: NOW_MS,
        current: 10,
        desired: 3,
        spec: {
          min: 1,
          max: 10,
          behavior: { scaleUp: rules(DEFAULT_UP), scaleDown: rules(DEFAULT_DOWN, null) },
        },
        parameters: { downscaleStabilizationMs },
      }).desired;
    expect([at(300_000), at(30_000)]).toEqual([9, 3]);
  });
});

describe('without behavior', () => {
  it.each<[string, number, Recommendation[], number, number]>([
    ['empty log', 5, [], 5, 1],
    [
      'stabilize',
      3,
      [
        [4, 120],
        [5, 60],
      ],
      5,
      3,
    ],
    [
      'no stabilize',
      3,
      [
        [1, 120],
        [2, 60],
      ],
      3,
      3,
    ],
    [
      'no stabilize - old recommendations',
      3,
      [
        [10, 600],
        [9, 540],
      ],
      3,
      2,
    ],
    [
      'stabilize - old recommendations',
      3,
      [
        [10, 600],
        [4, 60],
        [5, 120],
        [9, 540],
      ],
      5,
      4,
    ],
    ['one of exactly the age of the window still counts', 3, [[7, 300]], 7, 2],
  ])('TestNormalizeDesiredReplicas: %s', (_name, desired, before, stabilized, length) => {
    const {
      desired: result,
      next,
      conditions,
    } = normalize(recommendations(before), {
      nowMs: NOW_MS,
      current: 50,
      desired,
      spec: { min: 0, max: 1_000, behavior: null },
      parameters: { downscaleStabilizationMs: 300_000 },
    });
    expect(result).toBe(stabilized);
    expect(next.recommendations.length).toBe(length);
    expect(conditions.AbleToScale?.reason).toBe(
      stabilized === desired ? 'ReadyForNewScale' : 'ScaleDownStabilized',
    );
  });

  it.each([
    ['within range', 5, 7, 3, 8, 7, 'DesiredWithinRange'],
    ['< min', 3, 1, 2, 8, 2, 'TooFewReplicas'],
    ['zeroed, within range', 1, 0, 0, 10, 0, 'DesiredWithinRange'],
    ['max is the limit', 20, 1_000, 1, 10, 10, 'TooManyReplicas'],
    ['scaleUpLimit is the limit', 3, 1_000, 1, 2_000, 6, 'ScaleUpLimit'],
    ['never fewer than 4 at once', 1, 1_000, 1, 2_000, 4, 'ScaleUpLimit'],
  ])('TestConvertDesiredReplicasWithRules: %s', (_name, current, desired, min, max, replicas, reason) => {
    const { desired: result, conditions } = normalize(EMPTY_STATE, {
      nowMs: NOW_MS,
      current,
      desired,
      spec: { min, max, behavior: null },
      parameters: { downscaleStabilizationMs: 300_000 },
    });
    expect([result, conditions.ScalingLimited?.reason]).toEqual([replicas, reason]);
  });
});
