/** How far `behavior` lets one step go. Upstream: calculateScaleUpLimitWithScalingRules and its counterpart in horizontal.go. */
import type { ControllerState, ScalingRules } from './types.ts';

/** The most replicas that one step up may reach. May be below `current`: the caller keeps it at that. */
export function scaleUpLimit(
  current: number,
  rules: ScalingRules,
  state: ControllerState,
  nowMs: number,
): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limits = rules.policies.map(({ type, value, periodMs }) => {
    const start = periodStart(current, periodMs, state, nowMs);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

/** The fewest replicas that one step down may reach. */
export function scaleDownLimit(
  current: number,
  rules: ScalingRules,
  state: ControllerState,
  nowMs: number,
): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limits = rules.policies.map(({ type, value, periodMs }) => {
    const start = periodStart(current, periodMs, state, nowMs);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  // `selectPolicy` names the size of the change: its smallest leaves the most replicas.
  return rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}

/** Replicas at the start of the period, by the controller's own changes alone. */
function periodStart(current: number, periodMs: number, state: ControllerState, nowMs: number): number {
  const since = (events: ControllerState['scaleUps']) => {
    let sum = 0;
    for (const { change, atMs } of events) if (atMs > nowMs - periodMs) sum += change;
    return sum;
  };
  return current - since(state.scaleUps) + since(state.scaleDowns);
}

/** storeScaleEvent: the new event takes the place of one older than the longest period of its direction. */
export function withScaleEvent(
  events: ControllerState['scaleUps'],
  change: number,
  { policies }: ScalingRules,
  nowMs: number,
): ControllerState['scaleUps'] {
  const longestMs = Math.max(0, ...policies.map(({ periodMs }) => periodMs));
  const kept = [...events];
  const slot = kept.findLastIndex(({ atMs }) => atMs < nowMs - longestMs);
  kept[slot < 0 ? kept.length : slot] = { change, atMs: nowMs };
  return kept;
}
