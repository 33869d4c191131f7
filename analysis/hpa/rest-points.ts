/**
 * Where a workload under a steady demand may come to rest. The tolerance and the rounding up leave more than one legal end as a rule:
 * at 70 % and a demand of 7.0 requests, 9 pods are as legal as 10.
 *
 * Follows from replica_calculator.go: N rests when what is proposed at N, kept within minimum and maximum, is N.
 */
import { UsageError } from '../../record/model.ts';
import { normalize } from './normalize.ts';
import { CONTROLLER_DEFAULTS, EMPTY_STATE, type HpaSpec, type MetricSpec } from './types.ts';
import { type Tolerances, within } from './usage.ts';

/** One resource of a workload under load. All pods are alike and ready, and the load is spread evenly. */
export interface Workload {
  spec: HpaSpec;
  /** Of one pod. */
  requestMilli: number;
  /** A pod cannot use more than this; absent or null: no limit. */
  limitMilli?: number | null | undefined;
  /** What a pod uses without any load. */
  idleMilli?: number;
  /** Default: the controller's own. */
  tolerances?: Tolerances;
  /** Default `cpu`. */
  resource?: string;
}

/** Every legal end under `demandMilli` (what the load needs over all pods, idle use apart), ascending. */
export function restPoints(demandMilli: number, workload: Workload): number[] {
  return sizes(workload.spec).filter((size) => {
    const [from, to] = restingDemand(size, workload);
    return demandMilli >= from && demandMilli < to;
  });
}

export interface AloneDemand {
  /** From, inclusive, to, exclusive; infinite where no demand is too much. */
  demandMilli: [number, number];
  /** The legal ends in that interval: `[target]` when it can be alone. */
  ends: number[];
  /**
   * Sizes from the minimum on, in the middle of the interval (a tenth above its start where it is unbounded), when nothing but the CPU
   * limit and the rate hold the controller back. It does not arrive at the target where the limit keeps the use too low.
   */
  path: number[];
}

/** The demands whose only legal end is `target`; where there are none, those with the fewest other legal ends. */
export function demandForAlone(target: number, workload: Workload): AloneDemand {
  const { max } = workload.spec;
  const min = lowest(workload.spec);
  if (target < min || target > max)
    throw new UsageError(
      `${target} replicas cannot be an end: the HPA keeps them within ${min} and ${max}; ask for one of these`,
    );
  const [from, to] = restingDemand(target, workload);
  if (!(from < to))
    throw new UsageError(
      `${target} replicas cannot be an end: with a request of ${workload.requestMilli}m and a limit of ${workload.limitMilli ?? 0}m no pod can use enough; raise the limit`,
    );
  const edges = sizes(workload.spec)
    .flatMap((size) => restingDemand(size, workload))
    .filter((edge) => edge > from && edge < to);
  const starts = [...new Set([from, ...edges])].sort((a, b) => a - b);
  const pieces = starts.map((start, index) => ({
    demandMilli: [start, starts[index + 1] ?? to] as [number, number],
    ends: restPoints(start, workload),
  }));
  const [first = { demandMilli: [from, to] as [number, number], ends: [target] }, ...others] = pieces;
  const best = others.reduce((so, piece) => (isBetter(piece, so) ? piece : so), first);
  const [low, high] = best.demandMilli;
  const inside = Number.isFinite(high) ? (low + high) / 2 : low * 1.1;
  return { ...best, path: steadyPath(min, inside, workload) };
}

type Piece = Pick<AloneDemand, 'demandMilli' | 'ends'>;

/** Fewer ends, then the wider interval: it is easier to hit. */
function isBetter(a: Piece, b: Piece): boolean {
  if (a.ends.length !== b.ends.length) return a.ends.length < b.ends.length;
  return a.demandMilli[1] - a.demandMilli[0] > b.demandMilli[1] - b.demandMilli[0];
}

