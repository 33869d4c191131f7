/**
 * What each planned fault did, by its own proof. Times are intervals: a proof looks now and then, so a fault began to act between
 * the last look that did not see it and the first that did.
 */
import type { Event, EventOf, Plan, PlannedFault } from '../record/model.ts';
import { type Bin, binsTouching, firstGoodRun, type Good, isGood, type Timeline } from './timeline.ts';

export type Interval = [loMs: number, hiMs: number];

export interface FaultView {
  name: string;
  /** Name of the chaos object, or the verb. */
  kind: string;
  /** It strikes and is over (a killed pod); what follows is the system's own recovery. Else it lasts until it is gone. */
  momentary: boolean;
  planned: PlannedFault;
  targets: string[];
  /** How many ends of a target's containers, which come back in the same pod, are its own doing. */
  restartsEach: number;
  intentAtMs: number | null;
  injectedAtMs: number | null;
  actingFromMs: Interval | null;
  goneAtMs: Interval | null;
  /** What it touched without being aimed at it. */
  elsewhere: string | null;
  /** Why it was not played, or not as planned. */
  failed: string | null;
  /** Start of the first run of good bins after it. Null = not seen before the next fault or the end of the load. */
  recoveredAtMs: number | null;
  /** From the intent until it is gone and recovered from, or else to the next fault's intent or the end of the load. Null = never begun. */
  windowMs: Interval | null;
}

/** Name of the time that belongs to no fault. */
export const OUTSIDE = 'outside';

/** One view for each planned fault, in the plan's order; events belong to a fault by its name. */
export function faultViews(
  plan: Plan,
  events: readonly Event[],
  timeline: Timeline | null,
  good: Good,
): FaultView[] {
  const views = plan.faults.map((planned) =>
    view(
      planned,
      events.filter((event) => 'fault' in event && event.fault === planned.name),
    ),
  );
  for (const fault of views) close(fault, views, timeline, good);
  return views;
}

function view(planned: PlannedFault, events: Event[]): FaultView {
  const first = <K extends Event['kind']>(kind: K) =>
    events.find((event): event is EventOf<K> => event.kind === kind);
  const saw = (what: 'acting' | 'gone' | 'elsewhere') =>
    events.find(
      (event): event is EventOf<'fault.proof'> => event.kind === 'fault.proof' && event.saw === what,
    );
  return {
    name: planned.name,
    kind: kindOf(planned.fault),
    momentary: isChaos(planned.fault) && planned.forMs === undefined,
    planned,
    targets: first('fault.intent')?.targets ?? [],
    restartsEach: first('fault.intent')?.restartsEach ?? 0,
    intentAtMs: first('fault.intent')?.at ?? null,
    injectedAtMs: first('fault.injected')?.at ?? null,
    actingFromMs: interval(saw('acting')),
    goneAtMs: interval(saw('gone')),
    elsewhere: saw('elsewhere')?.detail ?? null,
    failed: first('fault.failed')?.why ?? null,
    recoveredAtMs: null,
    windowMs: null,
  };
}

function isChaos(fault: PlannedFault['fault']): fault is { chaos: string } {
  return typeof fault === 'object' && 'chaos' in fault;
}

function kindOf(fault: PlannedFault['fault']): string {
  if (typeof fault === 'string') return fault;
  if (isChaos(fault)) return fault.chaos;
  return 'surge' in fault ? 'surge' : `scale to ${fault.scaleTo}`;
}

function interval(proof: EventOf<'fault.proof'> | undefined): Interval | null {
  return proof ? [Math.min(proof.notBeforeMs, proof.at), proof.at] : null;
}

/** The moment from which a recovery is looked for and measured: the end of a fault that lasts, the blow of one that does not. */
export function struckAtMs(fault: FaultView): Interval | null {
  return fault.momentary ? fault.actingFromMs : fault.goneAtMs;
}

/** The end of what can be seen of a fault: the next one's intent, or the end of the load (of whatever else is looked at). */
export function seenUntilMs(
  fault: Pick<FaultView, 'intentAtMs'>,
  all: readonly FaultView[],
  timeline: Pick<Timeline, 'toMs'>,
): number {
  const from = fault.intentAtMs ?? 0;
  const later = all.flatMap(({ intentAtMs }) =>
    intentAtMs !== null && intentAtMs > from ? [intentAtMs] : [],
  );
  return Math.min(timeline.toMs, ...later);
}

/**
 * The seconds in which the first good run is looked for, from where the recovery counts on. A blow may take some seconds to be felt: good
 * ones before the first bad one, which comes before it is seen gone, are no recovery from it.
 */
export function recoveryBins(fault: FaultView, timeline: Timeline, untilMs: number, good: Good): Bin[] {
  const from = struckAtMs(fault);
  if (from === null) return [];
  const bins = binsTouching(timeline, from[0], untilMs).filter((bin) => bin.toMs <= untilMs);
  if (!fault.momentary) return bins;
  const goneMs = fault.goneAtMs?.[1] ?? untilMs;
  const felt = bins.findIndex((bin) => bin.fromMs < goneMs && isGood(bin, good) === false);
  return felt < 0 ? bins : bins.slice(felt);
}

function close(fault: FaultView, all: readonly FaultView[], timeline: Timeline | null, good: Good): void {
  if (fault.intentAtMs === null || timeline === null) return;
  const untilMs = seenUntilMs(fault, all, timeline);
  const from = struckAtMs(fault);
  if (from) {
    const startMs = firstGoodRun(recoveryBins(fault, timeline, untilMs, good), good);
    fault.recoveredAtMs = startMs === null ? null : Math.max(startMs, from[0]);
  }
  const { recoveredAtMs, goneAtMs } = fault;
  const endMs =
    recoveredAtMs === null || goneAtMs === null
      ? untilMs
      : Math.min(untilMs, Math.max(recoveredAtMs, goneAtMs[1]));
  fault.windowMs = [fault.intentAtMs, Math.max(fault.intentAtMs, endMs)];
}
