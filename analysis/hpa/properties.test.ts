/** What holds of every decision, whatever was asked for before it. */
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { decide } from './decide.ts';
import {
  type Behavior,
  CONTROLLER_DEFAULTS,
  type ControllerState,
  EMPTY_STATE,
  type HpaSpec,
  type Proposal,
  type ScalingRules,
} from './types.ts';

/** Printed by fast-check when a property fails. */
const SEED = { seed: 20_261_121, numRuns: 300 };
const PARAMETERS = { ...CONTROLLER_DEFAULTS, version: [1, 35] as const };

const policy = fc.record({
  type: fc.constantFrom('Pods' as const, 'Percent' as const),
  value: fc.integer({ min: 1, max: 200 }),
  periodMs: fc.integer({ min: 1, max: 120 }).map((seconds) => seconds * 1_000),
});
const rules = (stabilization: fc.Arbitrary<number | null>): fc.Arbitrary<ScalingRules> =>
  fc.record({
    stabilizationMs: stabilization,
    selectPolicy: fc.constantFrom('Max' as const, 'Min' as const, 'Disabled' as const),
    policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
    tolerance: fc.constantFrom(null, 0, 0.3),
  });
const windowMs = fc.integer({ min: 0, max: 120 }).map((seconds) => seconds * 1_000);
const behavior: fc.Arbitrary<Behavior | null> = fc.option(
  fc.record({ scaleUp: rules(windowMs), scaleDown: rules(fc.option(windowMs)) }),
);
const spec: fc.Arbitrary<HpaSpec> = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 10 }), behavior)
  .map(([min, more, of]) => ({
    min,
    max: min + more,
    metrics: [
      { source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 70 } },
      { source: 'External', name: 'lag', target: { type: 'averageValue', value: 10_000 } },
    ],
    behavior: of,
  }));
/** A recorded proposal, or null for a metric that failed. */
const proposals = fc.array(
  fc.tuple(
    fc.integer({ min: 1, max: 100_000 }),
    fc.option(fc.integer({ min: 0, max: 30 })),
    fc.option(fc.integer({ min: 0, max: 30 })),
  ),
  { minLength: 1, maxLength: 40 },
);

interface Step {
  nowMs: number;
  current: number;
  before: ControllerState;
  asked: (number | null)[];
  desired: number;
}

/** Walks a controller through the proposals; every step starts from where the last one left it. */
function walk(
  of: HpaSpec,
  start: number,
  asked: readonly (readonly [number, number | null, number | null])[],
): Step[] {
  const steps: Step[] = [];
  let state = EMPTY_STATE;
  let current = start;
  let nowMs = 0;
  for (const [afterMs, ...each] of asked) {
    nowMs += afterMs;
    const offered = each.map((replicas): Proposal =>
      replicas === null
        ? { ok: false, reason: 'x', message: '' }
        : { ok: true, replicas, usage: 0, usageMilli: 0, readyPods: 0 },
    );
    const decision = decide(state, { nowMs, current, spec: of, proposals: offered, parameters: PARAMETERS });
    const desired = decision.desired ?? current;
    steps.push({ nowMs, current, before: state, asked: each, desired });
    ({ next: state } = decision);
    current = desired;
  }
  return steps;
}

describe('whatever the metrics ask for', () => {
  test.prop([spec, fc.integer({ min: 1, max: 20 }), proposals], SEED)(
    'it stays within minimum and maximum, or jumps there at once',
    (of, start, asked) => {
      for (const { current, desired } of walk(of, start, asked)) {
        expect(desired).toBeGreaterThanOrEqual(of.min);
        expect(desired).toBeLessThanOrEqual(of.max);
        if (current > of.max) expect(desired).toBe(of.max);
        if (current < of.min) expect(desired).toBe(of.min);
      }
    },
  );

  test.prop([spec, fc.integer({ min: 1, max: 20 }), proposals], SEED)(
    'it is never faster than a policy allows',
    (of, start, asked) => {
      const steps = walk(of, start, asked);
      for (const { nowMs, current, desired } of steps) {
        if (current > of.max || current < of.min || desired === current) continue;
        const at = (ms: number) => steps.findLast((step) => step.nowMs <= ms)?.desired ?? start;
        const rulesOf = desired > current ? of.behavior?.scaleUp : of.behavior?.scaleDown;
        if (!rulesOf) {
          if (!of.behavior) expect(desired).toBeLessThanOrEqual(Math.max(2 * current, 4, of.min));
          continue;
        }
        expect(rulesOf.selectPolicy).not.toBe('Disabled');
        const limits = rulesOf.policies.map(({ type, value, periodMs }) => {
          const periodStart = at(nowMs - periodMs);
          if (desired > current)
            return type === 'Pods' ? periodStart + value : Math.ceil(periodStart * (1 + value / 100));
          return type === 'Pods' ? periodStart - value : Math.trunc(periodStart * (1 - value / 100));
        });
        const widest = desired > current ? Math.max(...limits) : Math.min(...limits);
        const narrowest = desired > current ? Math.min(...limits) : Math.max(...limits);
        const limit = rulesOf.selectPolicy === 'Min' ? narrowest : widest;
        if (desired > current) expect(desired).toBeLessThanOrEqual(Math.max(limit, current));
        else expect(desired).toBeGreaterThanOrEqual(Math.min(limit, current));
      }
    },
  );

  test.prop([spec, fc.integer({ min: 1, max: 20 }), proposals], SEED)(
    'it goes neither below the highest recommendation of the window down nor above the lowest of the window up',
    (of, start, asked) => {
      for (const { nowMs, current, before, desired } of walk(of, start, asked)) {
        if (current > of.max || current < of.min || before.recommendations.length === 0) continue;
        const downMs = of.behavior ? (of.behavior.scaleDown.stabilizationMs ?? 300_000) : 300_000;
        const upMs = of.behavior?.scaleUp.stabilizationMs ?? 0;
        const since = (ageMs: number) =>
          before.recommendations.filter(({ atMs }) => atMs > nowMs - ageMs).map(({ replicas }) => replicas);
        if (desired < current)
          expect(desired).toBeGreaterThanOrEqual(Math.min(of.max, Math.max(...since(downMs), 0)));
        if (desired > current)
          expect(desired).toBeLessThanOrEqual(Math.max(of.min, Math.min(...since(upMs), 1_000)));
      }
    },
  );

  test.prop([spec, fc.integer({ min: 1, max: 20 }), proposals], SEED)(
    'a metric that fails is never the cause of a scale-down',
    (of, start, asked) => {
      for (const { current, asked: each, desired } of walk(of, start, asked)) {
        const valid = each.filter((replicas) => replicas !== null);
        if (valid.length === each.length || current > of.max) continue;
        if (valid.length === 0 || Math.max(...valid) < current)
          expect(desired).toBe(Math.max(current, of.min));
        if (desired < current) expect(Math.max(...valid)).toBeGreaterThanOrEqual(current);
      }
    },
  );

  test.prop([spec, fc.integer({ min: 1, max: 15 })], SEED)(
    'asked for what there is, again and again, it does nothing',
    (of, start) => {
      const current = Math.min(Math.max(start, of.min), of.max);
      const steps = walk(
        of,
        current,
        Array.from({ length: 20 }, () => [15_000, current, current] as const),
      );
      expect(new Set(steps.map(({ desired }) => desired))).toEqual(new Set([current]));
    },
  );
});
