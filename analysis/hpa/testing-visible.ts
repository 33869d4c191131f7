/**
 * Whether a wrong step leaves any explanation on record, told by those who know what was hidden: from the least to the most that the metrics
 * may have asked for, and that the controller may remember, nothing comes to the size that was set. The decision never falls when more is asked
 * for or remembered, so the two ends are enough. What is not certain here counts as anything at all: a step that is called visible is.
 */
import { decide } from './decide.ts';
import { proposalOf, tolerancesOf } from './replicas.ts';
import { metricsOf, POLL_MS, type Seen, type WorldLog } from './testing-log.ts';
import type { Blind } from './trace.ts';
import type { Behavior, ControllerState, HpaPod, ScalingRules } from './types.ts';

/** Times on record may be off this much against each other, ms: a second late each, and a little. */
const OFF_MS = 2_100;
/** A poll brings a new value at the latest this long after it was there, ms. */
const POLLED_MS = 9_000;
/** Longer than any window or period of the random specs, ms. */
const LONGEST_MS = 360_000;

export function isVisible(wrong: Seen, log: WorldLog, isCut: boolean): boolean {
  const { nowMs, current, desired } = wrong;
  const isUnwatched = ({ what, fromMs, toMs }: Blind) =>
    what === 'hpa' && fromMs < nowMs + OFF_MS && toMs > nowMs - 2 * OFF_MS;
  if (log.blind.some(isUnwatched)) return false;
  const top = Math.max(wrong.spec.max, current) + 5;
  const isForgotten = isCut || mayBeForgotten(wrong, log);
  const { low, high } = isForgotten ? anything(top) : rememberedBounds(wrong, log, top);
  const ways = isForgotten ? [{ scaleUps: [], scaleDowns: [] }] : eventWays(wrong);
  const spec = isForgotten ? { ...wrong.spec, behavior: withoutRates(wrong.spec.behavior) } : wrong.spec;
  const [least, most] = askedBounds(wrong, log, top);
  const sizes = ways.flatMap((events) =>
    [
      { asked: least, ...low },
      { asked: most, ...high },
    ].map(({ asked, highest, lowest }) => {
      const recommendations = [asked, Math.max(asked, highest), Math.min(asked, lowest)].map((replicas) => ({
        replicas,
        atMs: nowMs - 1,
      }));
      const proposals = [{ ok: true as const, replicas: asked, usage: 0, usageMilli: 0, readyPods: 0 }];
      const input = { nowMs, current, spec, proposals, parameters: log.parameters };
      return decide({ recommendations, ...events }, input).desired ?? current;
    }),
  );
  if (isForgotten) sizes.push(current);
  return desired < Math.min(...sizes) || desired > Math.max(...sizes);
}

/** Whether something happened after which it is not certain what the controller remembers. */
function mayBeForgotten(wrong: Seen, log: WorldLog): boolean {
  const { nowMs, spec } = wrong;
  const fromMs = nowMs - LONGEST_MS;
  return (
    // After a change of the windows it is not known which of the older recommendations were overwritten.
    spec !== log.seen[0]?.spec ||
    log.blind.some(({ what, toMs }) => what === 'hpa' && toMs > fromMs) ||
    log.restartsMs.some((atMs) => atMs > fromMs && atMs < nowMs + OFF_MS) ||
    isOverwritten(wrong, log)
  );
}

function anything(top: number): { low: Extreme; high: Extreme } {
  return { low: { highest: 0, lowest: 0 }, high: { highest: top, lowest: top } };
}

function withoutRates(behavior: Behavior | null): Behavior | null {
  if (!behavior) return null;
  const policies: ScalingRules['policies'] = [{ type: 'Pods', value: 1_000, periodMs: 1_000 }];
  const { scaleUp, scaleDown } = behavior;
  return { scaleUp: { ...scaleUp, policies }, scaleDown: { ...scaleDown, policies } };
}

interface Extreme {
  highest: number;
  lowest: number;
}

interface Remembered {
  low: number;
  high: number;
  /** False: it may also not be there. */
  certain: boolean;
  atMs: number;
}

