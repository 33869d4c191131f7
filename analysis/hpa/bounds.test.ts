import { expect, it } from 'vitest';
import { fullySeenMs, scaledBackMs } from './bounds.ts';
import type { Workload } from './rest-points.ts';
import { CONTROLLER_DEFAULTS, type ScalingRules } from './types.ts';

const SCRAPE_MS = 1_000;

it.each([
  [15_000, 'busy', 80_000],
  [15_000, 'idle', 90_000],
  [60_000, 'busy', 155_000],
  [60_000, 'idle', 165_000],
] as const)(
  'with a resolution of %i ms, %s before, a step is fully seen within %i ms',
  (periodMs, before, withinMs) => {
    expect(fullySeenMs(periodMs, CONTROLLER_DEFAULTS, before)).toBe(withinMs + SCRAPE_MS);
  },
);

function down(selectPolicy: ScalingRules['selectPolicy']): Workload {
  const rules: ScalingRules = {
    stabilizationMs: null,
    selectPolicy,
    policies: [
      { type: 'Percent', value: 50, periodMs: 60_000 },
      { type: 'Pods', value: 1, periodMs: 60_000 },
    ],
    tolerance: null,
  };
  return {
    spec: {
      min: 3,
      max: 10,
      metrics: [{ source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 70 } }],
      behavior: { scaleUp: rules, scaleDown: rules },
    },
    requestMilli: 100,
  };
}

it.each([
  // The first step after 80 + 300 + 15 s and a scrape; then one of 75 s for each further one, and one to spare.
  ['Max', 396_000 + 2 * 75_000],
  ['Min', 396_000 + 7 * 75_000],
  ['Disabled', 396_000],
] as const)('from 10 to 3 with selectPolicy %s within %i ms', (selectPolicy, withinMs) => {
  expect(scaledBackMs(down(selectPolicy), CONTROLLER_DEFAULTS, 15_000)).toBe(withinMs);
});

it('without behavior it is one step, at the next sync', () => {
  const { spec, ...workload } = down('Max');
  expect(scaledBackMs({ ...workload, spec: { ...spec, behavior: null } }, CONTROLLER_DEFAULTS, 15_000)).toBe(
    396_000 + 15_000,
  );
});
