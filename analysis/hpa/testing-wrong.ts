/** Steps that a controller which keeps to the model would not make. */
import { decide } from './decide.ts';
import { proposalOf } from './replicas.ts';
import type { Chance } from './testing-specs.ts';
import { metricsOf, type PodSample, type Seen } from './testing-log.ts';
import type { Behavior, ControllerParameters, ControllerState, HpaSpec, ScalingRules } from './types.ts';

export const WRONG_KINDS = [
  'beyond the maximum',
  'below the minimum',
  'wrong value',
  'too fast',
  'too early down',
  'ignored tolerance',
  'wrong select policy',
  'not scaled',
] as const;
export type WrongKind = (typeof WRONG_KINDS)[number];

/** The size that this kind of mistake comes to here; the right one where it makes no difference. */
export function wrongSize(
  kind: WrongKind,
  right: number,
  { seen, store, parameters, chance }: WrongInput,
): number {
  const { spec, current, raw, nowMs, state } = seen;
  const { behavior } = spec;
  if (raw === null) return right;
  const again = (change: Partial<HpaSpec>, from: ControllerState, asked: number) =>
    decide(from, {
      nowMs,
      current,
      spec: { ...spec, ...change },
      proposals: [{ ok: true, replicas: asked, usage: 0, usageMilli: 0, readyPods: 0 }],
      parameters,
    }).desired ?? right;
  if (kind === 'beyond the maximum') return spec.max + chance.from(1, 3);
  if (kind === 'below the minimum') return spec.min - 1;
  if (kind === 'wrong value') return right + chance.one([-3, -2, -1, 1, 2, 3]);
  if (kind === 'not scaled') return current;
  if (kind === 'too fast')
    return behavior ? again({ behavior: UNLIMITED }, state, raw) : Math.min(raw, spec.max);
  if (kind === 'too early down')
    return again({}, { ...state, recommendations: [{ replicas: raw, atMs: nowMs }] }, raw);
  if (kind === 'ignored tolerance')
    return again({}, state, Math.max(raw, ...withoutTolerance(seen, store, parameters)));
  if (!behavior) return right;
  const { scaleUp, scaleDown } = behavior;
  return again({ behavior: { scaleUp: flipped(scaleUp), scaleDown: flipped(scaleDown) } }, state, raw);
}

export interface WrongInput {
  seen: Seen;
  store: ReadonlyMap<string, PodSample>;
  parameters: ControllerParameters;
  chance: Chance;
}

function withoutTolerance(
  { spec, current, pods, nowMs }: Seen,
  store: ReadonlyMap<string, PodSample>,
  parameters: ControllerParameters,
): number[] {
  return spec.metrics.flatMap((metric) => {
    if (metric.source !== 'Resource') return [];
    const proposal = proposalOf(metric, {
      specReplicas: current,
      statusReplicas: current,
      pods,
      podMetrics: metricsOf(store, metric),
      tolerances: { up: 0, down: 0 },
      nowMs,
      parameters,
    });
    return proposal.ok ? proposal.replicas : [];
  });
}

const UNLIMITED_RULES: ScalingRules = {
  stabilizationMs: 0,
  selectPolicy: 'Max',
  policies: [{ type: 'Pods', value: 1_000, periodMs: 1_000 }],
  tolerance: null,
};
const UNLIMITED: Behavior = { scaleUp: UNLIMITED_RULES, scaleDown: UNLIMITED_RULES };

function flipped(rules: ScalingRules): ScalingRules {
  return { ...rules, selectPolicy: rules.selectPolicy === 'Min' ? 'Max' : 'Min' };
}