/** Least and most of the highest and of the lowest recommendation within the windows. */
function rememberedBounds(wrong: Seen, log: WorldLog, top: number): { low: Extreme; high: Extreme } {
  const { spec, nowMs } = wrong;
  const downMs = spec.behavior?.scaleDown.stabilizationMs ?? log.parameters.downscaleStabilizationMs;
  const upMs = spec.behavior?.scaleUp.stabilizationMs ?? 0;
  const low: Extreme = { highest: 0, lowest: top };
  const high: Extreme = { highest: 0, lowest: top };
  for (const one of remembered(wrong, log, top)) {
    const ageMs = nowMs - one.atMs;
    if (downMs > 0 && ageMs - OFF_MS <= downMs) high.highest = Math.max(high.highest, one.high);
    if (downMs > 0 && one.certain && ageMs + OFF_MS < downMs) low.highest = Math.max(low.highest, one.low);
    if (upMs > 0 && ageMs - OFF_MS <= upMs) low.lowest = Math.min(low.lowest, one.low);
    if (upMs > 0 && one.certain && ageMs + OFF_MS < upMs) high.lowest = Math.min(high.lowest, one.high);
  }
  return { low, high };
}

function remembered(wrong: Seen, log: WorldLog, top: number): Remembered[] {
  const all: Remembered[] = [];
  const [first] = log.seen;
  if (first) all.push({ low: first.current, high: first.current, certain: true, atMs: first.nowMs });
  let before: Seen | null = null;
  for (const seen of log.seen) {
    const hidden = before && seen.write ? hiddenBetween(before, seen, log, top) : null;
    if (hidden) all.push(hidden);
    if (seen === wrong) break;
    if (seen.write) before = seen;
    if (seen.raw === null) continue;
    const [low, high] = askedBounds(seen, log, top);
    all.push({ low, high, certain: seen.write !== null, atMs: seen.nowMs });
  }
  return all;
}

/** What a sync that was not written may have asked for, when there was time for one between two that were. */
function hiddenBetween(before: Seen, after: Seen, { parameters }: WorldLog, top: number): Remembered | null {
  const { syncPeriodMs } = parameters;
  if (before.raw === null || before.current !== before.desired) return null;
  if (after.nowMs - before.nowMs + OFF_MS < 2 * syncPeriodMs) return null;
  const { AbleToScale, ScalingLimited } = before.write?.conditions ?? {};
  const isSteady = AbleToScale?.reason === 'ReadyForNewScale' && ScalingLimited?.status === false;
  const [low, high] = isSteady ? [before.current, before.current] : [0, top];
  return { low, high, certain: false, atMs: after.nowMs - syncPeriodMs + OFF_MS };
}

/** A change that a later one of the same direction may have overwritten, while a policy of the other direction still asks for it. */
function isOverwritten(wrong: Seen, { seen }: WorldLog): boolean {
  const { behavior } = wrong.spec;
  if (!behavior) return false;
  const longestOf = ({ policies }: ScalingRules) => Math.max(...policies.map(({ periodMs }) => periodMs));
  const longestMs = Math.max(longestOf(behavior.scaleUp), longestOf(behavior.scaleDown));
  const changes = seen.filter(({ current, desired, nowMs }) => desired !== current && nowMs < wrong.nowMs);
  return changes.some((early) => {
    const isUp = early.desired > early.current;
    const keptMs = longestOf(isUp ? behavior.scaleUp : behavior.scaleDown) - OFF_MS;
    return (
      early.nowMs > wrong.nowMs - longestMs - OFF_MS &&
      changes.some((late) => late.desired > late.current === isUp && late.nowMs - early.nowMs >= keptMs)
    );
  });
}

