import { describe, expect, it, test } from 'vitest';
import { demandForAlone, restPoints, steadyPath, type Workload } from './rest-points.ts';
import type { ScalingRules } from './types.ts';

const REQUEST_MILLI = 1_000;

function rules(selectPolicy: ScalingRules['selectPolicy'], policies: [string, number][]): ScalingRules {
  return {
    stabilizationMs: 0,
    selectPolicy,
    policies: policies.map(([type, value]) => ({
      type: type as 'Pods' | 'Percent',
      value,
      periodMs: 15_000,
    })),
    tolerance: null,
  };
}

function workload(
  selectPolicy: ScalingRules['selectPolicy'] = 'Max',
  options: Partial<Workload> = {},
  target = 70,
): Workload {
  return {
    spec: {
      min: 3,
      max: 10,
      metrics: [{ source: 'Resource', name: 'cpu', target: { type: 'utilization', value: target } }],
      behavior: {
        scaleUp: rules(selectPolicy, [
          ['Percent', 100],
          ['Pods', 2],
        ]),
        scaleDown: rules(selectPolicy, [
          ['Percent', 50],
          ['Pods', 1],
        ]),
      },
    },
    requestMilli: REQUEST_MILLI,
    ...options,
  };
}

describe('rest points', () => {
  it.each([
    // D = 7.0 requests: 77 % at 9 is within the tolerance, so 9 is as legal as 10.
    [7_000, [9, 10]],
    [7_020, [10]],
    [7_200, [10]],
    [100, [3]],
    [2_310, [3, 4]],
    [100_000, [10]],
  ])('%i millicores end at %j', (demandMilli, ends) => {
    expect(restPoints(demandMilli, workload())).toEqual(ends);
  });

  it.each([
    [50, 45, 55],
    [60, 54, 66],
    [70, 63, 77],
    [75, 68, 82],
    [80, 72, 88],
  ])('target %i %% leaves 6 alone from %i to %i %%', (target, low, high) => {
    const rests = (percent: number) => restPoints(percent * 10 * 6, workload('Max', {}, target)).includes(6);
    expect([low, high].map(rests)).toEqual([true, true]);
    expect(rests(high + 1)).toBe(false);
  });

  it('counts the idle use of every pod, which grows with their number', () => {
    expect(restPoints(6_500, workload('Max', { idleMilli: 60 }))).toEqual([10]);
    expect(restPoints(6_500, workload())).toEqual([9, 10]);
  });
});

describe('the demand whose only legal end is one size', () => {
  it('10 of 10 at 70 %: from 7.02 requests on, without bound', () => {
    const alone = demandForAlone(10, workload());
    expect(alone.ends).toEqual([10]);
    expect(alone.demandMilli[0]).toBeCloseTo(7_020, 6);
    expect(alone.demandMilli[1]).toBe(Number.POSITIVE_INFINITY);
    expect(alone.path).toEqual([3, 6, 10]);
  });

  it('takes what idle pods use off the demand', () => {
    expect(demandForAlone(10, workload('Max', { idleMilli: 20 })).demandMilli[0]).toBeCloseTo(
      7_020 - 9 * 20,
      6,
    );
  });

  it('names the smallest set where no demand leaves a size alone', () => {
    const wide = { ...workload(), spec: { ...workload().spec, max: 30 } };
    const { ends, demandMilli } = demandForAlone(25, wide);
    expect(ends).toContain(25);
    expect(ends.length).toBeGreaterThan(1);
    const middle = (demandMilli[0] + demandMilli[1]) / 2;
    expect(restPoints(middle, wide)).toEqual(ends);
    for (let demand = 14_000; demand < 22_000; demand += 10) {
      const others = restPoints(demand, wide);
      if (others.includes(25)) expect(others.length).toBeGreaterThanOrEqual(ends.length);
    }
  });

  it('9 of 10 can be alone, in a narrow stretch', () => {
    const { ends, demandMilli } = demandForAlone(9, workload());
    expect(ends).toEqual([9]);
    expect(demandMilli.map(Math.round)).toEqual([6_240, 6_300]);
  });

  it('with a limit of the request, 3 pods never ask for 6, but 10 is reached in smaller steps', () => {
    const tight = workload('Max', { limitMilli: REQUEST_MILLI });
    expect(steadyPath(3, 1_000_000, tight)).toEqual([3, 5, 8, 10]);
    expect(demandForAlone(10, tight).ends).toEqual([10]);
    expect(steadyPath(3, 1_000_000, workload('Max', { limitMilli: 1_170 }))).toEqual([3, 6, 10]);
  });

  it('with a limit inside the tolerance nothing moves, and every size is a legal end', () => {
    const stuck = workload('Max', { limitMilli: 770 });
    expect(restPoints(1_000_000, stuck)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    const { ends, path } = demandForAlone(10, stuck);
    expect(ends.length).toBeGreaterThan(1);
    expect(path).toEqual([3]);
  });

  it('refuses a size that the HPA cannot choose, and one that the limit keeps out of reach', () => {
    expect(() => demandForAlone(11, workload())).toThrow('within 3 and 10');
    expect(() => demandForAlone(10, workload('Max', { limitMilli: 500 }))).toThrow('raise the limit');
  });

  it('refuses an HPA without a metric for the resource', () => {
    expect(() => restPoints(1, workload('Max', { resource: 'memory' }))).toThrow('no metric for memory');
  });
});

describe('paths', () => {
  test.each([
    ['Max', [3, 6, 10]],
    ['Min', [3, 5, 7, 9, 10]],
    ['Disabled', [3]],
  ] as const)('up with selectPolicy %s', (selectPolicy, path) => {
    expect(steadyPath(3, 1_000_000, workload(selectPolicy))).toEqual(path);
  });

  test.each([
    ['Max', [10, 5, 3]],
    ['Min', [10, 9, 8, 7, 6, 5, 4, 3]],
    ['Disabled', [10]],
  ] as const)('down with selectPolicy %s', (selectPolicy, path) => {
    expect(steadyPath(10, 0, workload(selectPolicy))).toEqual(path);
  });

  test('an average value is reached as a percentage is', () => {
    const spec = workload().spec;
    const metrics = [
      { source: 'Resource' as const, name: 'cpu', target: { type: 'averageValue' as const, value: 700 } },
    ];
    expect(restPoints(7_200, { ...workload(), spec: { ...spec, metrics } })).toEqual([10]);
  });
});
