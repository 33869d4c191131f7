/**
 * From what the metrics ask for to what may be set: stabilisation, then the rate, then minimum and maximum. Upstream:
 * pkg/controller/podautoscaler/horizontal.go, normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors.
 */
import { scaleDownLimit, scaleUpLimit } from './rate.ts';
import type { Behavior, ControllerParameters, ControllerState, Decision, HpaSpec } from './types.ts';

export interface NormalizeInput {
  nowMs: number;
  current: number;
  /** The highest proposal. */
  desired: number;
  spec: Pick<HpaSpec, 'min' | 'max' | 'behavior'>;
  parameters: Pick<ControllerParameters, 'downscaleStabilizationMs'>;
}

export interface Normalized {
  desired: number;
  conditions: Pick<Decision['conditions'], 'AbleToScale' | 'ScalingLimited'>;
  /** With the new recommendation; scale events are added by whoever scales. */
  next: ControllerState;
}

/** By the rules of `behavior`, or where there is none on the legacy path. */
export function normalize(state: ControllerState, input: NormalizeInput): Normalized {
  const { spec, desired } = input;
  const stabilized = spec.behavior ? stabilize(state, input, spec.behavior) : stabilizeLegacy(state, input);
  const limited = spec.behavior
    ? limit(state, { ...input, desired: stabilized.desired }, spec.behavior)
    : limitLegacy({ ...input, desired: stabilized.desired });
  return {
    desired: limited.desired,
    conditions: {
      AbleToScale: {
        status: true,
        reason: stabilized.desired === desired ? 'ReadyForNewScale' : stabilized.reason,
      },
      ScalingLimited: { status: limited.desired !== stabilized.desired, reason: limited.reason },
    },
    next: stabilized.next,
  };
}

interface Stabilized {
  desired: number;
  reason: string;
  next: ControllerState;
}

/** stabilizeRecommendationWithBehaviors: what is recorded is not stabilised, and takes the place of one older than both windows. */
function stabilize(
  state: ControllerState,
  { nowMs, current, desired, parameters }: NormalizeInput,
  { scaleUp, scaleDown }: Behavior,
): Stabilized {
  const upCutoffMs = nowMs - (scaleUp.stabilizationMs ?? 0);
  const downCutoffMs = nowMs - (scaleDown.stabilizationMs ?? parameters.downscaleStabilizationMs);
  let lowest = desired;
  let highest = desired;
  for (const { replicas, atMs } of state.recommendations) {
    if (atMs > upCutoffMs && replicas < lowest) lowest = replicas;
    if (atMs > downCutoffMs && replicas > highest) highest = replicas;
  }
  return {
    desired: Math.min(Math.max(current, lowest), highest),
    reason: desired >= current ? 'ScaleUpStabilized' : 'ScaleDownStabilized',
    next: recorded(state, desired, nowMs, Math.min(upCutoffMs, downCutoffMs)),
  };
}

/** stabilizeRecommendation, the path without `behavior`. Unlike above, a recommendation of exactly the window's age still counts. */
function stabilizeLegacy(state: ControllerState, { nowMs, desired, parameters }: NormalizeInput): Stabilized {
  const cutoffMs = nowMs - parameters.downscaleStabilizationMs;
  let highest = desired;
  for (const { replicas, atMs } of state.recommendations)
    if (atMs >= cutoffMs && replicas > highest) highest = replicas;
  return { desired: highest, reason: 'ScaleDownStabilized', next: recorded(state, desired, nowMs, cutoffMs) };
}

/** Upstream overwrites the last obsolete entry and lets the others be; they count again when a window is made longer. */
function recorded(
  state: ControllerState,
  replicas: number,
  nowMs: number,
  obsoleteBeforeMs: number,
): ControllerState {
  const recommendations = [...state.recommendations];
  const slot = recommendations.findLastIndex(({ atMs }) => atMs < obsoleteBeforeMs);
  recommendations[slot < 0 ? recommendations.length : slot] = { replicas, atMs: nowMs };
  return { ...state, recommendations };
}

interface Limited {
  desired: number;
  reason: string;
}

/** convertDesiredReplicasWithBehaviorRate. */
function limit(
  state: ControllerState,
  { nowMs, current, desired, spec: { min, max } }: NormalizeInput,
  { scaleUp, scaleDown }: Behavior,
): Limited {
  if (desired > current) {
    const rate = Math.max(current, scaleUpLimit(current, scaleUp, state, nowMs));
    const most = Math.min(max, rate);
    if (desired > most) return { desired: most, reason: max > rate ? 'ScaleUpLimit' : 'TooManyReplicas' };
  } else if (desired < current) {
    const rate = Math.min(current, scaleDownLimit(current, scaleDown, state, nowMs));
    const least = Math.max(min, rate);
    if (desired < least) return { desired: least, reason: min < rate ? 'ScaleDownLimit' : 'TooFewReplicas' };
  }
  return { desired, reason: 'DesiredWithinRange' };
}

/** convertDesiredReplicasWithRules: at most twice as many, or 4, in one sync. */
function limitLegacy({ current, desired, spec: { min, max } }: NormalizeInput): Limited {
  const rate = Math.max(2 * current, 4);
  const most = Math.min(max, rate);
  if (desired < min) return { desired: min, reason: 'TooFewReplicas' };
  if (desired > most) return { desired: most, reason: max > rate ? 'ScaleUpLimit' : 'TooManyReplicas' };
  return { desired, reason: 'DesiredWithinRange' };
}
