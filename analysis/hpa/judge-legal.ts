/** The sizes that are legal at one sync: every one that some state of the controller's memory and some of the possible inputs lead to. */
import { decide } from './decide.ts';
import { type Memory, windowsOf } from './judge-memory.ts';
import type { Asked } from './syncs.ts';
import type { StatusWrite } from './trace.ts';
import type { ControllerParameters, ControllerState, Decision, HpaSpec, ScalingRules } from './types.ts';

export interface Legal {
  sizes: ReadonlySet<number>;
  /** Why all between two bounds is held for legal; null = each was found. */
  open: string | null;
  /** What explains the size that was set; null where nothing does, or too much may. */
  consistent: { asked: ReadonlySet<number>; lowest: number; highest: number } | null;
}

/** Null: the ways in which remembered changes lie at the edges of periods are too many. */
export function legalSizes(
  memory: Memory,
  write: StatusWrite,
  { replicas }: Asked,
  parameters: ControllerParameters,
): Legal | null {
  const { receivedMs: nowMs, spec, current, desired } = write;
  const { upMs, downMs } = windowsOf(spec, parameters);
  const events = memory.events(nowMs, spec);
  if (!events) return null;
  const asFree = events.free ? { ...write, spec: withoutRates(spec) } : write;
  const top = Math.max(spec.max, current) + 1;
  const sizes = new Set<number>();
  const legs: Leg[] = [];
  let open = events.free;
  for (const asked of replicas ?? [0, top]) {
    const up = memory.lowest(asked, nowMs, upMs);
    const down = memory.highest(asked, nowMs, downMs);
    open ||= up.open || down.open;
    for (const lowest of up.open ? [...up.values, 0] : up.values)
      for (const highest of down.open ? [...down.values, top] : down.values)
        for (const way of events.ways) {
          const recommendations = [asked, lowest, highest].map((one) => ({ replicas: one, atMs: nowMs - 1 }));
          const decision = decideOn({ recommendations, ...way }, asFree, asked, parameters);
          if (decision.desired === null) continue;
          sizes.add(decision.desired);
          if (decision.desired === desired)
            legs.push({ asked, lowest, highest, shown: isShown(decision, write) });
        }
  }
  if (events.free) sizes.add(current);
  // The decision never falls where more is asked for or remembered, so all that is legal lies between the extremes.
  if (open || replicas === null) fill(sizes);
  return {
    sizes,
    open: open ? 'what the controller remembers is not all known' : null,
    consistent: open || replicas === null ? null : consistentOf(legs),
  };
}

/** The decision of a controller in that state whose metrics ask for `replicas`. */
export function decideOn(
  state: ControllerState,
  { receivedMs: nowMs, current, spec }: StatusWrite,
  replicas: number,
  parameters: ControllerParameters,
): Decision {
  const proposals = [{ ok: true as const, replicas, usage: 0, usageMilli: 0, readyPods: 0 }];
  return decide(state, { nowMs, current, spec, proposals, parameters });
}

/** With policies that hold nothing back; a direction that is disabled stays so. */
function withoutRates(spec: HpaSpec): HpaSpec {
  if (!spec.behavior) return spec;
  const free = (rules: ScalingRules): ScalingRules => ({
    ...rules,
    policies: [{ type: 'Pods', value: 1e6, periodMs: 1_000 }],
  });
  const { scaleUp, scaleDown } = spec.behavior;
  return { ...spec, behavior: { scaleUp: free(scaleUp), scaleDown: free(scaleDown) } };
}

function fill(sizes: Set<number>): void {
  const to = Math.max(...sizes);
  for (let size = Math.min(...sizes); size < to; size += 1) sizes.add(size);
}

interface Leg {
  asked: number;
  lowest: number;
  highest: number;
  /** The status shows the conditions that this would set. */
  shown: boolean;
}

function isShown({ conditions, rescale }: Decision, { conditions: shown }: StatusWrite): boolean {
  const same = (type: 'AbleToScale' | 'ScalingLimited') =>
    conditions[type]?.reason === shown[type]?.reason && conditions[type]?.status === shown[type]?.status;
  return same('ScalingLimited') && (rescale || same('AbleToScale'));
}

function consistentOf(legs: readonly Leg[]): Legal['consistent'] {
  const shown = legs.filter((leg) => leg.shown);
  const kept = shown.length > 0 ? shown : legs;
  if (kept.length === 0) return null;
  return {
    asked: new Set(kept.map(({ asked }) => asked)),
    lowest: Math.min(...kept.map(({ lowest }) => lowest)),
    highest: Math.max(...kept.map(({ highest }) => highest)),
  };
}
