/**
 * What the controller may remember: every state that the record leaves open, as one state with sets in it. A recommendation has several
 * possible values and may have been forgotten; how old it is is known to a second. Choosing freely from the sets gives every state that is
 * consistent, and some more: what is legal is never missed, so nobody is accused for want of a state.
 */
import { RECEIPT_MS } from './trace.ts';
import type { Behavior, ControllerParameters, ControllerState, HpaSpec, ScalingRules } from './types.ts';

interface Recommendation {
  fromMs: number;
  toMs: number;
  /** Null = any value. */
  replicas: readonly number[] | null;
  /** False: it may also not be there. */
  certain: boolean;
}

interface ScaleEvent {
  change: number;
  atMs: number;
  certain: boolean;
}

/** Possible values: those named, and where `open` every further one in the direction in which they act. */
interface Extremes {
  values: number[];
  open: boolean;
}

/** Ways in which scale events at the edge of a period fall, beyond which they are not gone through. */
const MAX_WAYS = 64;

export class Memory {
  #recommendations: Recommendation[] = [];
  #ups: ScaleEvent[] = [];
  #downs: ScaleEvent[] = [];
  /** Scale events up to here are not all known. */
  #eventsUnknownToMs = Number.NEGATIVE_INFINITY;
  readonly #keptMs: number;

  /** `longestMs`: the longest window or period of any spec of the trace. */
  constructor(longestMs: number) {
    this.#keptMs = longestMs + 2 * RECEIPT_MS;
  }

  recommend(fromMs: number, toMs: number, replicas: readonly number[] | null, certain: boolean): void {
    const oldestMs = toMs - this.#keptMs;
    const first = this.#recommendations[0];
    if (first && first.toMs < oldestMs)
      this.#recommendations = this.#recommendations.filter((one) => one.toMs >= oldestMs);
    this.#recommendations.push({ fromMs, toMs, replicas, certain });
  }