/**
 * Sizes that a steady demand leads through, `from` first: each decision with all pods ready, no history, and every period of the
 * `behavior` over. Ends where the controller rests.
 */
export function steadyPath(from: number, demandMilli: number, workload: Workload): number[] {
  const { spec } = workload;
  const path = [from];
  for (;;) {
    const current = path.at(-1) ?? from;
    const { desired } = normalize(EMPTY_STATE, {
      nowMs: 0,
      current,
      desired: proposalAt(current, usedUnits(current, demandMilli, workload), workload),
      spec,
      parameters: CONTROLLER_DEFAULTS,
    });
    if (desired === current || path.length > spec.max + 1) return path;
    path.push(desired);
  }
}

/** Demands at which `size` rests: from, inclusive, to, exclusive. Empty (from >= to) when the limit keeps the use below it. */
function restingDemand(size: number, workload: Workload): [number, number] {
  const { spec, idleMilli = 0, limitMilli } = workload;
  const least = size === lowest(spec) ? 0 : firstUnits((units) => proposalAt(size, units, workload) >= size);
  const beyond =
    size === spec.max
      ? Number.POSITIVE_INFINITY
      : firstUnits((units) => proposalAt(size, units, workload) > size);
  const highest = limitMilli ? unitsOf(limitMilli, workload) : Number.POSITIVE_INFINITY;
  const demandAt = (units: number) => (units * unitMilli(workload) - idleMilli) * size;
  return [
    highest < least ? Number.POSITIVE_INFINITY : Math.max(0, least === 0 ? 0 : demandAt(least)),
    highest < beyond ? Number.POSITIVE_INFINITY : demandAt(beyond),
  ];
}

/** The first whole number that `holds`; once it holds it does so for every larger one. */
function firstUnits(holds: (units: number) => boolean): number {
  let high = 1;
  while (!holds(high)) high *= 2;
  let low = 0;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** What is proposed at `size` when each pod uses `units`, kept within minimum and maximum. */
function proposalAt(size: number, units: number, workload: Workload): number {
  const { spec, tolerances = { up: CONTROLLER_DEFAULTS.tolerance, down: CONTROLLER_DEFAULTS.tolerance } } =
    workload;
  const ratio = units / metricOf(workload).target.value;
  const proposal = within(ratio, tolerances) ? size : Math.ceil(ratio * size);
  return Math.min(Math.max(proposal, spec.min), spec.max);
}

function usedUnits(size: number, demandMilli: number, workload: Workload): number {
  const { idleMilli = 0, limitMilli } = workload;
  const wantedMilli = demandMilli / size + idleMilli;
  return unitsOf(Math.min(wantedMilli, limitMilli ?? Number.POSITIVE_INFINITY), workload);
}

/** The whole numbers that the controller compares: percent of the request, or thousandths. */
function unitsOf(usedMilli: number, workload: Workload): number {
  return Math.trunc(usedMilli / unitMilli(workload));
}

function unitMilli(workload: Workload): number {
  return metricOf(workload).target.type === 'utilization' ? workload.requestMilli / 100 : 1;
}

/** What the HPA scales on of this resource of its pods; undefined: it does not. */
export function resourceMetric({ metrics }: HpaSpec, resource: string): MetricSpec | undefined {
  return metrics.find(
    ({ source, name }) => (source === 'Resource' || source === 'ContainerResource') && name === resource,
  );
}

function metricOf({ spec, resource = 'cpu' }: Workload): MetricSpec {
  const metric = resourceMetric(spec, resource);
  if (!metric) throw new UsageError(`the HPA has no metric for ${resource}: no load of it can be computed`);
  return metric;
}

function sizes(spec: HpaSpec): number[] {
  return Array.from({ length: spec.max - lowest(spec) + 1 }, (_, index) => lowest(spec) + index);
}

/** A resource's use says nothing at 0 pods. */
function lowest({ min }: HpaSpec): number {
  return Math.max(1, min);
}