/** Both ways of what lies at the edge of a period. */
function eventWays({ state, nowMs, spec }: Seen): Pick<ControllerState, 'scaleUps' | 'scaleDowns'>[] {
  const periods = [...(spec.behavior?.scaleUp.policies ?? []), ...(spec.behavior?.scaleDown.policies ?? [])];
  let ways: Pick<ControllerState, 'scaleUps' | 'scaleDowns'>[] = [{ scaleUps: [], scaleDowns: [] }];
  for (const direction of ['scaleUps', 'scaleDowns'] as const)
    for (const { change, atMs } of state[direction]) {
      const isOpen = periods.some(({ periodMs }) => Math.abs(nowMs - atMs - periodMs) <= OFF_MS);
      const moments = isOpen ? [atMs - OFF_MS - 1, atMs + OFF_MS + 1] : [atMs];
      ways = ways.flatMap((way) =>
        moments.map((moment) => ({ ...way, [direction]: [...way[direction], { change, atMs: moment }] })),
      );
    }
  return ways;
}

/** Least and most that the metrics of a sync can have asked for: its own figure where the record has room for no other, else anything. */
function askedBounds(seen: Seen, log: WorldLog, top: number): [number, number] {
  return seen.raw !== null && isExact(seen, log) ? [seen.raw, seen.raw] : [0, top];
}

function isExact(seen: Seen, log: WorldLog): boolean {
  const { nowMs, pods, spec, current } = seen;
  const { cpuInitializationMs } = log.parameters;
  const isBlind = (what: Blind['what'], fromMs: number, toMs: number) =>
    log.blind.some((blind) => blind.what === what && blind.toMs >= fromMs && blind.fromMs <= toMs);
  if (isBlind('pods', nowMs - OFF_MS, nowMs + OFF_MS)) return false;
  if (isBlind('metrics', nowMs - OFF_MS, nowMs + POLLED_MS)) return false;
  if (log.scales.some(({ receivedMs }) => receivedMs > nowMs - OFF_MS && receivedMs < nowMs)) return false;
  const isYoung = ({ startedAtMs = Number.NEGATIVE_INFINITY }: HpaPod) =>
    Math.abs(startedAtMs + cpuInitializationMs - nowMs) < 2 * OFF_MS;
  if (pods.some(isYoung)) return false;
  const views = [pods, ...viewsAround(log, nowMs - OFF_MS, nowMs + OFF_MS)];
  const stores = log.polls.filter(
    ({ receivedMs }) => receivedMs > nowMs - POLL_MS - OFF_MS && receivedMs < nowMs + POLLED_MS,
  );
  return spec.metrics.every((metric, index) => {
    const proposal = seen.proposals[index];
    if (!proposal?.ok) return true;
    if (metric.source === 'Pods') return false;
    const { replicas, usage, usageMilli } = proposal;
    const base = {
      specReplicas: current,
      statusReplicas: seen.statusReplicas,
      tolerances: tolerancesOf(spec, log.parameters),
      nowMs,
      parameters: log.parameters,
    };
    if (metric.source === 'External' || metric.source === 'Object') {
      const isAverage = metric.target.type === 'averageValue';
      const mostMilli = isAverage ? usageMilli * seen.statusReplicas : usageMilli;
      const leastMilli = isAverage ? Math.max(0, mostMilli - seen.statusReplicas + 1) : usageMilli;
      return views.every((view) =>
        [leastMilli, mostMilli].every((valueMilli) => {
          const other = proposalOf(metric, { ...base, pods: view, valueMilli });
          return !other.ok || other.replicas === replicas;
        }),
      );
    }
    return views.every((view) =>
      stores.every(({ store }) => {
        const other = proposalOf(metric, { ...base, pods: view, podMetrics: metricsOf(store, metric) });
        const isSame = other.ok && other.usageMilli === usageMilli && other.usage === usage;
        return !isSame || other.replicas === replicas;
      }),
    );
  });
}

/** Pods as any reader may have seen them about then. */
function viewsAround({ pods }: WorldLog, fromMs: number, toMs: number): HpaPod[][] {
  const known = new Map<string, HpaPod>();
  const views: HpaPod[][] = [];
  for (const { receivedMs, name, pod } of pods) {
    if (receivedMs > toMs) break;
    if (receivedMs > fromMs && views.length === 0) views.push([...known.values()]);
    if (pod) known.set(name, pod);
    else known.delete(name);
    if (receivedMs > fromMs) views.push([...known.values()]);
  }
  return views;
}