  /** `change` is positive upwards. The controller may overwrite one older than all periods of its direction with it; later periods may be longer. */
  scaled(change: number, atMs: number, { scaleUp, scaleDown }: Behavior): void {
    const events = change > 0 ? this.#ups : this.#downs;
    const longestMs = Math.max(...periodsOf(change > 0 ? scaleUp : scaleDown));
    const first = events[0];
    if (first && first.atMs < atMs - this.#keptMs) events.shift();
    for (const event of events) if (event.atMs <= atMs - longestMs + RECEIPT_MS) event.certain = false;
    events.push({ change: Math.abs(change), atMs, certain: true });
  }

  /** From here on all that was remembered may be forgotten: another controller, or one that is not understood. */
  doubt(): void {
    for (const one of this.#recommendations) one.certain = false;
    for (const one of [...this.#ups, ...this.#downs]) one.certain = false;
  }

  /** Scale events up to that moment may be missing here. */
  eventsUnknownTo(atMs: number): void {
    this.#eventsUnknownToMs = Math.max(this.#eventsUnknownToMs, atMs);
  }

  /** Recommendations that are older than both windows may be overwritten by the next one; later windows may be longer. */
  outlive(atMs: number, spec: HpaSpec, parameters: ControllerParameters): void {
    const { upMs, downMs } = windowsOf(spec, parameters);
    const obsoleteMs = atMs - Math.max(upMs, downMs) + RECEIPT_MS;
    for (const one of this.#recommendations) {
      if (one.fromMs >= obsoleteMs) break;
      one.certain = false;
    }
  }

  /** Whether the lowest of the window of scaling up may hold back, and by which values, when `asked` is asked for now. */
  lowest(asked: number, nowMs: number, windowMs: number): Extremes {
    let limit = asked;
    let open = false;
    const values = new Set<number>();
    for (const one of this.#recommendations) {
      if (!mayBeWithin(one, nowMs, windowMs)) continue;
      if (!one.replicas) open = true;
      else {
        for (const value of one.replicas) values.add(value);
        if (isWithin(one, nowMs, windowMs)) limit = Math.min(limit, one.replicas.at(-1) ?? limit);
      }
    }
    values.add(limit);
    return { values: [...values].filter((value) => value <= limit), open };
  }

  /** The counterpart for scaling down: the highest of the window. */
  highest(asked: number, nowMs: number, windowMs: number): Extremes {
    let limit = asked;
    let open = false;
    const values = new Set<number>();
    for (const one of this.#recommendations) {
      if (!mayBeWithin(one, nowMs, windowMs)) continue;
      if (!one.replicas) open = true;
      else {
        for (const value of one.replicas) values.add(value);
        if (isWithin(one, nowMs, windowMs)) limit = Math.max(limit, one.replicas[0] ?? limit);
      }
    }
    values.add(limit);
    return { values: [...values].filter((value) => value >= limit), open };
  }

  /** What is known of the past by what came of it: none of the window was higher, or lower, than that. */
  learn(lowest: number, highest: number, nowMs: number, { upMs, downMs }: Windows): void {
    for (const one of this.#recommendations) {
      if (!one.certain || !one.replicas || one.replicas.length < 2) continue;
      const up = isWithin(one, nowMs, upMs);
      const down = isWithin(one, nowMs, downMs);
      if (!up && !down) continue;
      const left = one.replicas.filter((value) => (!up || value >= lowest) && (!down || value <= highest));
      if (left.length > 0) one.replicas = left;
    }
  }

  /**
   * Every way in which the remembered changes may lie within the periods of the policies. `free`: some are not known, so that any rate
   * between none and the highest is legal. Null: too many ways.
   */
  events(nowMs: number, { behavior }: HpaSpec): { ways: Events[]; free: boolean } | null {
    if (!behavior) return { ways: [NO_EVENTS], free: false };
    const periods = [...periodsOf(behavior.scaleUp), ...periodsOf(behavior.scaleDown)];
    if (this.#eventsUnknownToMs > nowMs - RECEIPT_MS - Math.max(...periods))
      return { ways: [NO_EVENTS], free: true };
    let ways: Events[] = [NO_EVENTS];
    for (const direction of ['scaleUps', 'scaleDowns'] as const)
      for (const event of direction === 'scaleUps' ? this.#ups : this.#downs) {
        const moments = momentsOf(event, nowMs, periods);
        if (moments.length * ways.length > MAX_WAYS) return null;
        ways = ways.flatMap((way) =>
          moments.map((atMs) =>
            atMs === null
              ? way
              : { ...way, [direction]: [...way[direction], { change: event.change, atMs }] },
          ),
        );
      }
    return { ways, free: false };
  }
}

type Events = Pick<ControllerState, 'scaleUps' | 'scaleDowns'>;
const NO_EVENTS: Events = { scaleUps: [], scaleDowns: [] };

export interface Windows {
  /** 0 = none. */
  upMs: number;
  downMs: number;
}

export function windowsOf(
  { behavior }: Pick<HpaSpec, 'behavior'>,
  { downscaleStabilizationMs }: Pick<ControllerParameters, 'downscaleStabilizationMs'>,
): Windows {
  if (!behavior) return { upMs: 0, downMs: downscaleStabilizationMs };
  return {
    upMs: behavior.scaleUp.stabilizationMs ?? 0,
    downMs: behavior.scaleDown.stabilizationMs ?? downscaleStabilizationMs,
  };
}

function periodsOf({ policies }: ScalingRules): number[] {
  return policies.map(({ periodMs }) => periodMs);
}

/** Moments that stand for all that the event's time may mean to the periods: before an edge, after it, or none at all (null). */
function momentsOf(
  { atMs, certain }: ScaleEvent,
  nowMs: number,
  periods: readonly number[],
): (number | null)[] {
  const ageMs = nowMs - atMs;
  const longestMs = Math.max(...periods);
  if (ageMs - RECEIPT_MS > longestMs) return [null];
  const open = periods.some((periodMs) => Math.abs(ageMs - periodMs) <= RECEIPT_MS);
  const moments: (number | null)[] = open ? [atMs - RECEIPT_MS - 1, atMs + RECEIPT_MS + 1] : [atMs];
  return certain ? moments : [...moments, null];
}

function mayBeWithin({ toMs }: Recommendation, nowMs: number, windowMs: number): boolean {
  return windowMs > 0 && nowMs - toMs - RECEIPT_MS <= windowMs;
}

function isWithin({ fromMs, certain }: Recommendation, nowMs: number, windowMs: number): boolean {
  return windowMs > 0 && certain && nowMs - fromMs + RECEIPT_MS < windowMs;
}
